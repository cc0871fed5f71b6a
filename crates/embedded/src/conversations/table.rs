//! What is in memory: for each conversation that was touched lately its head and perhaps its tail, under one lock.
//!
//! Invariants: everything applied is durable in the journal, in its order; `ahead` is what was submitted, and a group is only
//! submitted if it continues that; a slot with anything in flight or unflushed is not dropped.

use hashbrown::HashMap;
use parlance_ports::{CommitError, HeadRow, MarkRow, Snapshot};
use parlance_types::{AccountId, ConversationId, Entry, Marks, Position};

use super::places::{Kept, Whereabouts};
use super::tail::{TAIL_COST, Tail};

/// Maps that grow and are swept one at a time, so that neither takes long.
pub(super) const PARTS: usize = 64;
/// Roughly what a place takes, with its entry in the list of its account.
const PLACE_COST: usize = 350;

pub(super) struct Table {
    parts: Vec<HashMap<ConversationId, Slot>>,
    whereabouts: Whereabouts,
    /// Conversations that the rows lack something of, each once.
    pub(super) dirty: Vec<ConversationId>,
    /// Bytes that wait for the flusher.
    pub(super) waiting: usize,
    /// How often slots were dropped: who read a head meanwhile must read it again.
    pub(super) drops: u64,
    /// Raised by every sweep, and noted by whoever touches a slot.
    pub(super) clock: u32,
    /// The last position that was applied.
    pub(super) applied: Position,
    /// Why nothing is committed any more.
    refusal: Option<CommitError>,
    /// Why the flusher makes no progress.
    pub(super) stuck: Option<String>,
    /// A group was refused for want of room, so that others may have been built upon it.
    pub(super) was_full: bool,
}

#[derive(Default)]
pub(super) struct Slot {
    /// `None`: there is no such conversation.
    pub(super) head: Option<HeadRow>,
    /// The last event that was submitted.
    ahead: u64,
    /// Submitted entries and marks that are not answered.
    in_flight: u32,
    touched: u32,
    pub(super) tail: Option<Box<Tail>>,
}

impl Slot {
    fn new(head: Option<HeadRow>) -> Self {
        let ahead = head.map_or(0, |head| head.seq.get());
        Self { head, ahead, ..Self::default() }
    }

    pub(super) fn seq(&self) -> u64 {
        self.head.map_or(0, |head| head.seq.get())
    }

    fn is_idle(&self) -> bool {
        self.in_flight == 0 && self.tail.as_ref().is_none_or(|tail| !tail.is_dirty())
    }
}

/// How an entry relates to what was submitted.
pub(super) enum Admission {
    Next,
    /// It is there, or on its way.
    Known,
    Gap,
}

impl Table {
    pub(super) fn new() -> Self {
        Self {
            parts: (0..PARTS).map(|_| HashMap::new()).collect(),
            whereabouts: Whereabouts::default(),
            dirty: Vec::new(),
            waiting: 0,
            drops: 0,
            clock: 0,
            applied: Position::ZERO,
            refusal: None,
            stuck: None,
            was_full: false,
        }
    }

    /// Why a commit is refused now, if it is. Memory is bounded even if the rows cannot be written.
    pub(super) fn refusal(&self, waiting_bytes_max: usize) -> Option<&CommitError> {
        if self.stuck.is_some() && self.waiting > waiting_bytes_max {
            return Some(&CommitError::Full);
        }
        self.refusal.as_ref()
    }

    /// Nothing is committed any more; the first reason stays.
    pub(super) fn stop(&mut self, why: impl Into<String>) -> CommitError {
        self.refusal.get_or_insert(CommitError::Broken(why.into())).clone()
    }

    fn part(&mut self, id: ConversationId) -> &mut HashMap<ConversationId, Slot> {
        &mut self.parts[part_of(id)]
    }

    pub(super) fn slot(&mut self, id: ConversationId) -> Option<&mut Slot> {
        let clock = self.clock;
        let slot = self.part(id).get_mut(&id)?;
        slot.touched = clock;
        Some(slot)
    }

