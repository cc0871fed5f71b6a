//! The newest events of one conversation in memory: those that the rows do not hold yet, and some that are likely to be asked for.
//!
//! Invariant: a tail has no gap, from its first event to the head. So for targets from its first event on it knows every
//! change, and whatever it lacks lies in the rows, before its first event.

use std::collections::{BTreeMap, BTreeSet};

use parlance_ports::record::{self, Peek};
use parlance_ports::{Direction, Snapshot};
use parlance_types::{AccountId, Entry, MessageId, OverlayChange, Position, Record, Seq};

use super::block::walk;
use super::erasing::erase;
use super::places::Places;

/// Roughly what a tail takes with its slot, and what a row that waits takes beside its bytes.
pub(super) const TAIL_COST: usize = 400;
const ROW_COST: usize = 100;

pub(super) struct Tail {
    /// The first event in `events`; one more than the head if there is none.
    first: u64,
    events: Vec<u8>,
    /// Where each event begins.
    offsets: Vec<u32>,
    /// The last event that the rows hold.
    pub(super) flushed: u64,
    /// By target and the event that made the change: all whose target is in the tail, and those that the rows lack.
    pub(super) changes: BTreeMap<(Seq, Seq), OverlayChange>,
    /// Those that the rows lack.
    pub(super) mentions: Vec<(AccountId, Seq)>,
    pub(super) places: Places,
    pub(super) snapshot: Option<Snapshot>,
    /// The snapshot that the rows hold, 0 if none or unknown.
    pub(super) snapshot_flushed: u64,
    /// The first position that the rows lack. `None`: they lack nothing but perhaps a snapshot.
    pub(super) since: Option<Position>,
    /// The last position that was applied here.
    pub(super) written: Position,
    /// Bytes that wait for the flusher.
    pub(super) waiting: usize,
}

/// What is left of a query's limits.
pub(super) struct Budget {
    events: usize,
    bytes: usize,
    is_untouched: bool,
}

impl Budget {
    pub(super) fn new(events_max: usize, bytes_max: usize) -> Self {
        Self { events: events_max, bytes: bytes_max, is_untouched: true }
    }

    /// Whether another event of this size is answered. Once it says no, it is over.
    pub(super) fn admits(&mut self, content_bytes: usize) -> bool {
        let fits = content_bytes <= self.bytes || self.is_untouched;
        if self.events == 0 || !fits {
            self.events = 0;
            return false;
        }
        self.is_untouched = false;
        self.events -= 1;
        match self.bytes.checked_sub(content_bytes) {
            Some(left) => self.bytes = left,
            // The first one may be too large; then it is the only one.
            None => self.events = 0,
        }
        true
    }

    pub(super) fn is_over(&self) -> bool {
        self.events == 0
    }
}

impl Tail {
    /// Of a conversation whose last event, `head`, lies in the rows.
    pub(super) fn new(head: u64) -> Self {
        Self {
            first: head + 1,
            events: Vec::new(),
            offsets: Vec::new(),
            flushed: head,
            changes: BTreeMap::new(),
            mentions: Vec::new(),
            places: Places::default(),
            snapshot: None,
            snapshot_flushed: 0,
            since: None,
            written: Position::ZERO,
            waiting: 0,
        }
    }

    pub(super) fn first(&self) -> u64 {
        self.first
    }

    /// The last event.
    pub(super) fn last(&self) -> u64 {
        self.first + self.offsets.len() as u64 - 1
    }

    /// Adds the next event without its memberships. Answers what it costs.
    pub(super) fn push(&mut self, entry: &Entry) -> usize {
        let Entry { record, rows } = entry;
        let start = self.events.len();
        let length = record::record_length(record);
        if self.events.capacity() - start < length {
            // Half again, not twice: this is most of the store's memory.
            self.events.reserve_exact(length.max(start / 2));
        }
        record::encode_record(record, &mut self.events);
        self.offsets.push(start as u32);
        let mut cost = length + size_of::<u32>();
        if let Some((target, change)) = &rows.overlay {
            self.changes.insert((*target, record.seq), change.clone());
            cost += ROW_COST;
        }
        for account in &rows.mentions {
            self.mentions.push((*account, record.seq));
            cost += ROW_COST;
        }
        cost
    }

    pub(super) fn is_dirty(&self) -> bool {
        self.since.is_some() || self.has_new_snapshot()
    }

    pub(super) fn has_new_snapshot(&self) -> bool {
        self.snapshot.as_ref().is_some_and(|snapshot| snapshot.seq.get() > self.snapshot_flushed)
    }

    /// Encoded events from `seq` on, which must not lie before the tail.
    pub(super) fn from(&self, seq: u64) -> &[u8] {
        let index = seq.saturating_sub(self.first) as usize;
        let start = self.offsets.get(index).map_or(self.events.len(), |start| *start as usize);
        &self.events[start..]
    }

