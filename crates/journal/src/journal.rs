//! The journal as its owner sees it: open, append, read, checkpoint, trim, close.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use crate::catalogue::{self, Catalogue};
use crate::files::Files;
use crate::files::directory::Directory;
use crate::format::{GROUP_HEADER, SEGMENT_HEADER};
use crate::manifest::{CHECKPOINT_BYTES_MAX, Manifest};
use crate::prepare::{Plan, Preparer};
use crate::queue::Queue;
use crate::recovery::{self, Recovery};
use crate::trim;
use crate::writer::{Durability, Observer, Writer};
use crate::{
    AppendError, Appender, CheckpointError, Copier, OpenError, Position, ReadError, Reader, Trim,
    TrimError, Trimmed,
};

const SEGMENT_BYTES_MIN: u64 = 512;
const SEGMENT_BYTES_MAX: u64 = 1 << 40;
/// The length of a group is stored in 32 bits, and a reader holds a group in memory.
const QUEUE_BYTES_MAX: usize = 1 << 30;

#[derive(Clone)]
pub struct Options {
    pub segment_bytes: u64,
    /// What may wait for the writer, and with that the largest group. Bounded by what a segment can hold.
    pub queue_bytes_max: usize,
    /// Free space below which no further segment is made, so that others on this disk do not run dry.
    pub reserve_bytes: u64,
    pub observer: Option<Arc<dyn Observer>>,
}

/// An open journal. Dropping it stops without an end marker: the next opening will look closely.
pub struct Journal {
    queue: Arc<Queue>,
    catalogue: Arc<Catalogue>,
    durability: Arc<Durability>,
    writer: Option<JoinHandle<()>>,
    /// Released last.
    _lock: Box<dyn Send + Sync>,
}

/// What a health check wants to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    Working,
    /// Appends are refused until there is room.
    DiskFull,
    /// Appends are refused until the next opening; reads go on.
    Stopped(AppendError),
}

impl Default for Options {
    fn default() -> Self {
        Self {
            segment_bytes: 64 << 20,
            queue_bytes_max: 8 << 20,
            reserve_bytes: 64 << 20,
            observer: None,
        }
    }
}

