//! What was deleted is on the disk no more, outside of the journal: not in a row, not in an old version of one, and not after a crash at
//! any point of the way.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use parlance_ports::contract::conversation::sample::{Talk, account, all, group, seq};
use parlance_ports::{ConversationStore, EventSink, Group};
use parlance_types::{Entry, OverlayChange, Payload};
use tempfile::TempDir;

use super::super::block::{Block, walk};
use super::super::flusher::Flusher;
use super::super::recovery::{self, open_rows};
use super::super::{Conversations, JOURNAL, Options, ROWS, commit, key, range, verify};
use super::{copy, list, options};
use crate::conversations::store::Reach;

/// Long enough not to be there by chance, and nothing that a compressor could shorten.
fn secret(number: u8) -> String {
    blake3::hash(&[number]).to_hex().to_string()
}

fn opened(directory: &Path, compact_age: Duration) -> Flusher {
    let options = Options { compact_age, ..options(usize::MAX) };
    recovery::open(directory, options).expect("the store opens")
}

async fn commit(flusher: &Flusher, entries: Vec<Entry>) {
    commit::commit(&flusher.store(), group(entries)).await.expect("it is committed");
}

fn pass(flusher: &mut Flusher) {
    flusher.pass().expect("a pass");
}

/// Merges what was erased out of the tables, if that is due.
fn compact(flusher: &mut Flusher) {
    flusher.compacting.turn(&flusher.store());
    assert!(flusher.compacting.wait(Duration::from_mins(1)), "tables are merged");
}

/// Every file below that says it.
fn files_that_say(directory: &Path, secret: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    list(directory, &mut files);
    let says = |file: &PathBuf| {
        let bytes = std::fs::read(file).expect("a file is read");
        bytes.windows(secret.len()).any(|window| window == secret.as_bytes())
    };
    files.into_iter().filter(says).collect()
}

/// Every row that says it, unpacked.
fn rows_that_say(directory: &Path, secret: &str) -> usize {
    let rows = open_rows(&directory.join(ROWS), &options(1)).expect("the rows open");
    let says = |bytes: &[u8]| bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
    let rows = rows.view().prefix(&[]).map(|row| row.expect("a row is read"));
    rows.filter(|(key, value)| {
        let is_block = key.first() == Some(&key::BLOCKS);
        let events = is_block.then(|| Block::decode(key, value.clone()).expect("a block").events);
        says(value) || events.is_some_and(|events| says(&events))
    })
    .count()
}

/// The tables of the one keyspace that is ours; the LSM has one of its own.
fn tables(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    list(&directory.join(ROWS).join("keyspaces/1/tables"), &mut files);
    files
}

/// A message with the first secret and an edit of it with the second.
fn told(talk: &mut Talk) -> (u64, Vec<Entry>) {
    let text = talk.text(account(1), secret(1).as_bytes(), 0);
    let target = text.record.seq;
    let mut edit = talk.change(account(1), target, OverlayChange::Edited);
    if let Payload::Kept { content, .. } = &mut edit.record.payload {
        *content = secret(2).into();
    }
    (target.get(), vec![text, edit])
}

fn check_nothing_is_left(directory: &Path) {
    for secret in [secret(1), secret(2)] {
        assert_eq!(files_that_say(&directory.join(ROWS), &secret), Vec::<PathBuf>::new());
        assert_eq!(rows_that_say(directory, &secret), 0);
    }
    let report = verify(directory, &mut |_| {}, &mut |_| {}).expect("there is a store");
    assert_eq!(report.problems, []);
}

/// In a short conversation, whose block is not packed, so that its bytes can be looked for in the files.
#[tokio::test]
async fn nothing_of_it_is_left_on_disk() {
    let directory = tempfile::tempdir().expect("a directory for a test");
    let mut flusher = opened(directory.path(), Duration::ZERO);
    let (mut talk, mut other) = (Talk::new(1), Talk::new(2));
    let (target, entries) = told(&mut talk);
    commit(&flusher, entries).await;
    pass(&mut flusher);
    assert!(
        !files_that_say(&directory.path().join(ROWS), &secret(1)).is_empty(),
        "it is there before"
    );
    assert!(flusher.compacting.is_done());

    commit(&flusher, vec![talk.change(account(1), seq(target), OverlayChange::Deleted)]).await;
    commit(&flusher, other.texts(3)).await;
    pass(&mut flusher);
    assert!(!flusher.compacting.is_done());
    let before = tables(directory.path());
    compact(&mut flusher);
    assert!(flusher.compacting.is_done());
    let after = tables(directory.path());
    assert!(before.iter().all(|table| !after.contains(table)), "{before:?} {after:?}");
    for secret in [secret(1), secret(2)] {
        assert_eq!(
            files_that_say(&directory.path().join(ROWS), &secret),
            Vec::<PathBuf>::new(),
            "while it is open"
        );
    }
    drop(flusher);
    check_nothing_is_left(directory.path());
    assert!(opened(directory.path(), Duration::ZERO).compacting.is_done(), "that is kept");
}

