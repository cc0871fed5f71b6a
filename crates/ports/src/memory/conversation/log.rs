//! Everything that was committed, and the reads over it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use parlance_types::{
    AccountId, ConversationId, Entry, Marks, Membership, MessageId, Overlay, Payload, Position,
    Record, Seq,
};

use crate::conversation::{Direction, HeadRow, Loaded, MembershipRow, RangeQuery, Snapshot};
use crate::record;
use crate::sink::Group;

#[derive(Debug, Default)]
pub(super) struct Log {
    conversations: BTreeMap<ConversationId, Conversation>,
    end: Position,
}

/// An account's place, as the last event that touched it wrote it, and where that event lies.
type Place = (Membership, Position);

#[derive(Debug, Default)]
struct Conversation {
    /// Event n is at n − 1.
    entries: Vec<Entry>,
    /// Of the last event.
    position: Position,
    places: BTreeMap<AccountId, Place>,
    marks: BTreeMap<AccountId, Marks>,
    marked: Position,
    snapshot: Option<Snapshot>,
}

/// How a group relates to what is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    /// Every entry is the next one of its conversation, or the same as the one that is there.
    Continues,
    /// Another event has this place.
    Conflict(ConversationId, Seq),
    /// The event before it is not there.
    Gap(ConversationId, Seq),
}

impl Log {
    /// Of the last record.
    pub(super) fn end(&self) -> Position {
        self.end
    }

    pub(super) fn fit(&self, group: &Group) -> Fit {
        let mut lengths: BTreeMap<ConversationId, u64> = BTreeMap::new();
        for entry in &group.entries {
            let Record { conversation: id, seq, .. } = entry.record;
            let there = self.conversations.get(&id).map_or(&[][..], |found| &found.entries);
            let length = lengths.entry(id).or_insert(there.len() as u64);
            match there.get(index(seq)) {
                Some(same) if is_same(same, entry) => {}
                Some(_) => return Fit::Conflict(id, seq),
                None if seq.get() == *length + 1 => *length += 1,
                None => return Fit::Gap(id, seq),
            }
        }
        Fit::Continues
    }

    /// Adds a group that fits; answers the position of its last record.
    pub(super) fn add(&mut self, group: Group) -> Position {
        let mut last = None;
        for entry in group.entries {
            let conversation = self.conversations.entry(entry.record.conversation).or_default();
            if entry.record.seq.get() <= conversation.entries.len() as u64 {
                last = last.max(Some(conversation.position));
                continue;
            }
            self.end = Position::new(self.end.get() + 1);
            last = Some(self.end);
            conversation.position = self.end;
            for (account, membership) in &entry.rows.memberships {
                conversation.places.insert(*account, (membership.clone(), self.end));
            }
            let changed = entry.rows.overlay.as_ref().map(|(target, _)| *target);
            conversation.entries.push(Arc::unwrap_or_clone(entry));
            if let Some(target) = changed {
                conversation.erase(target);
            }
        }
        for row in group.marks {
            self.end = Position::new(self.end.get() + 1);
            last = Some(self.end);
            let Some(conversation) = self.conversations.get_mut(&row.conversation) else {
                continue;
            };
            let marks = Marks { position: self.end, ..row.marks };
            conversation.marks.entry(row.account).or_default().merge(&marks);
            conversation.marked = self.end;
        }
        last.unwrap_or(self.end)
    }

    /// Keeps the newer of two snapshots, of events that are there.
    pub(super) fn save(&mut self, id: ConversationId, snapshot: Snapshot) {
        let Some(conversation) = self.conversations.get_mut(&id) else { return };
        let is_there = index(snapshot.seq) < conversation.entries.len();
        if is_there && conversation.snapshot.as_ref().is_none_or(|old| old.seq < snapshot.seq) {
            conversation.snapshot = Some(snapshot);
        }
    }

    /// Every snapshot that is kept.
    pub(super) fn snapshots(&self) -> impl Iterator<Item = (ConversationId, Snapshot)> {
        let kept = self.conversations.iter();
        kept.filter_map(|(id, conversation)| Some((*id, conversation.snapshot.clone()?)))
    }

    pub(super) fn load(&self, id: ConversationId) -> Option<Loaded> {
        let conversation = self.conversations.get(&id)?;
        let snapshot = conversation.snapshot.clone();
        let after = snapshot.as_ref().map_or(0, |snapshot| snapshot.seq.get() as usize);
        let records = conversation.entries[after..].iter().map(|entry| entry.record.clone());
        let marks = conversation.marks.iter().map(|(account, marks)| (*account, *marks));
        let marks = marks.filter(|(_, marks)| *marks != Marks::default());
        Some(Loaded { snapshot, records: records.collect(), marks: marks.collect() })
    }

