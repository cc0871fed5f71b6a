//! The thread that makes the next segment while the current one is being filled, and notices a full disk before it is.

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use parking_lot::{Condvar, Mutex};

use crate::catalogue::Catalogue;
use crate::manifest::{Segment, SegmentId};
use crate::segment::{self, WritableSegment};

/// Why there is no next segment.
#[derive(Clone, Debug)]
pub(crate) enum Unprepared {
    /// Asking again looks again.
    NoRoom,
    Failed(Arc<str>),
}

pub(crate) struct Preparer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

pub(crate) struct Plan {
    pub(crate) segment_bytes: u64,
    /// What must stay free beside the segment.
    pub(crate) reserve_bytes: u64,
}

struct Shared {
    stage: Mutex<Stage>,
    changed: Condvar,
}

enum Stage {
    Idle,
    Wanted,
    Ready(WritableSegment),
    Unprepared(Unprepared),
    Stop,
}

impl Preparer {
    pub(crate) fn start(
        catalogue: Arc<Catalogue>,
        plan: Plan,
        ready: Option<WritableSegment>,
    ) -> io::Result<Self> {
        let stage = ready.map_or(Stage::Idle, Stage::Ready);
        let shared = Arc::new(Shared { stage: Mutex::new(stage), changed: Condvar::new() });
        let for_thread = Arc::clone(&shared);
        let thread = thread::Builder::new()
            .name("journal-prepare".to_owned())
            .spawn(move || run(&for_thread, &catalogue, &plan))?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Asks for a segment ahead of its use.
    pub(crate) fn want(&self) {
        let mut stage = self.shared.stage.lock();
        if matches!(*stage, Stage::Idle) {
            *stage = Stage::Wanted;
            self.shared.changed.notify_all();
        }
    }

    /// The next segment if it is there; otherwise asks for it.
    pub(crate) fn take_ready(&self) -> Option<WritableSegment> {
        let mut stage = self.shared.stage.lock();
        match std::mem::replace(&mut *stage, Stage::Idle) {
            Stage::Ready(segment) => return Some(segment),
            Stage::Idle | Stage::Unprepared(Unprepared::NoRoom) => {
                *stage = Stage::Wanted;
                self.shared.changed.notify_all();
            }
            other => *stage = other,
        }
        None
    }

    /// Waits for the next segment if it is being made.
    pub(crate) fn take(&self) -> Result<WritableSegment, Unprepared> {
        let mut stage = self.shared.stage.lock();
        if matches!(*stage, Stage::Idle | Stage::Unprepared(Unprepared::NoRoom)) {
            *stage = Stage::Wanted;
            self.shared.changed.notify_all();
        }
        while matches!(*stage, Stage::Wanted) {
            self.shared.changed.wait(&mut stage);
        }
        match std::mem::replace(&mut *stage, Stage::Idle) {
            Stage::Ready(segment) => Ok(segment),
            Stage::Unprepared(why) => {
                *stage = Stage::Unprepared(why.clone());
                Err(why)
            }
            Stage::Idle | Stage::Wanted | Stage::Stop => {
                *stage = Stage::Stop;
                Err(Unprepared::Failed("the journal is being closed".into()))
            }
        }
    }
}

impl Drop for Preparer {
    fn drop(&mut self) {
        *self.shared.stage.lock() = Stage::Stop;
        self.shared.changed.notify_all();
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread that prepares segments panicked");
        }
    }
}

fn run(shared: &Shared, catalogue: &Catalogue, plan: &Plan) {
    let mut stage = shared.stage.lock();
    loop {
        match *stage {
            Stage::Stop => return,
            Stage::Wanted => {
                let next =
                    parking_lot::MutexGuard::unlocked(&mut stage, || prepare(catalogue, plan));
                if matches!(*stage, Stage::Wanted) {
                    *stage = match next {
                        Ok(segment) => Stage::Ready(segment),
                        Err(why) => Stage::Unprepared(why),
                    };
                }
                shared.changed.notify_all();
            }
            Stage::Idle | Stage::Ready(_) | Stage::Unprepared(_) => shared.changed.wait(&mut stage),
        }
    }
}

fn prepare(catalogue: &Catalogue, plan: &Plan) -> Result<WritableSegment, Unprepared> {
    let files = &*catalogue.files;
    let free = files.free_bytes().map_err(|error| unprepared(&error))?;
    if free < plan.segment_bytes.saturating_add(plan.reserve_bytes) {
        tracing::warn!(free_bytes = free, "no room for another journal segment");
        return Err(Unprepared::NoRoom);
    }
    let before = catalogue.manifest();
    let (id, base) = (before.next_id, before.next_base);
    catalogue.claim(id);
    let segment = match segment::create(files, id, base, plan.segment_bytes) {
        Ok(segment) => segment,
        Err(error) => {
            // It is not listed, and what was made of it stands in the way of the next attempt.
            if let Err(error) = files.remove(&id.file_name()) {
                tracing::warn!(segment = id.get(), %error, "could not remove half a segment");
                catalogue.release(id);
            }
            return Err(unprepared(&error));
        }
    };
    let listed = list(catalogue, Segment { id, base, capacity: plan.segment_bytes, end: None });
    catalogue.release(id);
    listed.map(|()| segment).map_err(|error| unprepared(&error))
}

fn list(catalogue: &Catalogue, segment: Segment) -> io::Result<()> {
    let updated = catalogue.update(|manifest| {
        manifest.segments.push(segment);
        manifest.next_id = SegmentId::new(segment.id.get() + 1);
        manifest.next_base = segment.limit();
    });
    if updated.is_err() {
        // The manifest may be in place all the same: the file has to stay for now, and its positions stay unused.
        catalogue.pass_over(&segment);
    }
    updated
}

fn unprepared(error: &io::Error) -> Unprepared {
    match error.kind() {
        io::ErrorKind::StorageFull => Unprepared::NoRoom,
        _ => Unprepared::Failed(format!("could not prepare a segment: {error}").into()),
    }
}
