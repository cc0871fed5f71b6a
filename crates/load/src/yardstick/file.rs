//! The journal thread of the yardstick. **A batch is reported done only after its bytes are on the disk.**

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use parking_lot::{Condvar, Mutex};
use rustix::event::{EventfdFlags, eventfd};

/// Zeros written beforehand, so that a sync writes data and no file size or block map. Batches go round in it.
const FILE_BYTES: u64 = 64 * 1024 * 1024;

/// Where batches are handed over.
#[derive(Debug)]
pub(super) struct Disk {
    shared: Arc<Shared>,
    _thread: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    wake: Condvar,
    done: std::os::fd::OwnedFd,
}

#[derive(Debug, Default)]
struct State {
    /// Handed over, not yet taken by the thread.
    todo: Option<Vec<u8>>,
    /// Written, or not; not yet taken back.
    done: Option<io::Result<Vec<u8>>>,
}

impl Disk {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = File::create(path)?;
        let zeros = vec![0; 1024 * 1024];
        for at in (0..FILE_BYTES).step_by(zeros.len()) {
            file.write_all_at(&zeros, at)?;
        }
        file.sync_all()?;
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            wake: Condvar::new(),
            done: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?,
        });
        let thread = std::thread::Builder::new().name("disk".into()).spawn({
            let shared = shared.clone();
            move || shared.write(&file)
        })?;
        Ok(Self { shared, _thread: thread })
    }

    /// Readable when a batch is done.
    pub(super) fn done(&self) -> &std::os::fd::OwnedFd {
        &self.shared.done
    }

    /// Hands a batch over; the next only after [`Self::finish`] gave this one back.
    pub(super) fn write(&self, batch: Vec<u8>) {
        self.shared.state.lock().todo = Some(batch);
        self.shared.wake.notify_one();
    }

    /// The batch, once it is on the disk.
    pub(super) fn finish(&self) -> io::Result<Option<Vec<u8>>> {
        let mut count = [0; 8];
        if rustix::io::read(&self.shared.done, &mut count).is_err() {
            return Ok(None);
        }
        self.shared.state.lock().done.take().transpose()
    }
}

impl Shared {
    fn write(&self, file: &File) {
        let mut at = 0;
        loop {
            let batch = {
                let mut state = self.state.lock();
                loop {
                    match state.todo.take() {
                        Some(batch) => break batch,
                        None => self.wake.wait(&mut state),
                    }
                }
            };
            if at + batch.len() as u64 > FILE_BYTES {
                at = 0;
            }
            let result = file.write_all_at(&batch, at).and_then(|()| file.sync_data());
            at += batch.len() as u64;
            self.state.lock().done = Some(result.map(|()| batch));
            // It can fail only by overflowing, after 2^64 batches.
            let _ = rustix::io::write(&self.done, &1u64.to_ne_bytes());
        }
    }
}
