//! The end: what the store has, against everything that was ever shown or acknowledged.

use std::collections::BTreeMap;

use parlance_ports::{ConversationStore, Direction, RangeQuery};
use parlance_types::ConversationId;

use super::tale::Tale;
use super::{Book, Counts, Judge, replica};
use crate::cast;
use crate::client::Replica;

/// Everything that is in the store.
pub(crate) struct Truth {
    pub(super) tales: BTreeMap<ConversationId, Tale>,
}

impl Judge {
    /// Reads the store, and blames it for what is wrong in itself.
    pub(crate) async fn truth(&self) -> Truth {
        let store = self.store.lock().clone();
        let mut tales = BTreeMap::new();
        for number in 0..cast::ACCOUNTS {
            let memberships = store.memberships(cast::account(number)).await;
            for (conversation, _) in memberships.unwrap_or_default() {
                if tales.contains_key(&conversation) {
                    continue;
                }
                let query = RangeQuery {
                    conversation,
                    after: 0,
                    up_to: None,
                    direction: Direction::Ascending,
                    events_max: usize::MAX,
                    bytes_max: usize::MAX,
                };
                let records = store.range(query).await.unwrap_or_default();
                let tale = Tale::read(conversation, records, |what| self.violation(what));
                tales.insert(conversation, tale);
            }
        }
        Truth { tales }
    }

    /// Compares what was shown and acknowledged with what there is.
    pub(crate) fn compare(&self, truth: &Truth) -> Counts {
        let book = &mut *self.book.lock();
        let mut wrong = Vec::new();
        wrong.extend(acknowledged(book, truth));
        wrong.extend(shown(book, truth));
        wrong.extend(sights(book, truth));
        wrong.extend(spoken(book, truth));
        book.blame(wrong);
        let mut trace = [0; 16];
        trace.copy_from_slice(&book.trace.finalize().as_bytes()[..16]);
        Counts {
            events: truth.tales.values().map(Tale::length).sum(),
            acked: book.acked.len() as u64,
            pushes: book.pushes,
            trace,
        }
    }

    /// Compares what a device of `number` holds with what there is.
    pub(crate) fn converged(&self, truth: &Truth, number: usize, replica: &Replica) {
        let wrong = replica::differences(cast::account(number), replica, &truth.tales);
        self.book.lock().blame(wrong);
    }
}

impl Truth {
    /// Whether a device of `number` holds everything.
    pub(crate) fn is_held(&self, number: usize, replica: &Replica) -> bool {
        replica::differences(cast::account(number), replica, &self.tales).is_empty()
    }
}

/// Every acknowledged name is there exactly once, as it was answered.
fn acknowledged(book: &Book, truth: &Truth) -> Vec<String> {
    let missing = book.acked.iter().filter_map(|((id, sender, message_id), answer)| {
        let (seq, hash, at, ordinal) = *answer;
        let record = truth.tales.get(id).and_then(|tale| tale.record(seq.get()));
        let same = record.is_some_and(|record| {
            (record.sender, record.message_id) == (*sender, *message_id)
                && (record.hash, record.at, record.ordinal) == (hash, at, ordinal)
        });
        (!same).then(|| format!("{message_id} was acknowledged as {id} {seq} and is not there"))
    });
    missing.collect()
}

/// Whatever was shown is there.
fn shown(book: &Book, truth: &Truth) -> Vec<String> {
    let lost = book.hashes.iter().filter_map(|((id, seq), hash)| {
        let record = truth.tales.get(id).and_then(|tale| tale.record(*seq));
        let same = record.is_some_and(|record| record.hash == *hash);
        (!same).then(|| format!("{id} {seq} was shown and is not there"))
    });
    lost.collect()
}

/// No body reached anybody outside the own stays.
fn sights(book: &Book, truth: &Truth) -> Vec<String> {
    let leaks = book.sights.iter().filter_map(|sight| {
        let tale = truth.tales.get(&sight.conversation)?;
        let fine = if sight.as_of == 0 {
            let target = tale.record(sight.seq).and_then(|record| record.target);
            tale.members.present(sight.account, sight.seq)
                && target
                    .is_none_or(|target| tale.members.sees(sight.account, target.get(), sight.seq))
        } else {
            tale.sees(sight.account, sight.seq, sight.as_of)
        };
        (!fine).then(|| format!("{sight:?} was not to be seen"))
    });
    leaks.collect()
}

/// Every text is what its sender said.
fn spoken(book: &Book, truth: &Truth) -> Vec<String> {
    let mut wrong = Vec::new();
    for (id, tale) in &truth.tales {
        for seq in 1..=tale.length() {
            let Some(record) = tale.record(seq) else { continue };
            let said = book.said.get(&(record.sender, record.message_id));
            if let Some(text) = tale.text(seq)
                && said.is_none_or(|said| **said != *text)
            {
                wrong.push(format!("{id} {seq} says {text:?} and its sender {said:?}"));
            }
        }
    }
    wrong
}
