//! Everything that can be read of some conversations, to be compared.

use std::collections::BTreeSet;

use parlance_types::{AccountId, ConversationId, Marks, Overlay, Record, Seq};

use super::Conversations;
use super::sample::{account, all, seq};
use crate::conversation::{HeadRow, MembershipRow};
use crate::record;

/// Accounts of the samples.
pub const ACCOUNTS: u8 = 6;

#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    pub heads: Vec<Option<HeadRow>>,
    pub talks: Vec<SeenTalk>,
    pub memberships: Vec<Vec<(ConversationId, MembershipRow)>>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct SeenTalk {
    /// Without the content of what is deleted: when a store takes it is the store's business.
    pub records: Vec<Record>,
    pub overlays: Vec<(Seq, Overlay)>,
    pub changes: Vec<Seq>,
    pub marks: Vec<(AccountId, Marks)>,
}

/// Reads all of it.
///
/// # Panics
/// If a read fails, or two reads contradict each other.
pub async fn see(store: &dyn Conversations, ids: &[ConversationId]) -> Seen {
    let heads = store.heads(ids).await.unwrap();
    let (mut talks, mut memberships) = (Vec::new(), Vec::new());
    for id in ids {
        let end = seq(Seq::MAX);
        let overlays = store.overlays(*id, Seq::FIRST, end).await.unwrap();
        let records = without_deleted(store.range(all(*id)).await.unwrap(), &overlays);
        let changes = store.changes(*id, 0, end, usize::MAX).await.unwrap();
        let loaded = store.load(*id).await.unwrap().unwrap_or_default();
        let after = loaded.snapshot.map_or(0, |snapshot| snapshot.seq.get()) as usize;
        let rest = without_deleted(loaded.records, &overlays);
        assert_eq!(rest, records[after..], "what is loaded follows the snapshot");
        let mut marks = loaded.marks;
        marks.sort_unstable_by_key(|(account, _)| *account);
        talks.push(SeenTalk { records, overlays, changes, marks });
    }
    for number in 0..ACCOUNTS {
        let rows = store.memberships(account(number)).await.unwrap();
        for (id, row) in &rows {
            let one = store.membership(account(number), *id).await;
            assert_eq!(
                one.as_ref(),
                Ok(&Some(row.clone())),
                "one membership is as the list has it"
            );
        }
        memberships.push(rows);
    }
    Seen { heads, talks, memberships }
}

/// Takes the content of every event that the overlays call deleted, and of its edits.
pub fn without_deleted(records: Vec<Record>, overlays: &[(Seq, Overlay)]) -> Vec<Record> {
    let gone: BTreeSet<Seq> =
        overlays.iter().flat_map(|(target, overlay)| record::gone_with(*target, overlay)).collect();
    let without = |record: Record| {
        if gone.contains(&record.seq) { record::erased(record) } else { record }
    };
    records.into_iter().map(without).collect()
}
