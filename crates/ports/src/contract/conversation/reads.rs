//! What a read promises.

use bytes::Bytes;
use parlance_types::{OverlayChange, Seq};

use super::sample::{Talk, account, all, conversation, group, no_thumb, seq, thumb};
use super::{Conversations, Place};
use crate::conversation::{Direction, RangeQuery, Snapshot};

pub async fn what_was_never_committed_is_absent(place: &mut impl Place) {
    let store = place.open().await;
    let mut talk = Talk::new(1);
    store.commit(group(talk.texts(1))).await.unwrap();
    let nowhere = conversation(7);
    assert_eq!(store.load(nowhere).await, Ok(None));
    assert_eq!(store.heads(&[nowhere]).await, Ok(vec![None]));
    assert_eq!(store.heads(&[]).await, Ok(vec![]));
    assert_eq!(store.range(all(nowhere)).await, Ok(vec![]));
    let id = talk.texts(1).remove(0).record.message_id;
    assert_eq!(store.original(talk.id, account(1), id).await, Ok(None));
    assert_eq!(store.original(nowhere, account(1), id).await, Ok(None));
    assert_eq!(store.overlays(nowhere, Seq::FIRST, seq(9)).await, Ok(vec![]));
    assert_eq!(store.changes(nowhere, 0, seq(9), 9).await, Ok(vec![]));
    assert_eq!(store.membership(account(1), talk.id).await, Ok(None));
    assert_eq!(store.memberships(account(1)).await, Ok(vec![]));
}

pub async fn a_range_is_cut_at_its_end(place: &mut impl Place) {
    use Direction::{Ascending, Descending};
    let store = place.open().await;
    let mut talk = Talk::new(1);
    let entries = (0..200).map(|_| talk.text(account(1), &[b'x'; 100], 0)).collect();
    store.commit(group(entries)).await.unwrap();
    drop(store);
    let store = place.open().await;
    let last = talk.texts(20);
    store.commit(group(last)).await.unwrap();
    let numbers = async |after, up_to: u64, direction, events_max, bytes_max| -> Vec<u64> {
        let up_to = Seq::new(up_to);
        let query =
            RangeQuery { conversation: talk.id, after, up_to, direction, events_max, bytes_max };
        let records = store.range(query).await.unwrap();
        records.iter().map(|record| record.seq.get()).collect()
    };
    let run = |from, to| (from..=to).collect::<Vec<u64>>();
    let (events, bytes) = (usize::MAX, usize::MAX);
    assert_eq!(numbers(0, 0, Ascending, events, bytes).await, run(1, 220));
    assert_eq!(numbers(0, 0, Descending, events, bytes).await, run(1, 220));
    assert_eq!(numbers(10, 0, Ascending, 5, bytes).await, run(11, 15));
    assert_eq!(numbers(10, 0, Descending, 5, bytes).await, run(216, 220));
    assert_eq!(numbers(190, 210, Ascending, events, bytes).await, run(191, 210));
    assert_eq!(numbers(190, 210, Descending, 15, bytes).await, run(196, 210));
    assert_eq!(numbers(0, 150, Descending, 100, bytes).await, run(51, 150));
    assert_eq!(numbers(20, 150, Ascending, events, 350).await, run(21, 23));
    assert_eq!(numbers(20, 150, Descending, events, 300).await, run(148, 150));
    assert_eq!(numbers(20, 150, Ascending, events, 0).await, [21], "one whatever its size");
    assert_eq!(numbers(20, 150, Descending, events, 99).await, [150]);
    assert_eq!(numbers(20, 150, Descending, 0, bytes).await, [0; 0]);
    assert_eq!(numbers(220, 0, Ascending, events, bytes).await, [0; 0]);
    assert_eq!(numbers(150, 100, Descending, events, bytes).await, [0; 0]);
    assert_eq!(numbers(200, 1000, Ascending, events, bytes).await, run(201, 220));
}

/// A name is found however old it is, whatever its clock said, and nobody else's is.
pub async fn an_event_is_found_by_its_name(place: &mut impl Place) {
    let mut store = place.open().await;
    let mut talk = Talk::new(1);
    let mut made = Vec::new();
    let minutes = 60_000;
    for round in 0..4_u8 {
        let mut entries = Vec::new();
        for number in 0..100_usize {
            let ahead = [0, 5 * minutes, -60 * minutes, 4 * minutes, -1000][number % 5];
            entries.push(talk.text(account(round % 2), b"hello", ahead));
        }
        made.extend(entries.iter().map(|entry| entry.record.clone()));
        store.commit(group(entries)).await.unwrap();
        drop(store);
        store = if round % 2 == 0 { place.open().await } else { place.crash().await };
    }
    for record in made {
        let (id, sender) = (record.message_id, record.sender);
        assert_eq!(store.original(talk.id, account(5), id).await, Ok(None));
        assert_eq!(store.original(talk.id, sender, id).await, Ok(Some(record)));
    }
}

