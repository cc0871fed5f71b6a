//! The manifest in memory and on disk, and the deletion of what it no longer lists.
//!
//! Memory runs ahead of the disk only with the ends of finished segments, which can be found again by reading.

use std::io;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::Position;
use crate::files::{Files, write_all_at};
use crate::manifest::{MANIFEST, MANIFEST_NEW, Manifest, Segment, SegmentId};

pub(crate) struct Catalogue {
    pub(crate) files: Arc<dyn Files>,
    live: Mutex<Manifest>,
    /// Held while the disk is written. Order: `disk`, then `live`.
    disk: Mutex<Disk>,
    pins: Mutex<Pins>,
}

/// Positions behind which nothing may be deleted, each under the number of its owner.
#[derive(Default)]
struct Pins {
    next: u64,
    held: Vec<(u64, Position)>,
}

/// Files in the directory and what is still to be done about them once the next manifest is durable.
pub(crate) struct Disk {
    /// Segments that have a file.
    pub(crate) present: Vec<SegmentId>,
    /// Finished segments that hold more zeros than anything else, with the size that they need.
    pub(crate) shrink: Vec<(SegmentId, u64)>,
}

impl Catalogue {
    pub(crate) fn new(files: Arc<dyn Files>, live: Manifest, disk: Disk) -> Self {
        Self { files, live: Mutex::new(live), disk: Mutex::new(disk), pins: Mutex::default() }
    }

    /// Answers the number under which the pin is moved and let go.
    pub(crate) fn pin(&self, from: Position) -> u64 {
        let mut pins = self.pins.lock();
        let number = pins.next;
        pins.next += 1;
        pins.held.push((number, from));
        number
    }

    pub(crate) fn move_pin(&self, number: u64, from: Position) {
        let mut pins = self.pins.lock();
        pins.held.iter_mut().filter(|(held, _)| *held == number).for_each(|pin| pin.1 = from);
    }

    pub(crate) fn unpin(&self, number: u64) {
        self.pins.lock().held.retain(|(held, _)| *held != number);
    }

    /// From here on nothing may be deleted, whoever asks for it.
    pub(crate) fn pinned(&self) -> Option<Position> {
        self.pins.lock().held.iter().map(|(_, from)| *from).min()
    }

    pub(crate) fn manifest(&self) -> Manifest {
        self.live.lock().clone()
    }

    pub(crate) fn first(&self) -> Position {
        let live = self.live.lock();
        live.segments.first().map_or(live.start, |segment| segment.base)
    }

    /// The segment that holds `position`, or the first one behind it.
    pub(crate) fn segment_for(&self, position: Position) -> Option<Segment> {
        self.live.lock().segments.iter().find(|segment| segment.limit() > position).copied()
    }

    pub(crate) fn segment_after(&self, id: SegmentId) -> Option<Segment> {
        self.live.lock().segments.iter().find(|segment| segment.id > id).copied()
    }

    pub(crate) fn segment(&self, id: SegmentId) -> Option<Segment> {
        self.live.lock().segments.iter().find(|segment| segment.id == id).copied()
    }

    /// Nothing will be added to this segment. Must be known before anything behind it is called durable.
    pub(crate) fn finish(&self, id: SegmentId, end: Position) {
        if let Some(segment) = self.live.lock().segments.iter_mut().find(|segment| segment.id == id)
        {
            segment.end = Some(end);
        }
    }

    /// Never uses the place of this segment, which may or may not be listed on disk.
    pub(crate) fn pass_over(&self, segment: &Segment) {
        let mut live = self.live.lock();
        live.next_id = SegmentId::new(segment.id.get() + 1);
        live.next_base = segment.limit();
    }

    /// A file of this name is about to be made: no update may take it for a left-over of an earlier run meanwhile.
    pub(crate) fn claim(&self, id: SegmentId) {
        self.disk.lock().present.retain(|&present| present != id);
    }

    /// Ends a claim: the file is deleted with the next manifest that does not list it.
    pub(crate) fn release(&self, id: SegmentId) {
        self.disk.lock().present.push(id);
    }

    /// Changes the manifest on disk, then in memory. `change` runs on both and must only touch what it is about.
    /// After an error either manifest may be on disk.
    pub(crate) fn update(&self, change: impl Fn(&mut Manifest)) -> io::Result<()> {
        let mut disk = self.disk.lock();
        let mut next = self.manifest();
        change(&mut next);
        replace(&*self.files, &next.encode())?;
        change(&mut self.live.lock());
        self.tidy(&mut disk, &next);
        Ok(())
    }

    /// Deletes and shrinks. Failing costs space, nothing else, and is tried again with the next update.
    fn tidy(&self, disk: &mut Disk, durable: &Manifest) {
        let listed = |id: SegmentId| durable.segments.iter().any(|segment| segment.id == id);
        disk.present.retain(|&id| {
            if listed(id) {
                return true;
            }
            let removed = match self.files.remove(&id.file_name()) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                removed => removed,
            };
            log_failure(id, &removed);
            removed.is_err()
        });
        disk.shrink.retain(|&(id, size)| {
            if !listed(id) {
                return false;
            }
            let shrunk =
                self.files.open_for_write(&id.file_name()).and_then(|file| file.truncate(size));
            log_failure(id, &shrunk);
            shrunk.is_err()
        });
    }
}

fn log_failure(id: SegmentId, done: &io::Result<()>) {
    if let Err(error) = done {
        tracing::warn!(segment = id.get(), %error, "could not free the space of a segment");
    }
}

/// The manifest on disk is this one or the one before.
pub(crate) fn replace(files: &dyn Files, content: &[u8]) -> io::Result<()> {
    let file = files.create(MANIFEST_NEW)?;
    write_all_at(&*file, 0, content)?;
    file.sync()?;
    files.rename(MANIFEST_NEW, MANIFEST)?;
    files.sync()
}
