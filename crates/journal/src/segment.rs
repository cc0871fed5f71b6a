//! One segment file: made with zeros ahead of its use, written at its end only, never used for anything else again.

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::sync::Arc;

use crate::files::{File, Files, read_full_at, write_all_at};
use crate::format::{SEGMENT_HEADER, SegmentHeader};
use crate::manifest::{Segment, SegmentId};
use crate::{Flaw, Position};

/// Zeros are written and synced in pieces, so that the writer's own syncs never wait behind a whole segment.
const PIECE: usize = 4 << 20;

/// A segment that groups are being added to.
pub(crate) struct WritableSegment {
    pub(crate) header: SegmentHeader,
    pub(crate) file: Arc<dyn File>,
    /// Where the next group goes.
    pub(crate) offset: u64,
}

impl WritableSegment {
    pub(crate) fn remaining(&self) -> u64 {
        self.header.capacity.saturating_sub(self.offset)
    }

    pub(crate) fn end(&self) -> Position {
        self.header.position(self.offset)
    }

    pub(crate) fn is_used(&self) -> bool {
        self.offset > SEGMENT_HEADER as u64
    }

    pub(crate) fn is_half_full(&self) -> bool {
        self.offset >= self.header.capacity / 2
    }
}

/// Makes the file with its header and zeros; all of it is durable when this returns, its name included.
pub(crate) fn create(
    files: &dyn Files,
    id: SegmentId,
    base: Position,
    capacity: u64,
) -> io::Result<WritableSegment> {
    let file = files.create(&id.file_name())?;
    let header = SegmentHeader { id, base, capacity, salt: salt() };
    write_all_at(&*file, 0, &header.encode())?;
    let zeros = vec![0; PIECE.min(capacity as usize)];
    let mut offset = SEGMENT_HEADER as u64;
    while offset < capacity {
        let piece = zeros.len().min((capacity - offset) as usize);
        write_all_at(&*file, offset, &zeros[..piece])?;
        file.sync()?;
        offset += piece as u64;
    }
    files.sync()?;
    Ok(WritableSegment { header, file, offset: SEGMENT_HEADER as u64 })
}

/// Reads the header and checks that the file is what the manifest says.
pub(crate) fn read_header(
    file: &dyn File,
    segment: &Segment,
) -> io::Result<Result<SegmentHeader, Flaw>> {
    let mut bytes = [0; SEGMENT_HEADER];
    let read = read_full_at(file, 0, &mut bytes)?;
    let Some(header) = SegmentHeader::decode(&bytes[..read]) else {
        return Ok(Err(Flaw::SegmentHeader));
    };
    if header.id != segment.id || header.base != segment.base || header.capacity != segment.capacity
    {
        return Ok(Err(Flaw::SegmentHeader));
    }
    let needed = segment.end.map_or(segment.capacity, |end| end.since(segment.base));
    if file.size()? < needed {
        return Ok(Err(Flaw::Truncated));
    }
    Ok(Ok(header))
}

/// Secret rather than random in any stronger sense: whoever writes records must not be able to write a group.
fn salt() -> u32 {
    RandomState::new().hash_one(0_u32) as u32
}