    /// Puts a head there that was read while nothing was dropped since `drops`.
    pub(super) fn learn(&mut self, id: ConversationId, head: Option<HeadRow>, drops: u64) -> bool {
        let is_current = drops == self.drops;
        let clock = self.clock;
        match self.part(id).entry(id) {
            hashbrown::hash_map::Entry::Occupied(_) => true,
            hashbrown::hash_map::Entry::Vacant(free) if is_current => {
                free.insert(Slot { touched: clock, ..Slot::new(head) });
                true
            }
            hashbrown::hash_map::Entry::Vacant(_) => false,
        }
    }

    /// Counts an entry as submitted, if it is the next one. `None`: its slot is not there.
    pub(super) fn admit(&mut self, id: ConversationId, seq: u64) -> Option<Admission> {
        let slot = self.slot(id)?;
        Some(match seq.cmp(&(slot.ahead + 1)) {
            std::cmp::Ordering::Less => Admission::Known,
            std::cmp::Ordering::Greater => Admission::Gap,
            std::cmp::Ordering::Equal => {
                slot.ahead = seq;
                slot.in_flight += 1;
                Admission::Next
            }
        })
    }

    /// Keeps the slot of a mark that is submitted. `false`: there is no such conversation.
    pub(super) fn admit_mark(&mut self, id: ConversationId) -> bool {
        match self.slot(id) {
            Some(slot) if slot.ahead > 0 => {
                slot.in_flight += 1;
                true
            }
            _ => false,
        }
    }

    /// Something that was submitted did not come to be, and neither will what was built upon it.
    pub(super) fn dismiss(&mut self, id: ConversationId) {
        if let Some(slot) = self.slot(id) {
            slot.in_flight = slot.in_flight.saturating_sub(1);
            slot.ahead = slot.seq();
        }
    }

    /// The place of an account, if it is in memory.
    pub(super) fn place(&mut self, account: AccountId, id: ConversationId) -> Option<&Kept> {
        self.slot(id)?.tail.as_ref()?.places.get(account)
    }

    /// The places of an account that are in memory.
    pub(super) fn places(
        &self,
        account: AccountId,
    ) -> impl Iterator<Item = (ConversationId, &Kept)> {
        self.whereabouts.of(account).filter_map(move |id| {
            let slot = self.parts[part_of(id)].get(&id)?;
            Some((id, slot.tail.as_ref()?.places.get(account)?))
        })
    }

    /// Adds an event that was submitted, is durable and continues the head, or one that is replayed. Its slot must be there.
    pub(super) fn apply(&mut self, entry: &Entry, position: Position) {
        let id = entry.record.conversation;
        self.applied = position;
        let clock = self.clock;
        let Self { parts, whereabouts, dirty, waiting, .. } = self;
        let Some(slot) = parts[part_of(id)].get_mut(&id) else { return };
        slot.touched = clock;
        slot.in_flight = slot.in_flight.saturating_sub(1);
        let head = slot.seq();
        let marked = slot.head.map_or(Position::ZERO, |head| head.marked);
        let mut cost = if slot.tail.is_none() { TAIL_COST } else { 0 };
        let tail = slot.tail.get_or_insert_with(|| Box::new(Tail::new(head)));
        let record = &entry.record;
        slot.head = Some(HeadRow {
            seq: record.seq,
            hash: record.hash,
            ordinal: record.ordinal,
            at: record.at,
            position,
            marked,
        });
        slot.ahead = slot.ahead.max(record.seq.get());
        for (account, membership) in &entry.rows.memberships {
            let is_new = tail.flushed == 0;
            if tail.places.join(*account, (membership.clone(), position), is_new) {
                whereabouts.add(*account, id);
            }
            cost += PLACE_COST;
        }
        cost += tail.push(entry);
        soil(tail, id, position, cost, dirty, waiting);
    }