    pub(super) fn head(&self, id: ConversationId) -> Option<HeadRow> {
        let conversation = self.conversations.get(&id)?;
        let Record { seq, hash, ordinal, at, .. } = conversation.entries.last()?.record;
        let Conversation { position, marked, .. } = *conversation;
        Some(HeadRow { seq, hash, ordinal, at, position, marked })
    }

    pub(super) fn range(&self, query: &RangeQuery) -> Vec<Record> {
        let Some(conversation) = self.conversations.get(&query.conversation) else {
            return Vec::new();
        };
        let up_to = query.up_to.map_or(u64::MAX, Seq::get);
        let records = conversation.entries.iter().map(|entry| &entry.record);
        let inside =
            records.filter(|record| query.after < record.seq.get() && record.seq.get() <= up_to);
        match query.direction {
            Direction::Ascending => cut(inside, query),
            Direction::Descending => {
                let mut records = cut(inside.rev(), query);
                records.reverse();
                records
            }
        }
    }

    pub(super) fn original(
        &self,
        id: ConversationId,
        sender: AccountId,
        message_id: MessageId,
    ) -> Option<Record> {
        let mut records = self.conversations.get(&id)?.entries.iter().map(|entry| &entry.record);
        records.find(|record| (record.sender, record.message_id) == (sender, message_id)).cloned()
    }

    pub(super) fn overlays(
        &self,
        id: ConversationId,
        from: Seq,
        up_to: Seq,
    ) -> Vec<(Seq, Overlay)> {
        let overlays = self.conversations.get(&id).map(|found| found.overlays(from, up_to));
        overlays.unwrap_or_default().into_iter().collect()
    }

    pub(super) fn changes(
        &self,
        id: ConversationId,
        after: u64,
        up_to: Seq,
        max: usize,
    ) -> Vec<Seq> {
        let Some(conversation) = self.conversations.get(&id) else { return Vec::new() };
        let records = conversation.entries.iter().map(|entry| &entry.record);
        let above = records.filter(|record| record.seq.get() > after);
        let targets: BTreeSet<Seq> =
            above.filter_map(|record| record.target).filter(|target| *target <= up_to).collect();
        targets.into_iter().take(max).collect()
    }

    pub(super) fn membership(
        &self,
        account: AccountId,
        id: ConversationId,
    ) -> Option<MembershipRow> {
        let conversation = self.conversations.get(&id)?;
        let (membership, position) = conversation.places.get(&account)?.clone();
        let marks = conversation.marks.get(&account).copied().unwrap_or_default();
        Some(MembershipRow { membership, position, marks })
    }

    pub(super) fn memberships(&self, account: AccountId) -> Vec<(ConversationId, MembershipRow)> {
        let ids = self.conversations.keys();
        ids.filter_map(|id| Some((*id, self.membership(account, *id)?))).collect()
    }
}

impl Conversation {
    fn overlays(&self, from: Seq, up_to: Seq) -> BTreeMap<Seq, Overlay> {
        let mut overlays: BTreeMap<Seq, Overlay> = BTreeMap::new();
        for entry in &self.entries {
            if let Some((target, change)) = &entry.rows.overlay
                && (from..=up_to).contains(target)
            {
                overlays.entry(*target).or_default().apply(entry.record.seq, change);
            }
        }
        overlays
    }

    /// Takes the content of `target` and of its edits, if it is deleted.
    fn erase(&mut self, target: Seq) {
        for (target, overlay) in self.overlays(target, target) {
            for seq in record::gone_with(target, &overlay) {
                if let Some(entry) = self.entries.get_mut(index(seq)) {
                    entry.record = record::erased(entry.record.clone());
                }
            }
        }
    }
}

fn is_same(one: &Entry, other: &Entry) -> bool {
    one.rows == other.rows && record::is_same_event(&one.record, &other.record)
}

fn index(seq: Seq) -> usize {
    seq.get() as usize - 1
}

/// The first records, within the limits of the query.
fn cut<'a>(records: impl Iterator<Item = &'a Record>, query: &RangeQuery) -> Vec<Record> {
    let mut taken = Vec::new();
    let mut bytes = 0;
    for record in records.take(query.events_max) {
        bytes += match &record.payload {
            Payload::Kept { content, .. } => content.len(),
            Payload::Gone { .. } => 0,
        };
        if bytes > query.bytes_max && !taken.is_empty() {
            break;
        }
        taken.push(record.clone());
    }
    taken
}
