//! Copying an open journal while it is written to: the durable groups from a position on, as files that open as a journal.
//!
//! **Nothing behind a pin is trimmed.** A copy ends at the durable end of the moment at which it is made, and its manifest says that all its
//! segments are finished, so that whoever opens it writes behind them.

use std::io;
use std::sync::Arc;

use crate::Position;
use crate::catalogue::Catalogue;
use crate::files::read_full_at;
use crate::manifest::{MANIFEST, Manifest, Segment, SegmentId};
use crate::writer::Durability;

/// Bytes that are handed over at once.
const PIECE: usize = 256 * 1024;

/// Makes copies of an open journal, from any thread.
#[derive(Clone)]
pub struct Copier {
    catalogue: Arc<Catalogue>,
    durability: Arc<Durability>,
}

/// Keeps everything from a position on for as long as it lives.
pub struct Pin {
    copier: Copier,
    from: Position,
    number: u64,
}

/// What a copy will consist of.
pub struct Copy {
    catalogue: Arc<Catalogue>,
    manifest: Manifest,
    end: Position,
}

impl Copier {
    pub(crate) fn new(catalogue: Arc<Catalogue>, durability: Arc<Durability>) -> Self {
        Self { catalogue, durability }
    }

    /// Keeps everything that is there. What the caller notes about positions from now on stays true of it.
    pub fn pin(&self) -> Pin {
        let number = self.catalogue.pin(Position::START);
        Pin { copier: self.clone(), from: self.catalogue.first(), number }
    }
}

impl Pin {
    /// Everything from here on is kept.
    pub fn from(&self) -> Position {
        self.from
    }

    /// Lets go of what lies before `from`.
    pub fn move_to(&mut self, from: Position) {
        self.from = from;
        self.copier.catalogue.move_pin(self.number, from);
    }

    /// Everything from the pin to the durable end of now.
    pub fn copy(&self) -> Copy {
        let Copier { catalogue, durability } = &self.copier;
        // Read before the catalogue: a segment is known to be finished before anything behind it is durable.
        let end = durability.durable();
        let manifest = finished(catalogue.manifest(), self.from, end);
        Copy { catalogue: Arc::clone(catalogue), manifest, end }
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        self.copier.catalogue.unpin(self.number);
    }
}

impl Copy {
    /// Every record of the copy lies before.
    pub fn end(&self) -> Position {
        self.end
    }

    /// What all its files hold.
    pub fn bytes(&self) -> u64 {
        self.manifest.segments.iter().map(length).sum::<u64>() + self.manifest.encode().len() as u64
    }

    /// Hands over every file by its name, piece by piece; the pieces of a file come one after the other.
    pub fn write<E: From<io::Error>>(
        &self,
        mut write: impl FnMut(&str, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut piece = vec![0; PIECE];
        for segment in &self.manifest.segments {
            let name = segment.id.file_name();
            let file = self.catalogue.files.open(&name)?;
            let (mut offset, length) = (0, length(segment));
            while offset < length {
                let wanted = PIECE.min((length - offset) as usize);
                if read_full_at(&*file, offset, &mut piece[..wanted])? < wanted {
                    return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
                }
                write(&name, &piece[..wanted])?;
                offset += wanted as u64;
            }
        }
        write(MANIFEST, &self.manifest.encode())
    }
}

/// Whether a file of a copy may have this name.
pub fn is_name_in_copy(name: &str) -> bool {
    name == MANIFEST || SegmentId::of_file(name).is_some()
}

fn length(segment: &Segment) -> u64 {
    segment.end.map_or(0, |end| end.since(segment.base))
}

/// The manifest of a journal that has what lies from `from` to `end`, and will write behind everything that the original may write.
fn finished(mut manifest: Manifest, from: Position, end: Position) -> Manifest {
    manifest.checkpoint.clear();
    manifest.segments.retain(|segment| segment.base < end);
    for segment in &mut manifest.segments {
        segment.end = Some(segment.end.map_or(end, |known| known.min(end)));
    }
    let first = manifest.segments.iter().position(|segment| segment.limit() > from);
    let first = first.unwrap_or(manifest.segments.len());
    for segment in manifest.segments.drain(..first) {
        match segment.end {
            Some(end) if !segment.is_empty_at(end) => manifest.start = manifest.start.max(end),
            _ => {}
        }
    }
    manifest
}
