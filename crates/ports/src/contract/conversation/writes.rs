//! What a commit promises.

use parlance_types::{Marks, Position};

use super::Place;
use super::sample::{Talk, account, all, group, mark, seq};
use super::seen::see;
use crate::sink::{CommitError, Group};

pub async fn a_committed_group_answers_every_read(place: &mut impl Place) {
    let store = place.open().await;
    let (mut one, mut two) = (Talk::new(1), Talk::new(2));
    let entries = vec![
        one.add(account(1), &[account(1)]),
        two.add(account(1), &[account(2)]),
        one.texts(1).remove(0),
    ];
    let committed = store.commit(group(entries.clone())).await.unwrap();
    assert!(store.durable() >= committed.end);

    let heads = store.heads(&[two.id, one.id]).await.unwrap();
    let (head_two, head_one) = (heads[0].unwrap(), heads[1].unwrap());
    assert_eq!((head_two.seq, head_one.seq), (seq(1), seq(2)));
    let last = &entries[2].record;
    assert_eq!((head_one.hash, head_one.at, head_one.ordinal), (last.hash, last.at, last.ordinal));
    assert_eq!((head_one.position, head_one.marked), (committed.end, Position::ZERO));
    assert!(head_two.position < head_one.position);

    let records = store.range(all(one.id)).await.unwrap();
    assert_eq!(records, [entries[0].record.clone(), last.clone()]);
    let loaded = store.load(one.id).await.unwrap().unwrap();
    assert_eq!((loaded.snapshot, loaded.records, loaded.marks), (None, records, vec![]));
    let row = store.membership(account(2), two.id).await.unwrap().unwrap();
    assert_eq!(row.membership, entries[1].rows.memberships[0].1);
    assert_eq!((row.position, row.marks), (head_two.position, Marks::default()));
}

pub async fn a_submission_is_made_by_the_call(place: &mut impl Place) {
    let store = place.open().await;
    let mut talk = Talk::new(1);
    let first = store.commit(group(talk.texts(2)));
    drop(store.commit(group(talk.texts(3))));
    let third = store.commit(group(talk.texts(1)));
    let (third, first) = (third.await.unwrap(), first.await.unwrap());
    assert!(first.end < third.end);
    let records = store.range(all(talk.id)).await.unwrap();
    assert_eq!(
        records.iter().map(|record| record.seq.get()).collect::<Vec<_>>(),
        [1, 2, 3, 4, 5, 6]
    );
}

pub async fn positions_only_grow(place: &mut impl Place) {
    let store = place.open().await;
    let (mut one, mut two) = (Talk::new(1), Talk::new(2));
    let mut last = store.durable();
    for number in 0..10 {
        let talk = if number % 2 == 0 { &mut one } else { &mut two };
        let marks = vec![mark(account(1), talk.id, 1, 0)];
        let committed = store.commit(Group { marks, ..group(talk.texts(3)) }).await.unwrap();
        assert!(committed.end > last);
        last = committed.end;
        assert!(store.durable() >= last);
    }
    let empty = store.commit(Group::default()).await.unwrap();
    assert!(empty.end >= last);
    drop(store);
    let store = place.crash().await;
    assert!(store.durable() >= last, "no position is used twice");
    assert!(store.commit(group(one.texts(1))).await.unwrap().end > last);
}

pub async fn committing_again_changes_nothing(place: &mut impl Place) {
    let store = place.open().await;
    let mut talk = Talk::new(1);
    let mut first = vec![talk.add(account(1), &[account(1), account(2)])];
    first.extend(talk.texts(4));
    // In flight, and durable.
    let (once, twice) = (store.commit(group(first.clone())), store.commit(group(first.clone())));
    once.await.unwrap();
    let end = twice.await.unwrap().end;
    assert!(store.durable() >= end);
    let before = see(&*store, &[talk.id]).await;
    store.commit(group(first.clone())).await.unwrap();
    assert_eq!(see(&*store, &[talk.id]).await, before);
    // What is new goes on behind what is known.
    let later = talk.texts(2);
    first.extend(later);
    store.commit(group(first.clone())).await.unwrap();
    assert_eq!(store.range(all(talk.id)).await.unwrap().len(), 7);
    drop(store);
    let store = place.open().await;
    store.commit(group(first)).await.unwrap();
    assert_eq!(store.range(all(talk.id)).await.unwrap().len(), 7);
}

