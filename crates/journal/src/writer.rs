//! The one thread that writes: take everything that was submitted, one write, one sync, then the completions.
//!
//! It never has more than one unsynced group, and the first failed write or sync is its last.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::catalogue::Catalogue;
use crate::files::write_all_at;
use crate::format::{self, GROUP_HEADER, padded};
use crate::prepare::{Preparer, Unprepared};
use crate::queue::{Batch, Queue, Work};
use crate::segment::WritableSegment;
use crate::{AppendError, Position};

/// Hears of every group, on the writer thread, so that the caller can measure with its own clock.
pub trait Observer: Send + Sync {
    /// The group was taken from the queue and is about to be written.
    fn group_started(&self) {}
    /// The group is durable; its completions follow.
    fn group_durable(&self, _figures: GroupFigures) {}
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupFigures {
    pub submissions: usize,
    pub records: u32,
    pub bytes: usize,
}

/// What the writer tells the readers.
pub(crate) struct Durability {
    durable: AtomicU64,
    begun: AtomicU64,
    disk_full: AtomicBool,
}

pub(crate) struct Writer {
    pub(crate) queue: Arc<Queue>,
    pub(crate) catalogue: Arc<Catalogue>,
    pub(crate) durability: Arc<Durability>,
    pub(crate) preparer: Preparer,
    pub(crate) observer: Option<Arc<dyn Observer>>,
    pub(crate) current: Option<WritableSegment>,
    /// The end of the last group.
    pub(crate) end: Position,
}

impl Durability {
    pub(crate) fn new(durable: Position, begun: Position) -> Self {
        Self {
            durable: AtomicU64::new(durable.get()),
            begun: AtomicU64::new(begun.get()),
            disk_full: AtomicBool::new(false),
        }
    }

    pub(crate) fn begun(&self) -> Position {
        Position::new(self.begun.load(Ordering::Relaxed))
    }

    pub(crate) fn durable(&self) -> Position {
        Position::new(self.durable.load(Ordering::Acquire))
    }

    pub(crate) fn is_disk_full(&self) -> bool {
        self.disk_full.load(Ordering::Relaxed)
    }
}

impl Writer {
    pub(crate) fn run(mut self) {
        let unwinding = RefuseOnPanic(Arc::clone(&self.queue));
        if self.current.is_none() {
            self.preparer.want();
        }
        let mut batch = Batch::new();
        let last_words = loop {
            match self.queue.take(&mut batch) {
                Work::Write => {
                    if let Err(error) = self.commit(&mut batch) {
                        tracing::error!(%error, "the journal is broken until it is opened again");
                        batch.fail(&error);
                        break error;
                    }
                }
                Work::TurnOver => self.turn_over(),
                Work::Close => match self.mark_end(&mut batch) {
                    Ok(()) => break AppendError::Closed,
                    Err(error) => break error,
                },
                Work::Stop => break AppendError::Closed,
            }
        };
        self.queue.refuse(&last_words);
        std::mem::forget(unwinding);
    }

    /// An error breaks the journal; whatever is only refused is answered here.
    fn commit(&mut self, batch: &mut Batch) -> Result<(), AppendError> {
        if batch.record_count == 0 {
            batch.complete_without_records(self.end);
            return Ok(());
        }
        match self.make_room(padded(batch.group.len())) {
            Ok(()) => self.durability.disk_full.store(false, Ordering::Relaxed),
            Err(Unprepared::NoRoom) => {
                self.durability.disk_full.store(true, Ordering::Relaxed);
                let mut behind = self.queue.pause();
                batch.fail(&AppendError::DiskFull);
                behind.fail(&AppendError::DiskFull);
                return Ok(());
            }
            Err(Unprepared::Failed(why)) => return Err(AppendError::Broken(why)),
        }
        if let Some(observer) = &self.observer {
            observer.group_started();
        }
        let start = self.write(batch).map_err(|error| broken(&error))?;
        if let Some(observer) = &self.observer {
            let submissions = batch.submissions.len();
            observer.group_durable(GroupFigures {
                submissions,
                records: batch.record_count,
                bytes: batch.group.len(),
            });
        }
        batch.complete(start, self.end);
        if self.current.as_ref().is_some_and(WritableSegment::is_half_full) {
            self.preparer.want();
        }
        Ok(())
    }

    /// Goes to the next segment if this one cannot hold `bytes` more and an end marker.
    fn make_room(&mut self, bytes: usize) -> Result<(), Unprepared> {
        let needed = (bytes + GROUP_HEADER) as u64;
        if self.current.as_ref().is_some_and(|current| current.remaining() >= needed) {
            return Ok(());
        }
        let next = self.preparer.take()?;
        self.go_on_in(next);
        Ok(())
    }

    /// Leaves a segment that was written to, if the next one is there.
    fn turn_over(&mut self) {
        if self.current.as_ref().is_some_and(WritableSegment::is_used)
            && let Some(next) = self.preparer.take_ready()
        {
            self.go_on_in(next);
        }
    }

    fn go_on_in(&mut self, next: WritableSegment) {
        self.durability.begun.store(next.header.base.get(), Ordering::Relaxed);
        if let Some(left) = self.current.replace(next) {
            self.catalogue.finish(left.header.id, left.end());
        }
    }

    fn write(&mut self, batch: &mut Batch) -> io::Result<Position> {
        let Some(current) = &mut self.current else { return Err(io::ErrorKind::NotFound.into()) };
        format::seal(
            &mut batch.group,
            batch.record_count,
            &current.header,
            current.offset,
            self.end,
        );
        write_all_at(&*current.file, current.offset, &batch.group)?;
        current.file.sync()?;
        let start = current.end();
        current.offset += batch.group.len() as u64;
        self.end = current.end();
        self.durability.durable.store(self.end.get(), Ordering::Release);
        Ok(start)
    }

    fn mark_end(&mut self, batch: &mut Batch) -> Result<(), AppendError> {
        match self.make_room(GROUP_HEADER) {
            Ok(()) => {}
            Err(Unprepared::NoRoom) => return Err(AppendError::DiskFull),
            Err(Unprepared::Failed(why)) => return Err(AppendError::Broken(why)),
        }
        self.write(batch).map(|_| ()).map_err(|error| broken(&error))
    }
}

fn broken(error: &io::Error) -> AppendError {
    AppendError::Broken(format!("could not write a group: {error}").into())
}

/// Nobody may wait for a writer that is gone.
struct RefuseOnPanic(Arc<Queue>);

impl Drop for RefuseOnPanic {
    fn drop(&mut self) {
        self.0.refuse(&AppendError::Broken("the writer thread panicked".into()));
    }
}