    pub(super) fn get(&self, seq: u64) -> Option<Peek<'_>> {
        let start = *self.offsets.get(seq.checked_sub(self.first)? as usize)?;
        Peek::new(&self.events[start as usize..])
    }

    /// The part of `from ..= to` that is here and within the budget, encoded; events come in ascending order either way.
    pub(super) fn range(
        &self,
        from: u64,
        to: u64,
        direction: Direction,
        budget: &mut Budget,
    ) -> &[u8] {
        let (from, to) = (from.max(self.first), to.min(self.last()));
        if from > to {
            return &[];
        }
        let admitted = |budget: &mut Budget, seq| {
            self.get(seq).is_some_and(|event| budget.admits(event.content_bytes()))
        };
        let (begin, end) = match direction {
            Direction::Ascending => {
                let mut end = from;
                while end <= to && admitted(budget, end) {
                    end += 1;
                }
                (from, end)
            }
            Direction::Descending => {
                let mut begin = to + 1;
                while begin > from && admitted(budget, begin - 1) {
                    begin -= 1;
                }
                (begin, to + 1)
            }
        };
        let length = self.from(begin).len() - self.from(end).len();
        &self.from(begin)[..length]
    }

    pub(super) fn find(&self, sender: AccountId, id: MessageId) -> Option<&[u8]> {
        let named = |start: &&u32| {
            Peek::new(&self.events[**start as usize..])
                .is_some_and(|event| (event.message_id(), event.sender()) == (id, sender))
        };
        let start = *self.offsets.iter().rev().find(named)? as usize;
        let length = Peek::new(&self.events[start..])?.length();
        Some(&self.events[start..start + length])
    }

    pub(super) fn record(&self, seq: u64) -> Option<Record> {
        let length = self.get(seq)?.length();
        decode(&self.from(seq)[..length]).ok()?.pop()
    }

    /// Targets at or below `up_to` that events above `after` changed, of those that are here.
    pub(super) fn targets(&self, after: u64, up_to: Seq) -> impl Iterator<Item = Seq> {
        let from = (after + 1).max(self.first);
        let events = (from..=self.last()).filter_map(|seq| self.get(seq));
        events.filter_map(|event| event.target()).filter(move |target| *target <= up_to)
    }

    /// Takes a newer snapshot of events that are there. Answers what it costs.
    pub(super) fn save(&mut self, snapshot: Snapshot) -> usize {
        let kept = self.snapshot.as_ref().map_or(self.snapshot_flushed, |kept| kept.seq.get());
        if snapshot.seq.get() <= kept {
            return 0;
        }
        let cost = ROW_COST + snapshot.state.len();
        self.snapshot = Some(snapshot);
        cost
    }

    /// Takes the content of these events away, as the rows have done.
    pub(super) fn erase(&mut self, gone: &BTreeSet<Seq>) {
        // It was encoded by this process, so that it decodes; if not, the rows are not built from it any more.
        let Ok(Some(left)) = erase(&self.events, gone) else { return };
        self.events = left;
        self.offsets.clear();
        let mut start = 0;
        for event in walk(&self.events) {
            self.offsets.push(start);
            start += event.length() as u32;
        }
    }

    /// Drops what the rows hold, but for the newest events within these limits.
    pub(super) fn shorten(&mut self, events_max: usize, bytes_max: usize) {
        let mut keep_from = self.last() + 1;
        let mut left = bytes_max;
        while keep_from > self.first && self.last() + 1 - keep_from < events_max as u64 {
            let Some(event) = self.get(keep_from - 1) else { break };
            let Some(rest) = left.checked_sub(event.length()) else { break };
            (left, keep_from) = (rest, keep_from - 1);
        }
        let keep_from = keep_from.min(self.flushed + 1).max(self.first);
        let dropped = (keep_from - self.first) as usize;
        if dropped > 0 {
            let bytes = self.events.len() - self.from(keep_from).len();
            self.events.drain(..bytes);
            self.offsets.drain(..dropped);
            for offset in &mut self.offsets {
                *offset -= bytes as u32;
            }
            self.first = keep_from;
        }
        self.events.shrink_to(self.events.len() + self.events.len() / 4);
        self.offsets.shrink_to(self.offsets.len() + self.offsets.len() / 4);
        let (first, flushed) = (self.first, self.flushed);
        self.changes.retain(|(target, by), _| target.get() >= first || by.get() > flushed);
    }

    /// Roughly what it takes of memory.
    pub(super) fn cost(&self) -> usize {
        let rows = self.changes.len() + self.mentions.len() + 2 * self.places.len();
        let snapshot = self.snapshot.as_ref().map_or(0, |snapshot| snapshot.state.len());
        TAIL_COST
            + self.events.capacity()
            + 4 * self.offsets.capacity()
            + ROW_COST * rows
            + snapshot
    }
}

/// Decodes what a tail handed out. It was encoded by this process, so that it decodes.
pub(super) fn decode(events: &[u8]) -> Result<Vec<Record>, record::RecordError> {
    let mut rest = bytes::Bytes::copy_from_slice(events);
    let mut records = Vec::new();
    while !rest.is_empty() {
        records.push(record::split_record(&mut rest)?);
    }
    Ok(records)
}