/// In blocks that are packed: sealed long ago, just sealed, open, and not there yet.
#[tokio::test]
async fn nothing_of_it_is_left_in_any_block() {
    for (before, between, after) in [(10, 300, 0), (60, 2, 70), (70, 5, 0), (0, 0, 0)] {
        let directory = tempfile::tempdir().expect("a directory for a test");
        let mut flusher = opened(directory.path(), Duration::ZERO);
        let mut talk = Talk::new(1);
        let mut entries = talk.texts(before);
        let (target, told) = told(&mut talk);
        entries.extend(told);
        entries.extend(talk.texts(between));
        let is_there_before = between > 0;
        if is_there_before {
            commit(&flusher, std::mem::take(&mut entries)).await;
            pass(&mut flusher);
        }
        entries.push(talk.change(account(1), seq(target), OverlayChange::Deleted));
        entries.extend(talk.texts(after));
        commit(&flusher, entries).await;
        pass(&mut flusher);
        assert_eq!(flusher.compacting.is_done(), !is_there_before, "only if it was there");
        let tables = tables(directory.path());
        compact(&mut flusher);
        let left = self::tables(directory.path());
        assert!(!is_there_before || tables.iter().all(|table| !left.contains(table)));
        check_tail(&flusher, &talk, target);
        drop(flusher);
        check_nothing_is_left(directory.path());
    }
}

/// What memory answers, and later builds blocks from.
fn check_tail(flusher: &Flusher, talk: &Talk, target: u64) {
    let store = flusher.store();
    let Ok(records) = range::range(&store, Reach::Disk, all(talk.id)) else {
        panic!("the range is read")
    };
    for record in records {
        let is_gone = matches!(record.payload, Payload::Gone { .. });
        assert_eq!(is_gone, [target, target + 1].contains(&record.seq.get()), "{record:?}");
    }
    let mut table = store.table.lock();
    let Some(tail) = table.slot(talk.id).and_then(|slot| slot.tail.as_ref()) else { return };
    for event in walk(tail.from(tail.first())) {
        assert!(event.is_gone() || ![target, target + 1].contains(&event.seq()));
    }
}

/// After its retention the journal does not have it either, though nothing else happens.
#[tokio::test]
async fn nothing_of_it_is_left_in_the_journal() {
    let directory = tempfile::tempdir().expect("a directory for a test");
    let options = Options { journal_age_max: Duration::ZERO, ..options(usize::MAX) };
    let mut flusher = recovery::open(directory.path(), options).expect("the store opens");
    let mut talk = Talk::new(1);
    let (target, entries) = told(&mut talk);
    commit(&flusher, entries).await;
    commit(&flusher, vec![talk.change(account(1), seq(target), OverlayChange::Deleted)]).await;
    pass(&mut flusher);
    let journal = directory.path().join(JOURNAL);
    assert!(!files_that_say(&journal, &secret(1)).is_empty(), "it is there before");
    let deadline = Instant::now() + Duration::from_mins(1);
    while !files_that_say(&journal, &secret(1)).is_empty() {
        assert!(Instant::now() < deadline, "the journal keeps it");
        flusher.rest();
        std::thread::yield_now();
    }
    drop(flusher);
    check_nothing_is_left(directory.path());
    let store = Conversations::open(directory.path(), super::options(1)).expect("it opens again");
    assert_eq!(store.range(all(talk.id)).await.map(|records| records.len()), Ok(3));
}

/// A crash leaves a journal of one moment and rows of the same or a later one.
#[tokio::test]
async fn a_crash_brings_nothing_back() {
    let original = tempfile::tempdir().expect("a directory for a test");
    let mut flusher = opened(original.path(), Duration::from_hours(1));
    let mut talk = Talk::new(1);
    let mut moments = vec![taken(original.path())];
    let (target, entries) = told(&mut talk);
    commit(&flusher, entries).await;
    moments.push(taken(original.path()));
    pass(&mut flusher);
    moments.push(taken(original.path()));
    commit(&flusher, talk.texts(90)).await;
    pass(&mut flusher);
    moments.push(taken(original.path()));
    commit(&flusher, vec![talk.change(account(1), seq(target), OverlayChange::Deleted)]).await;
    let deleted = moments.len();
    moments.push(taken(original.path()));
    pass(&mut flusher);
    moments.push(taken(original.path()));
    compact(&mut flusher);
    moments.push(taken(original.path()));
    drop(flusher);

    for (number, journal) in moments.iter().enumerate().take(deleted + 2).skip(deleted) {
        // The journal knows of a deletion before the rows do.
        for rows in &moments {
            let after = crashed(journal.path(), rows.path());
            let store = Conversations::open(after.path(), options(1)).unwrap_or_else(|error| {
                panic!("the journal of moment {number}: {error}");
            });
            store.commit(Group::default()).await.expect("it takes commits");
            store.close().await.expect("it closes");
            drop(store);
            let mut flusher = opened(after.path(), Duration::ZERO);
            compact(&mut flusher);
            assert!(flusher.compacting.is_done());
            check_tail(&flusher, &talk, target);
            drop(flusher);
            check_nothing_is_left(after.path());
        }
    }
}

fn taken(directory: &Path) -> TempDir {
    let moment = tempfile::tempdir().expect("a directory for a test");
    copy(directory, moment.path());
    moment
}

fn crashed(journal: &Path, rows: &Path) -> TempDir {
    let directory = tempfile::tempdir().expect("a directory for a test");
    copy(&journal.join(JOURNAL), &directory.path().join(JOURNAL));
    copy(&rows.join(ROWS), &directory.path().join(ROWS));
    directory
}