impl Journal {
    pub fn open(files: Arc<dyn Files>, options: Options) -> Result<(Self, Recovery), OpenError> {
        let segment_bytes = options.segment_bytes;
        if !(SEGMENT_BYTES_MIN..=SEGMENT_BYTES_MAX).contains(&segment_bytes) {
            return Err(OpenError::SegmentBytes { segment_bytes });
        }
        let lock = files.lock().map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => OpenError::Locked,
            _ => OpenError::io("LOCK", error),
        })?;
        let found = recovery::recover(files)?;
        for cut in &found.recovery.cuts {
            tracing::warn!(file = cut.file, offset = cut.offset, bytes = cut.bytes, "{cut}");
        }
        // A group must fit into a segment together with an end marker, whatever it is padded to. A segment that was made
        // ahead with a smaller size is passed over.
        let group_bytes_max =
            (segment_bytes as usize - SEGMENT_HEADER - 2 * GROUP_HEADER).min(QUEUE_BYTES_MAX);
        let queue = Arc::new(Queue::new(options.queue_bytes_max.min(group_bytes_max)));
        let catalogue = Arc::new(found.catalogue);
        let begun = found.current.as_ref().map_or(found.recovery.end, |now| now.header.base);
        let durability = Arc::new(Durability::new(found.recovery.end, begun));
        let plan = Plan { segment_bytes, reserve_bytes: options.reserve_bytes };
        let ready = found.next.filter(|next| {
            let is_large_enough = next.header.capacity >= segment_bytes;
            if !is_large_enough {
                catalogue.finish(next.header.id, next.end());
            }
            is_large_enough
        });
        let preparer =
            Preparer::start(Arc::clone(&catalogue), plan, ready).map_err(OpenError::Thread)?;
        let writer = Writer {
            queue: Arc::clone(&queue),
            catalogue: Arc::clone(&catalogue),
            durability: Arc::clone(&durability),
            preparer,
            observer: options.observer,
            current: found.current,
            end: found.recovery.end,
        };
        let thread =
            thread::Builder::new().name("journal-write".to_owned()).spawn(move || writer.run());
        let writer = Some(thread.map_err(OpenError::Thread)?);
        Ok((Self { queue, catalogue, durability, writer, _lock: lock }, found.recovery))
    }

    /// A directory of the operating system, made if it is missing.
    pub fn open_directory(path: &Path, options: Options) -> Result<(Self, Recovery), OpenError> {
        let directory = Directory::create(path)
            .map_err(|error| OpenError::io(&path.display().to_string(), error))?;
        Self::open(Arc::new(directory), options)
    }

    /// Makes a journal without records that will write from `position` on, where there is none yet.
    pub fn begin(files: &dyn Files, position: Position) -> io::Result<()> {
        let manifest = Manifest { next_base: position, start: position, ..Manifest::fresh() };
        catalogue::replace(files, &manifest.encode())
    }

    pub fn appender(&self) -> Appender {
        Appender::new(Arc::clone(&self.queue))
    }

    /// Records from `from` on; [`Journal::first`] is the earliest that can be asked for.
    pub fn reader(&self, from: Position) -> Result<Reader, ReadError> {
        Reader::new(Arc::clone(&self.catalogue), Arc::clone(&self.durability), from)
    }

    pub fn copier(&self) -> Copier {
        Copier::new(Arc::clone(&self.catalogue), Arc::clone(&self.durability))
    }

    pub fn first(&self) -> Position {
        self.catalogue.first()
    }

    /// Where the segment begins that is being written.
    pub fn begun(&self) -> Position {
        self.durability.begun()
    }

    /// What is appended from now on goes to another segment, so that [`Journal::trim`] can take what lies in this one however slowly it
    /// fills. Nobody waits for it: if the next segment is not there it is made, and asking again later finds it.
    pub fn turn_over(&self) {
        self.queue.turn_over();
    }

    /// What the disk can hold that the journal lies on.
    pub fn disk_bytes(&self) -> io::Result<u64> {
        self.catalogue.files.total_bytes()
    }

    /// Every durable record lies before.
    pub fn durable(&self) -> Position {
        self.durability.durable()
    }

    pub fn condition(&self) -> Condition {
        match self.queue.refusal() {
            Some(error) => Condition::Stopped(error),
            None if self.durability.is_disk_full() => Condition::DiskFull,
            None => Condition::Working,
        }
    }

    /// Keeps `checkpoint` where the next [`Recovery`] finds it, instead of the one before. Waits for the disk.
    pub fn set_checkpoint(&self, checkpoint: &[u8]) -> Result<(), CheckpointError> {
        if checkpoint.len() > CHECKPOINT_BYTES_MAX {
            return Err(CheckpointError::TooLarge {
                bytes: checkpoint.len(),
                bytes_max: CHECKPOINT_BYTES_MAX,
            });
        }
        let changed = self.catalogue.update(|manifest| {
            manifest.checkpoint.clear();
            manifest.checkpoint.extend_from_slice(checkpoint);
        });
        changed.map_err(CheckpointError::Io)
    }

    /// Deletes what may go. Waits for the disk.
    pub fn trim(&self, limits: &Trim) -> Result<Trimmed, TrimError> {
        trim::trim(&self.catalogue, limits)
    }

    /// Writes what was submitted and the end marker. An error means that the next opening will not find a clean end.
    pub fn close(mut self) -> Result<(), AppendError> {
        self.queue.close();
        self.join();
        match self.queue.refusal() {
            None | Some(AppendError::Closed) => Ok(()),
            Some(error) => Err(error),
        }
    }

    fn join(&mut self) {
        if self.writer.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread that writes the journal panicked");
        }
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.queue.abandon();
        self.join();
    }
}
