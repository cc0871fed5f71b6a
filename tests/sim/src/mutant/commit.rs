//! The sink of the adapter.

use std::sync::Arc;

use bytes::Bytes;
use parlance_ports::{CommitFuture, Committed, EventSink, Group};
use parlance_types::{Entry, Membership, MessageId, Payload, Position};

use super::{Adapter, Mutation};

impl EventSink for Adapter {
    fn commit(&self, group: Group) -> CommitFuture {
        self.state.lock().commits += 1;
        let group = self.distort(group);
        self.judge.committing(&group);
        let faults = self.inner.faults();
        if self.is(Mutation::SkipSync) {
            faults.lie(true);
        }
        if self.is(Mutation::DropTail) {
            faults.lie(self.every(3));
        }
        let entries = group.entries.len() as u64;
        let commit = self.inner.commit(group);
        if self.is(Mutation::AcknowledgeEarly) {
            let end = Position::new(self.inner.durable().get() + entries);
            return Box::pin(std::future::ready(Ok(Committed { end })));
        }
        let judge = self.judge.clone();
        Box::pin(async move {
            let outcome = commit.await;
            if outcome.is_err() {
                judge.lost_marks();
            }
            outcome
        })
    }

    fn durable(&self) -> Position {
        let durable = self.inner.durable();
        if self.is(Mutation::CursorTooFar) { Position::new(durable.get() + 4) } else { durable }
    }
}

impl Adapter {
    fn distort(&self, mut group: Group) -> Group {
        match self.mutation {
            Some(Mutation::KeepRemoved) => {
                for entry in group.entries.iter_mut().map(Arc::make_mut) {
                    entry.rows.memberships.iter_mut().for_each(|(_, row)| reopen(row));
                }
            }
            Some(Mutation::Repeat) if self.every(9) => {
                let last = group.entries.last().cloned();
                group.entries.extend(last.map(repeated));
            }
            Some(Mutation::Reorder) => reorder(&mut group.entries),
            Some(Mutation::FlipByte) if self.every(9) => {
                group.entries.iter_mut().take(1).map(Arc::make_mut).for_each(flip);
            }
            _ => {}
        }
        group
    }
}

fn reopen(membership: &mut Membership) {
    if let Some(stay) = membership.intervals.last_mut() {
        stay.left = None;
    }
}

fn repeated(entry: Arc<Entry>) -> Arc<Entry> {
    let mut entry = Arc::unwrap_or_clone(entry);
    entry.record.seq = entry.record.seq.next();
    entry.rows = parlance_types::Rows::default();
    Arc::new(entry)
}

/// Exchanges what two neighbours of one conversation say, and leaves their numbers.
fn reorder(entries: &mut [Arc<Entry>]) {
    let neighbours =
        |i: &usize| entries[*i].record.conversation == entries[i + 1].record.conversation;
    let Some(at) = (0..entries.len().saturating_sub(1)).find(neighbours) else { return };
    let (first, second) = (entries[at].record.clone(), entries[at + 1].record.clone());
    let name: MessageId = first.message_id;
    let earlier = Arc::make_mut(&mut entries[at]);
    earlier.record.payload = second.payload;
    earlier.record.message_id = second.message_id;
    let later = Arc::make_mut(&mut entries[at + 1]);
    later.record.payload = first.payload;
    later.record.message_id = name;
}

fn flip(entry: &mut Entry) {
    if let Payload::Kept { content, .. } = &mut entry.record.payload {
        let mut bytes = content.to_vec();
        if let Some(last) = bytes.last_mut() {
            *last ^= 1;
        }
        *content = Bytes::from(bytes);
    }
}
