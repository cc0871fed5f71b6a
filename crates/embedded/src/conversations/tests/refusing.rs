//! What a store does that cannot go on: it says so once, keeps what is durable readable, and damages nothing.

use std::path::Path;
use std::sync::{Arc, mpsc};
use std::task::{Context, Wake, Waker};

use parlance_journal::Observer;
use parlance_journal::testkit::MemoryDisk;
use parlance_ports::contract::conversation::sample::{Talk, account, all, group, mark, seq};
use parlance_ports::{CommitError, CommitFuture, ConversationStore, EventSink, Group};

use super::super::flusher::Flusher;
use super::super::recovery::open_on;
use super::super::store::Store;
use super::super::{Conversations, OpenError, Options, commit};
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

/// Holds the first group back: says that it is there, and waits until it may go.
struct Gate(parking_lot::Mutex<Option<(mpsc::Sender<()>, mpsc::Receiver<()>)>>);

impl Observer for Gate {
    fn group_started(&self) {
        if let Some((arrived, open)) = self.0.lock().take() {
            arrived.send(()).expect("the test waits");
            open.recv().expect("the test goes on");
        }
    }
}

/// Commits as soon as another commit is answered, on the thread of the journal.
struct Sneak {
    store: Arc<Store>,
    group: parking_lot::Mutex<Option<Group>>,
    outcome: parking_lot::Mutex<Option<CommitFuture>>,
}

impl Wake for Sneak {
    fn wake(self: Arc<Self>) {
        if let Some(group) = self.group.lock().take() {
            *self.outcome.lock() = Some(commit::commit(&self.store, group));
        }
    }
}

fn on(disk: &MemoryDisk, directory: &Path, observer: Option<Arc<dyn Observer>>) -> Flusher {
    let options = Options { segment_bytes: 8 << 10, observer, ..options(usize::MAX) };
    open_on(Arc::new(disk.clone()), directory, options).expect("the store opens")
}

/// Two groups that find no room together, and a third that builds on the second and would find some, if it were let in between their
/// refusals.
#[tokio::test]
async fn nothing_that_was_built_on_a_refused_group_gets_in() {
    let directory = tempfile::tempdir().expect("a directory for a test");
    let disk = MemoryDisk::new();
    let ((arrived, arrival), (open_gate, gate)) = (mpsc::channel(), mpsc::channel());
    let gate = Arc::new(Gate(parking_lot::Mutex::new(Some((arrived, gate)))));
    let flusher = on(&disk, directory.path(), Some(gate));
    let store = flusher.store();
    let (mut large, mut talk) = (Talk::new(1), Talk::new(2));
    let fits = commit::commit(&store, group(talk.texts(5)));
    arrival.recv().expect("the first group is being written");
    let durable = talk.clone();
    let large = group(vec![large.text(account(1), &[b'x'; 7000], 0)]);
    let mut refused = commit::commit(&store, large);
    let behind = commit::commit(&store, group(talk.texts(2)));
    let sneak = Arc::new(Sneak {
        store: Arc::clone(&store),
        group: parking_lot::Mutex::new(Some(group(talk.texts(1)))),
        outcome: parking_lot::Mutex::default(),
    });
    let waker = Waker::from(Arc::clone(&sneak));
    assert!(refused.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    disk.leave_free(0, true);
    open_gate.send(()).expect("the first group waits");

    fits.await.expect("there is room for it");
    assert_eq!(behind.await, Err(CommitError::Full));
    assert_eq!(refused.await, Err(CommitError::Full));
    let sneaked = sneak.outcome.lock().take().expect("it was woken");
    assert_eq!(sneaked.await, Err(CommitError::Full), "it builds on what is not there");
    talk.back_to(&durable);
    commit::commit(&store, group(talk.texts(1))).await.expect("what fits goes on");
    drop((store, sneak, waker, flusher));
    let flusher = on(&disk, directory.path(), None);
    assert_eq!(flusher.store().table.lock().slot(talk.id).map_or(0, |slot| slot.seq()), 6);
}

/// Sends work again without a restart when there is room.
#[tokio::test]
async fn a_full_disk_takes_commits_again_when_there_is_room() {
    let directory = tempfile::tempdir().expect("a directory for a test");
    let disk = MemoryDisk::new();
    let flusher = on(&disk, directory.path(), None);
    let store = flusher.store();
    let mut talk = Talk::new(1);
    let mut kept = 0;
    for announced in [true, false] {
        disk.leave_free(10 << 10, announced);
        let durable = loop {
            let durable = talk.clone();
            match commit::commit(&store, group(talk.texts(5))).await {
                Ok(_) => kept += 5,
                Err(error) => {
                    assert_eq!(error, CommitError::Full);
                    break durable;
                }
            }
        };
        talk.back_to(&durable);
        let mut still = talk.clone();
        let refused = commit::commit(&store, group(still.texts(5))).await;
        assert_eq!(refused, Err(CommitError::Full), "there is none yet");
        disk.heal();
        commit::commit(&store, group(talk.texts(5))).await.expect("there is room again");
        kept += 5;
    }
    drop((store, flusher));
    let flusher = on(&disk, directory.path(), None);
    assert_eq!(flusher.store().table.lock().slot(talk.id).map_or(0, |slot| slot.seq()), kept);
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
