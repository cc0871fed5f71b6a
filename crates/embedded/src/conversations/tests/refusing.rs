//! What a store does that cannot go on: it says so once, keeps what is durable readable, and damages nothing.

use parlance_ports::contract::conversation::sample::{Talk, account, all, group, mark, seq};
use parlance_ports::{CommitError, ConversationStore, EventSink, Group};

use super::super::{Conversations, OpenError, Options};
use super::options;

#[tokio::test]
async fn a_directory_has_one_user() {
    let directory = tempfile::tempdir().expect("a directory for a test");
    let _store = Conversations::open(directory.path(), options(1)).expect("it opens");
    let error = Conversations::open(directory.path(), options(1)).err().expect("it is in use");
    assert!(matches!(error, OpenError::InUse(_)), "{error}");
    assert!(error.to_string().contains(&directory.path().display().to_string()), "{error}");
}

#[tokio::test]
async fn a_file_in_the_way_is_named() {
    let directory = tempfile::tempdir().expect("a directory for a test");
    let file = directory.path().join("file");
    std::fs::write(&file, "in the way").expect("a file is written");
    let error = Conversations::open(&file, options(1)).err().expect("it is no directory");
    assert!(error.to_string().contains("file"), "{error}");
}

/// No more room than there is: nothing is written, the log goes on where it was, and reads are served.
#[tokio::test]
async fn a_full_disk_refuses_and_loses_nothing() {
    let directory = tempfile::tempdir().expect("a directory for a test");
    let mut talk = Talk::new(1);
    let store = Conversations::open(directory.path(), options(usize::MAX)).expect("it opens");
    store.commit(group(talk.texts(5))).await.expect("there is room");
    drop(store);

    let full = Options { reserve_bytes: u64::MAX, ..options(usize::MAX) };
    let store = Conversations::open(directory.path(), full).expect("it opens");
    let durable = talk.clone();
    let (first, second) = (store.commit(group(talk.texts(2))), store.commit(group(talk.texts(2))));
    assert_eq!(first.await, Err(CommitError::Full));
    assert_eq!(second.await, Err(CommitError::Full), "it was built on the first");
    assert_eq!(store.commit(group(talk.texts(1))).await, Err(CommitError::Full));
    talk.back_to(&durable);
    assert_eq!(store.commit(group(talk.texts(1))).await, Err(CommitError::Full));
    assert_eq!(store.range(all(talk.id)).await.map(|records| records.len()), Ok(5));
    drop(store);

    talk.back_to(&durable);
    let store = Conversations::open(directory.path(), options(usize::MAX)).expect("it opens");
    store.commit(group(talk.texts(3))).await.expect("there is room again");
    assert_eq!(store.range(all(talk.id)).await.map(|records| records.len()), Ok(8));
}

#[tokio::test]
async fn nothing_is_committed_while_and_after_closing() {
    let directory = tempfile::tempdir().expect("a directory for a test");
    let mut talk = Talk::new(1);
    let store = Conversations::open(directory.path(), options(usize::MAX)).expect("it opens");
    let in_flight = store.commit(group(talk.texts(5)));
    store.close().await.expect("it closes");
    assert!(in_flight.await.is_ok(), "what was submitted before is durable");
    let refused = store.commit(group(talk.texts(1))).await;
    assert!(matches!(refused, Err(CommitError::Broken(_))), "{refused:?}");
    assert_eq!(store.range(all(talk.id)).await.map(|records| records.len()), Ok(5));
    store.close().await.expect("closing again changes nothing");
}

/// Commits and reads go on while the flusher takes everything away from under them.
#[tokio::test]
async fn reads_see_one_log_while_it_is_flushed() {
    let directory = tempfile::tempdir().expect("a directory for a test");
    let store = Conversations::open(directory.path(), options(20_000)).expect("it opens");
    let mut talk = Talk::new(1);
    store.commit(group(vec![talk.add(account(1), &[account(1)])])).await.expect("committed");
    for round in 0..150 {
        let entries = talk.texts(7);
        let marks = vec![mark(account(1), talk.id, talk.length(), talk.length())];
        store.commit(Group { marks, ..group(entries) }).await.expect("committed");
        let length = talk.length();
        let head = store.heads(&[talk.id]).await.expect("read")[0].expect("it exists");
        assert_eq!(head.seq, seq(length));
        if round % 10 == 0 {
            let records = store.range(all(talk.id)).await.expect("read");
            assert_eq!(records.last().map(|record| record.seq.get()), Some(length));
            assert_eq!(records.len() as u64, length);
        }
        let row = store.membership(account(1), talk.id).await.expect("read").expect("a member");
        assert_eq!(row.marks.read.map(|mark| mark.seq), Some(seq(length)));
    }
}