pub async fn what_does_not_continue_the_log_is_refused(place: &mut impl Place) {
    let mut talk = Talk::new(1);
    let known = talk.texts(3);
    for alarm in [true, false] {
        let store = place.open().await;
        store.commit(group(known.clone())).await.unwrap();
        let refused = if alarm {
            let mut other = known[1].clone();
            other.record.sender = account(9);
            group(vec![other])
        } else {
            let mut ahead = talk.clone();
            group(ahead.texts(2).split_off(1))
        };
        let error = store.commit(refused).await.unwrap_err();
        assert!(matches!(error, CommitError::Broken(_)), "{error:?}");
        let records = store.range(all(talk.id)).await.unwrap();
        assert_eq!(records, known.iter().map(|entry| entry.record.clone()).collect::<Vec<_>>());
        drop(store);
        drop(place.crash().await);
    }
    let store = place.open().await;
    assert_eq!(store.range(all(talk.id)).await.unwrap().len(), 3);
}

pub async fn marks_are_maxima(place: &mut impl Place) {
    let store = place.open().await;
    let mut talk = Talk::new(1);
    let mut entries = vec![talk.add(account(1), &[account(1), account(2)])];
    entries.extend(talk.texts(9));
    let marks = vec![mark(account(1), talk.id, 5, 3)];
    let first = store.commit(Group { marks, ..group(entries) }).await.unwrap();
    let row = store.membership(account(1), talk.id).await.unwrap().unwrap();
    assert_eq!(row.marks.position, first.end);
    let second = Group { entries: vec![], marks: vec![mark(account(1), talk.id, 4, 4)] };
    let second = store.commit(second).await.unwrap();
    // Nothing advances: the position stays.
    let backwards = Group { entries: vec![], marks: vec![mark(account(1), talk.id, 2, 1)] };
    store.commit(backwards).await.unwrap();
    drop(store);
    let store = place.crash().await;
    let mut expected = mark(account(1), talk.id, 5, 4).marks;
    expected.position = second.end;
    let row = store.membership(account(1), talk.id).await.unwrap().unwrap();
    assert_eq!(row.marks, expected);
    let head = store.heads(&[talk.id]).await.unwrap()[0].unwrap();
    assert!(head.marked >= second.end && head.position < second.end, "{head:?}");
    let loaded = store.load(talk.id).await.unwrap().unwrap();
    assert_eq!(loaded.marks, [(account(1), expected)]);
    let other = store.membership(account(2), talk.id).await.unwrap().unwrap();
    assert_eq!(other.marks, Marks::default());
}

pub async fn everything_is_there_after_opening_again(place: &mut impl Place) {
    let store = place.open().await;
    let epoch = store.epoch();
    let mut talks = [Talk::new(1), Talk::new(2), Talk::new(3)];
    for round in 0..5 {
        for talk in &mut talks {
            let mut entries = vec![talk.add(account(1), &[account(round)])];
            entries.extend(talk.texts(40));
            let marks = vec![mark(account(round), talk.id, talk.length(), 1)];
            store.commit(Group { marks, ..group(entries) }).await.unwrap();
        }
    }
    let ids = talks.map(|talk| talk.id);
    let seen = see(&*store, &ids).await;
    drop(store);
    let store = place.open().await;
    assert_eq!(see(&*store, &ids).await, seen);
    drop(store);
    let store = place.crash().await;
    assert_eq!(see(&*store, &ids).await, seen);
    assert_eq!(store.epoch(), epoch);
}