    /// Merges a mark that was submitted and is durable, or one that is replayed. Its slot must be there.
    pub(super) fn apply_mark(&mut self, row: &MarkRow, position: Position) {
        let id = row.conversation;
        self.applied = position;
        let Self { parts, whereabouts, dirty, waiting, .. } = self;
        let Some(slot) = parts[part_of(id)].get_mut(&id) else { return };
        slot.in_flight = slot.in_flight.saturating_sub(1);
        let seq = slot.seq();
        let Some(head) = &mut slot.head else { return };
        head.marked = head.marked.max(position);
        let mut cost = if slot.tail.is_none() { TAIL_COST } else { 0 };
        let tail = slot.tail.get_or_insert_with(|| Box::new(Tail::new(seq)));
        let marks = Marks { position, ..row.marks };
        let is_new = tail.flushed == 0;
        if tail.places.mark(row.account, &marks, is_new) {
            whereabouts.add(row.account, id);
            cost += PLACE_COST;
        }
        soil(tail, id, position, cost, dirty, waiting);
    }

    /// Takes a state over. Best effort: a conversation that is not in memory was not active.
    pub(super) fn save(&mut self, id: ConversationId, snapshot: Snapshot) {
        let Self { parts, dirty, waiting, .. } = self;
        let Some(slot) = parts[part_of(id)].get_mut(&id) else { return };
        let seq = slot.seq();
        if snapshot.seq.get() > seq {
            return;
        }
        let tail = slot.tail.get_or_insert_with(|| Box::new(Tail::new(seq)));
        let was_dirty = tail.is_dirty();
        let cost = tail.save(snapshot);
        if cost > 0 {
            tail.waiting += cost;
            *waiting += cost;
            if !was_dirty {
                dirty.push(id);
            }
        }
    }

    /// Adds what the tails of one part take, by how long ago they were touched; the last age is that and older.
    pub(super) fn weigh(&self, part: usize, by_age: &mut [usize]) {
        let oldest = by_age.len() - 1;
        for slot in self.parts[part].values() {
            if let Some(tail) = &slot.tail {
                let age = self.clock.saturating_sub(slot.touched) as usize;
                by_age[age.min(oldest)] += tail.cost();
            }
        }
    }

    /// Drops tails of one part that are at least so old and lack nothing in the rows.
    pub(super) fn sweep_tails(&mut self, part: usize, age: usize) {
        let Self { parts, whereabouts, clock, .. } = self;
        for (id, slot) in &mut parts[part] {
            let is_old = clock.saturating_sub(slot.touched) as usize >= age;
            if is_old && slot.is_idle() {
                for (account, _) in slot.tail.take().iter().flat_map(|tail| tail.places.iter()) {
                    whereabouts.remove(account, *id);
                }
            }
        }
    }

    /// Drops slots of one part until there are at most `slots_max`, but none that has a tail or anything in flight.
    pub(super) fn sweep_slots(&mut self, part: usize, slots_max: usize) {
        let slots = &mut self.parts[part];
        let mut excess = slots.len().saturating_sub(slots_max);
        if excess == 0 {
            return;
        }
        // An eighth more, so that this is rare.
        excess += slots_max / 8;
        let clock = self.clock;
        for age in [1, 0] {
            slots.retain(|_, slot| {
                let goes = excess > 0
                    && slot.tail.is_none()
                    && slot.in_flight == 0
                    && slot.touched + age <= clock;
                excess -= usize::from(goes);
                !goes
            });
        }
        self.drops += 1;
    }
}

fn part_of(id: ConversationId) -> usize {
    usize::from(id.as_bytes()[15]) % PARTS
}

/// Notes that the rows lack something since `position`.
fn soil(
    tail: &mut Tail,
    id: ConversationId,
    position: Position,
    cost: usize,
    dirty: &mut Vec<ConversationId>,
    waiting: &mut usize,
) {
    if !tail.is_dirty() {
        dirty.push(id);
    }
    tail.since = tail.since.or(Some(position));
    tail.written = position;
    tail.waiting += cost;
    *waiting += cost;
}
