//! Events at exactly the wrong moment: between two operations of another thread.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use parking_lot::Mutex;

use super::{append, contents, opened, options};
use crate::testkit::MemoryDisk;
use crate::{File, Files, Journal};

/// A disk that stops after a segment was created, and whose syncs of the directory answer from a list.
#[derive(Default)]
struct Scripted {
    disk: MemoryDisk,
    pause: Mutex<Option<(Sender<()>, Receiver<()>)>>,
    directory_syncs: Mutex<Vec<io::Result<()>>>,
}

impl Files for Scripted {
    fn lock(&self) -> io::Result<Box<dyn Send + Sync>> {
        self.disk.lock()
    }

    fn list(&self) -> io::Result<Vec<String>> {
        self.disk.list()
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn File>> {
        self.disk.open(name)
    }

    fn open_for_write(&self, name: &str) -> io::Result<Arc<dyn File>> {
        self.disk.open_for_write(name)
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn File>> {
        let created = self.disk.create(name);
        let pause = if name.ends_with(".segment") { self.pause.lock().take() } else { None };
        if let Some((reached, go_on)) = pause {
            reached.send(()).unwrap();
            go_on.recv().unwrap();
        }
        created
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.disk.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.disk.remove(name)
    }

    fn sync(&self) -> io::Result<()> {
        self.disk.sync()?;
        self.directory_syncs.lock().pop().unwrap_or(Ok(()))
    }

    fn free_bytes(&self) -> io::Result<u64> {
        self.disk.free_bytes()
    }

    fn total_bytes(&self) -> io::Result<u64> {
        self.disk.total_bytes()
    }
}

#[test]
fn a_segment_in_the_making_is_not_taken_for_a_left_over() {
    let (reached, is_reached) = channel();
    let (go_on, may_go_on) = channel();
    let scripted =
        Scripted { pause: Mutex::new(Some((reached, may_go_on))), ..Scripted::default() };
    let disk = scripted.disk.clone();
    disk.place("0000000001.segment", b"of an earlier attempt");
    let (journal, _) = Journal::open(Arc::new(scripted), options()).unwrap();
    is_reached.recv().unwrap();
    journal.set_checkpoint(b"meanwhile").unwrap();
    go_on.send(()).unwrap();
    append(&journal, &[b"record"]).unwrap();
    journal.close().unwrap();
    assert_eq!(contents(&opened(&disk)), [b"record"]);
}

#[test]
fn a_segment_that_may_be_listed_is_not_made_again() {
    let scripted = Scripted::default();
    let disk = scripted.disk.clone();
    // Popped from the end: the opening, the name of the segment, the name of the manifest.
    *scripted.directory_syncs.lock() = vec![Err(io::ErrorKind::StorageFull.into()), Ok(()), Ok(())];
    let (journal, _) = Journal::open(Arc::new(scripted), options()).unwrap();
    while append(&journal, &[b"record"]).is_err() {
        journal.appender().resume();
    }
    assert!(append(&journal, &[b"record"]).unwrap().start.get() > options().segment_bytes);
    assert!(
        disk.content("0000000001.segment").is_none()
            && disk.content("0000000002.segment").is_some()
    );
}
