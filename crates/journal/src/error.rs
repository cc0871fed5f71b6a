//! What can go wrong, one enum per family of operations; each variant is something that a caller treats differently.

use std::fmt;
use std::io;
use std::sync::Arc;

use thiserror::Error;

use crate::Position;

/// Why some bytes are not a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum Flaw {
    #[error("no group starts here")]
    NoGroup,
    #[error("the group belongs to another segment")]
    OtherSegment,
    #[error("the group belongs to another place")]
    OtherPosition,
    #[error("the group is longer than its segment")]
    Length,
    #[error("the checksum of the group does not match")]
    Checksum,
    #[error("the records do not fill the group")]
    Framing,
    #[error("groups are missing between this place and the next group")]
    Missing,
    #[error("the header of the segment is unreadable")]
    SegmentHeader,
    #[error("the file is shorter than it was made")]
    Truncated,
    #[error("the segment is missing")]
    SegmentMissing,
    #[error("the manifest is unreadable")]
    Manifest,
    #[error("the manifest is missing though there are records")]
    ManifestMissing,
    #[error("the segment holds records but the manifest does not know it")]
    Unlisted,
    #[error("the last group is unreadable")]
    Tail,
    #[error("the bytes cannot be read from the disk")]
    Unreadable,
}

/// A named place that does not hold what was written there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Damage {
    pub file: String,
    pub offset: u64,
    pub flaw: Flaw,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at offset {}: {}", self.file, self.offset, self.flaw)
    }
}

#[derive(Debug, Error)]
pub enum OpenError {
    #[error("the journal is in use by another process")]
    Locked,
    #[error("the journal is damaged: {0}")]
    Damaged(Damage),
    #[error("could not read or write {file}")]
    Io { file: String, source: io::Error },
    #[error("a segment of {segment_bytes} bytes is too small or too large")]
    SegmentBytes { segment_bytes: u64 },
    #[error("could not start the thread of the journal")]
    Thread(#[source] io::Error),
}

impl OpenError {
    pub(crate) fn io(file: &str, source: io::Error) -> Self {
        Self::Io { file: file.to_owned(), source }
    }
}

/// Why records did not become durable. `Broken` leaves open whether those of the group in flight will be found after the
/// next opening; every other variant means that nothing was written.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AppendError {
    /// The writer is behind; the caller may offer the same records again later.
    #[error("the queue of the journal is full")]
    Full,
    #[error("a group of {bytes} bytes is larger than the {bytes_max} allowed")]
    TooLarge { bytes: usize, bytes_max: usize },
    /// There is no room for another segment. Everything submitted later is refused too, until
    /// [`crate::Appender::resume`]; then the journal looks for room again.
    #[error("the disk of the journal is full")]
    DiskFull,
    /// Nothing is appended any more until the journal is opened again.
    #[error("the journal is broken: {0}")]
    Broken(Arc<str>),
    #[error("the journal is closed")]
    Closed,
}

#[derive(Debug, Error)]
pub enum ReadError {
    /// The place was trimmed away; `first` is the earliest that can be read.
    #[error("the journal begins at {first}")]
    Trimmed { first: Position },
    #[error("the journal is damaged: {0}")]
    Damaged(Damage),
    #[error("could not read {file}")]
    Io { file: String, source: io::Error },
}

#[derive(Debug, Error)]
pub enum CheckpointError {
    #[error("a checkpoint of {bytes} bytes is larger than the {bytes_max} allowed")]
    TooLarge { bytes: usize, bytes_max: usize },
    #[error("could not write the manifest of the journal")]
    Io(#[source] io::Error),
}

#[derive(Debug, Error)]
#[error("could not trim the journal")]
pub struct TrimError(#[source] pub(crate) io::Error);
