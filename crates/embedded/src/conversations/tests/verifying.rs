//! What `verify` promises: nothing is wrong with a good store, and of a changed byte either something is said or everything still
//! reads back equal.

use std::path::Path;

use parlance_ports::contract::conversation::sample::{Talk, account, group, mark, seq, thumb};
use parlance_ports::contract::conversation::seen::{Seen, see};
use parlance_ports::record::{encode_record, is_same_event};
use parlance_ports::{ConversationStore, EventSink, Group, Snapshot};
use parlance_types::{ConversationId, Hash, OverlayChange};
use tempfile::TempDir;

use super::super::block::{self, EVENTS_MAX, Summary};
use super::super::recovery::open_rows;
use super::super::rows::RowError;
use super::super::{Conversations, Report, key, verify};
use super::{copy, list, options};

/// A store with something of everything: sealed and open blocks, changes, members, marks, snapshots, two passes, and a journal that
/// goes on where the rows end.
async fn made(is_closed: bool) -> (TempDir, Vec<ConversationId>, Seen) {
    let directory = tempfile::tempdir().expect("a directory for a test");
    let mut talks: Vec<Talk> = (1..5).map(Talk::new).collect();
    for _ in 0..2 {
        let store = Conversations::open(directory.path(), options(usize::MAX)).expect("it opens");
        fill(&store, &mut talks).await;
        store.close().await.expect("it closes");
    }
    let store = Conversations::open(directory.path(), options(usize::MAX)).expect("it opens");
    talks.push(Talk::new(9));
    fill(&store, &mut talks[3..]).await;
    let ids: Vec<_> = talks.iter().map(|talk| talk.id).collect();
    let seen = see(&store, &ids).await;
    if is_closed {
        store.close().await.expect("it closes");
    }
    (directory, ids, seen)
}

async fn fill(store: &Conversations, talks: &mut [Talk]) {
    for (number, talk) in talks.iter_mut().enumerate() {
        let mut entries = vec![talk.add(account(1), &[account(1), account(number as u8)])];
        entries.extend(talk.texts(30 + 60 * number as u64));
        entries.push(talk.change(account(1), seq(7), thumb(account(2))));
        entries.push(talk.change(account(1), seq(9), OverlayChange::Edited));
        entries.push(talk.change(account(1), seq(9), OverlayChange::Deleted));
        entries.push(talk.change(account(1), seq(talk.length() - 1), OverlayChange::Deleted));
        let marks = vec![mark(account(1), talk.id, talk.length(), 2)];
        store.commit(Group { marks, ..group(entries) }).await.expect("it is committed");
        store.save(talk.id, Snapshot { seq: seq(talk.length()), state: vec![7; 99].into() });
    }
}

fn verified(path: &Path) -> Report {
    verify(path, &mut |_| {}, &mut |_| {}).expect("there is a store")
}

#[tokio::test]
async fn a_good_store_has_no_problems() {
    for is_closed in [true, false] {
        let (directory, ids, seen) = made(is_closed).await;
        let mut visited = Vec::new();
        let report =
            verify(directory.path(), &mut |record| visited.push(record.clone()), &mut |_| {});
        let report = report.expect("there is a store");
        assert_eq!(report.problems, []);
        assert_eq!(report.closed, is_closed);
        let mut expected: Vec<_> =
            seen.talks.iter().flat_map(|talk| talk.records.clone()).collect();
        expected.sort_by_key(|record| (record.conversation, record.seq));
        visited.sort_by_key(|record| record.conversation);
        assert_eq!(visited.len(), expected.len());
        for (visited, expected) in visited.iter().zip(&expected) {
            assert!(is_same_event(visited, expected), "{visited:?}, expected {expected:?}");
        }
        assert_eq!(
            (report.conversations, report.events),
            (ids.len() as u64, expected.len() as u64)
        );
    }
}