pub async fn overlays_fold_what_happened(place: &mut impl Place) {
    let mut store = place.open().await;
    let mut talk = Talk::new(1);
    store.commit(group(talk.texts(100))).await.unwrap();
    let (one, two) = (account(1), account(2));
    let mut folded = parlance_types::Overlay::default();
    let mut other = parlance_types::Overlay::default();
    let changes =
        [thumb(one), OverlayChange::Edited, thumb(two), no_thumb(one), OverlayChange::Edited];
    for change in changes {
        let entry = talk.change(one, seq(40), change.clone());
        folded.apply(entry.record.seq, &change);
        let beside = talk.change(two, seq(99), OverlayChange::Edited);
        other.apply(beside.record.seq, &OverlayChange::Edited);
        store.commit(group(vec![entry, beside])).await.unwrap();
        let expected = vec![(seq(40), folded.clone()), (seq(99), other.clone())];
        assert_eq!(store.overlays(talk.id, Seq::FIRST, seq(100)).await, Ok(expected.clone()));
        assert_eq!(store.overlays(talk.id, seq(40), seq(40)).await, Ok(expected[..1].to_vec()));
        assert_eq!(store.overlays(talk.id, seq(41), seq(98)).await, Ok(vec![]));
        drop(store);
        store = place.open().await;
        assert_eq!(store.overlays(talk.id, seq(2), seq(99)).await, Ok(expected));
    }
}

pub async fn changes_name_each_target_once(place: &mut impl Place) {
    let mut store = place.open().await;
    let mut talk = Talk::new(1);
    store.commit(group(talk.texts(10))).await.unwrap();
    for target in [7, 3, 7, 9, 5] {
        let entry = talk.change(account(1), seq(target), thumb(account(2)));
        store.commit(group(vec![entry])).await.unwrap();
        if target == 9 {
            drop(store);
            store = place.open().await;
        }
    }
    let changes = async |after, up_to, max| {
        let targets = store.changes(talk.id, after, seq(up_to), max).await.unwrap();
        targets.into_iter().map(Seq::get).collect::<Vec<_>>()
    };
    assert_eq!(changes(0, 10, 99).await, [3, 5, 7, 9]);
    assert_eq!(changes(0, 10, 2).await, [3, 5]);
    assert_eq!(changes(0, 7, 99).await, [3, 5, 7]);
    assert_eq!(changes(12, 10, 99).await, [5, 7, 9]);
    assert_eq!(changes(13, 8, 99).await, [5]);
    assert_eq!(changes(15, 10, 99).await, [0; 0]);
}

pub async fn memberships_come_in_order(place: &mut impl Place) {
    let mut store = place.open().await;
    let mut talks: Vec<_> = [5, 1, 4, 2, 3].map(Talk::new).into();
    for talk in &mut talks {
        let entry = talk.add(account(9), &[account(1), account(3)]);
        store.commit(group(vec![entry])).await.unwrap();
        if talk.id == conversation(4) {
            drop(store);
            store = place.open().await;
        }
    }
    let again = talks[0].add(account(9), &[account(1)]);
    let expected = again.rows.memberships[0].1.clone();
    store.commit(group(vec![again])).await.unwrap();
    let found = store.memberships(account(1)).await.unwrap();
    let ids: Vec<_> = found.iter().map(|(id, _)| *id).collect();
    assert_eq!(ids, [1, 2, 3, 4, 5].map(conversation));
    assert_eq!(found[4].1.membership, expected);
    for (id, row) in found {
        assert_eq!(store.membership(account(1), id).await, Ok(Some(row)));
    }
    assert_eq!(store.memberships(account(2)).await, Ok(vec![]));
}

pub async fn a_snapshot_never_goes_back(place: &mut impl Place) {
    let store = place.open().await;
    let mut talk = Talk::new(1);
    let entries = talk.texts(90);
    store.commit(group(entries.clone())).await.unwrap();
    for (at, state) in [(30, "thirty"), (70, "seventy"), (50, "fifty")] {
        let state = Bytes::from_static(state.as_bytes());
        store.save(talk.id, Snapshot { seq: seq(at), state });
        check_loaded(&*store, &talk, 90).await;
    }
    drop(store);
    let store = place.open().await;
    let kept = check_loaded(&*store, &talk, 90).await;
    store.save(talk.id, Snapshot { seq: seq(30), state: Bytes::from_static(b"thirty") });
    drop(store);
    let store = place.open().await;
    assert!(check_loaded(&*store, &talk, 90).await >= kept);
    store.commit(group(talk.texts(5))).await.unwrap();
    drop(store);
    let store = place.crash().await;
    check_loaded(&*store, &talk, 95).await;
}

/// A store may have kept an older snapshot, or none; what follows it must be there. Answers the event it is of.
async fn check_loaded(store: &dyn Conversations, talk: &Talk, length: u64) -> u64 {
    let loaded = store.load(talk.id).await.unwrap().unwrap();
    let after = match &loaded.snapshot {
        None => 0,
        Some(snapshot) => {
            let state = match snapshot.seq.get() {
                30 => "thirty",
                70 => "seventy",
                other => panic!("a snapshot of event {other} came back"),
            };
            assert_eq!(snapshot.state, state);
            snapshot.seq.get()
        }
    };
    let seqs: Vec<_> = loaded.records.iter().map(|record| record.seq.get()).collect();
    assert_eq!(seqs, (after + 1..=length).collect::<Vec<_>>());
    after
}
