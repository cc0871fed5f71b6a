//! A loaded conversation: the working state, what of it is not durable yet, and who waits for a read.

use std::collections::VecDeque;
use std::sync::Arc;

use hashbrown::HashMap;
use parlance_core::State;
use parlance_ports::Stamped;
use parlance_types::{
    AccountId, Entry, Facts, Mark, Marks, MessageId, Ordinal, Overlay, Record, Seq,
};

use super::request::Request;

/// Ordinals of the newest durable events kept at hand, so that most marks need no read.
const RECENT_MAX: usize = 64;

/// What waits behind a read, in order.
pub(super) enum Waiting {
    Command(Stamped),
    Request(Request),
}

/// A conversation in memory.
pub(super) struct Conversation {
    /// After everything that was decided.
    pub(super) working: State,
    /// The last durable event.
    pub(super) durable: Option<Mark>,
    /// Decided and not durable yet, in order.
    pub(super) in_flight: VecDeque<Arc<Entry>>,
    pub(super) marks: HashMap<AccountId, Marks>,
    /// Whose marks are to be written.
    pub(super) dirty: Vec<AccountId>,
    /// Marks on their way to the disk.
    pub(super) marks_in_flight: u32,
    /// Whose marks the members of a group were not told of yet.
    pub(super) unannounced: Vec<AccountId>,
    /// What waits for the read that is under way, the first being what asked for it.
    pub(super) waiting: VecDeque<Waiting>,
    /// A read is under way.
    pub(super) reading: bool,
    /// Was used since the cache last looked.
    pub(super) used: bool,
    /// Events since a state was last handed to the store.
    pub(super) unsaved: u32,
    recent: VecDeque<(Seq, Ordinal)>,
}

impl Conversation {
    pub(super) fn new(working: State, marks: HashMap<AccountId, Marks>, unsaved: u32) -> Self {
        let durable = working.seq().map(|seq| Mark { seq, ordinal: working.ordinal() });
        Self {
            working,
            durable,
            in_flight: VecDeque::new(),
            marks,
            dirty: Vec::new(),
            marks_in_flight: 0,
            unannounced: Vec::new(),
            waiting: VecDeque::new(),
            reading: false,
            used: true,
            unsaved,
            recent: VecDeque::new(),
        }
    }

    /// Nothing would be lost by dropping it.
    pub(super) fn is_idle(&self) -> bool {
        self.in_flight.is_empty()
            && self.waiting.is_empty()
            && !self.reading
            && self.dirty.is_empty()
            && self.marks_in_flight == 0
            && self.unannounced.is_empty()
    }

    /// The next `count` events in flight are durable.
    pub(super) fn land(&mut self, count: u32) {
        for entry in self.in_flight.drain(..count as usize) {
            let Record { seq, ordinal, .. } = entry.record;
            self.durable = Some(Mark { seq, ordinal });
            if self.recent.len() == RECENT_MAX {
                self.recent.pop_front();
            }
            self.recent.push_back((seq, ordinal));
        }
        self.unsaved += count;
    }

    /// The ordinal at a durable `seq`, if it is at hand.
    pub(super) fn ordinal_at(&self, seq: Seq) -> Option<Ordinal> {
        if let Some(durable) = self.durable
            && durable.seq == seq
        {
            return Some(durable.ordinal);
        }
        let first = self.recent.front()?.0;
        let index = usize::try_from(seq.get().checked_sub(first.get())?).ok()?;
        self.recent.get(index).map(|(_, ordinal)| *ordinal)
    }

    /// The original of a retry, if it is in flight.
    pub(super) fn original_in_flight(
        &self,
        sender: AccountId,
        message_id: MessageId,
    ) -> Option<&Record> {
        let same = |record: &&Record| record.sender == sender && record.message_id == message_id;
        self.in_flight.iter().map(|entry| &entry.record).find(same)
    }

    /// The event `seq`, if it is in flight.
    pub(super) fn record_in_flight(&self, seq: Seq) -> Option<&Record> {
        self.in_flight.iter().map(|entry| &entry.record).find(|record| record.seq == seq)
    }

    /// Lays the changes in flight over what the store answered.
    pub(super) fn lay_over(&self, target: Seq, overlay: &mut Overlay) {
        for entry in &self.in_flight {
            if let Some((changed, change)) = &entry.rows.overlay
                && *changed == target
            {
                overlay.apply(entry.record.seq, change);
            }
        }
    }

    /// Completes facts that were read from the store.
    pub(super) fn complete(&self, facts: &mut Facts) {
        if let Some((record, overlay)) = &mut facts.target {
            self.lay_over(record.seq, overlay);
        }
    }

    /// Rough memory.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>()
            + self.working.bytes()
            + self.marks.len() * 96
            + self.recent.capacity() * 16
    }
}