/// Deleted by a release that only hid it, or brought back by something that must not.
#[tokio::test]
async fn content_of_what_is_deleted_is_named() {
    let directory = tempfile::tempdir().expect("a directory for a test");
    let mut talk = Talk::new(1);
    let mut entries = talk.texts(80);
    entries.push(talk.change(account(1), seq(3), OverlayChange::Deleted));
    let store = Conversations::open(directory.path(), options(usize::MAX)).expect("it opens");
    store.commit(group(entries.clone())).await.expect("it is committed");
    store.close().await.expect("it closes");
    drop(store);
    assert_eq!(verified(directory.path()).problems, []);

    let rows = open_rows(&directory.path().join("rows"), &options(1)).expect("the rows open");
    let mut events = Vec::new();
    for entry in &entries[..EVENTS_MAX] {
        encode_record(&entry.record, &mut events);
    }
    let summary = Summary::of(&events, Hash::default()).expect("there are events");
    let value = block::encode(&summary, &events).expect("it is encoded");
    rows.ingest::<RowError>(|write| write(key::block(talk.id, 1), &value)).expect("it is written");
    drop(rows);
    let problems = verified(directory.path()).problems;
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert_eq!(problems[0].conversation, Some(talk.id));
    assert!(problems[0].what.contains("event 3 is deleted"), "{problems:?}");
}

#[tokio::test]
async fn a_missing_or_mixed_directory_is_named() {
    let nothing = tempfile::tempdir().expect("a directory for a test");
    assert!(verify(nothing.path(), &mut |_| {}, &mut |_| {}).is_err());
    let (one, ..) = made(true).await;
    let (two, ..) = made(true).await;
    std::fs::remove_dir_all(one.path().join("rows")).expect("removed");
    copy(&two.path().join("rows"), &one.path().join("rows"));
    assert!(!verified(one.path()).problems.is_empty());
    let error = Conversations::open(one.path(), options(1)).err().expect("it does not open");
    assert!(error.to_string().contains("another installation"), "{error}");
}

#[tokio::test]
async fn rows_that_were_lost_are_taken_from_the_journal_again() {
    let (directory, ids, seen) = made(true).await;
    std::fs::remove_dir_all(directory.path().join("rows")).expect("removed");
    assert!(!verified(directory.path()).problems.is_empty());
    let store = Conversations::open(directory.path(), options(5_000)).expect("it opens");
    assert_eq!(see(&store, &ids).await, seen);
    store.close().await.expect("it closes");
    drop(store);
    assert_eq!(verified(directory.path()).problems, []);
}

/// A small generator: which bytes change must not depend on anything else.
struct Choice(u64);

impl Choice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound.max(1)
    }
}

async fn flip(start: u64, count: u64) {
    let mut choice = Choice(start);
    let mut named = 0;
    for is_closed in [true, false] {
        let (original, ids, seen) = made(is_closed).await;
        for _ in 0..count {
            let copied = tempfile::tempdir().expect("a directory for a test");
            copy(original.path(), copied.path());
            let what = flip_one(copied.path(), &mut choice);
            if verified(copied.path()).problems.is_empty() {
                let store = Conversations::open(copied.path(), options(usize::MAX));
                let store = store.unwrap_or_else(|error| panic!("{what}: not named, but {error}"));
                assert_eq!(see(&store, &ids).await, seen, "{what}: not named");
            } else {
                named += 1;
            }
        }
    }
    assert!(named > 0, "some of the bytes matter");
}

fn flip_one(directory: &Path, choice: &mut Choice) -> String {
    let mut files = Vec::new();
    list(directory, &mut files);
    files.sort();
    let file = &files[choice.below(files.len() as u64) as usize];
    let mut bytes = std::fs::read(file).expect("a file is read");
    // Most of a segment is zeros that nobody looks at.
    let used = bytes.iter().rposition(|byte| *byte != 0).map_or(1, |last| last + 100);
    let at = choice.below(used.min(bytes.len()) as u64) as usize;
    bytes[at] ^= 1 << choice.below(8);
    std::fs::write(file, bytes).expect("a file is written");
    format!("{} at {at}", file.display())
}

#[tokio::test]
async fn a_changed_byte_is_named_or_harmless() {
    flip(1, 100).await;
}
