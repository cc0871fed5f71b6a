//! After quiet every device holds what the store has for it, and nothing else.

use parlance_types::{AccountId, ConversationId};

use super::tale::Tale;
use crate::client::{Held, Replica, Talk};

/// What is wrong with the replica of a device of `account`.
pub(super) fn differences<'a>(
    account: AccountId,
    replica: &Replica,
    tales: impl IntoIterator<Item = (&'a ConversationId, &'a Tale)>,
) -> Vec<String> {
    let mut wrong = Vec::new();
    let none = Talk::default();
    for (id, tale) in tales {
        let talk = replica.talks.get(id).unwrap_or(&none);
        let Some((first, last)) = tale.members.bounds(account, tale.length()) else {
            if !talk.entries.is_empty() {
                wrong.push(format!("{account} has events of {id} and never was in"));
            }
            continue;
        };
        for seq in first..=last {
            if let Some(what) = difference(account, tale, seq, talk.entries.get(&seq)) {
                wrong.push(format!("{account} at {id} {seq}: {what}"));
            }
        }
        if let Some((seq, _)) = talk.entries.range(last + 1..).next() {
            wrong.push(format!("{account} has {id} {seq} beyond its end {last}"));
        }
    }
    wrong
}

fn difference(account: AccountId, tale: &Tale, seq: u64, held: Option<&Held>) -> Option<String> {
    let record = tale.record(seq)?;
    let sees = tale.sees(account, seq, tale.length());
    match held {
        None if sees => Some("is missing".into()),
        Some(Held::Hidden) if sees => Some("is held as hidden".into()),
        Some(Held::Event { .. } | Held::Deleted { .. }) if !sees => {
            Some("is not to be seen".into())
        }
        Some(Held::Event { hash, .. } | Held::Deleted { hash }) if *hash != record.hash => {
            Some(format!("has hash {hash} and not {}", record.hash))
        }
        Some(Held::Deleted { .. }) if tale.deleted(seq).is_none() => Some("is not deleted".into()),
        // What a device held before the deletion was compared with what its sender said when it was shown.
        Some(Held::Event { text, .. })
            if tale.deleted(seq).is_none() && text.as_deref() != tale.text(seq) =>
        {
            Some("says something else".into())
        }
        _ => None,
    }
}
