//! Walking the groups of one segment, and looking for what lies behind an unreadable one.
//!
//! It reports what is there and judges nothing: whether a flaw is the end, a torn group or damage depends on what the
//! caller knows about the rest of the journal.

use std::io;
use std::sync::Arc;

use bytes::Bytes;

use crate::Flaw;
use crate::files::{File, read_full_at};
use crate::format::{
    ALIGNMENT, GROUP_HEADER, GROUP_MAGIC, Group, GroupHeader, SEGMENT_HEADER, SegmentHeader,
};

/// Bytes read at once; a larger group is read whole.
const CHUNK: u64 = 256 * 1024;
const _: () =
    assert!((CHUNK as usize).is_multiple_of(ALIGNMENT), "a search goes from chunk to chunk");

/// What stands at a place of a segment.
pub(crate) enum Step {
    Group(Group),
    /// No whole group starts here. The walk stays where it is.
    Flaw(Flaw),
    /// The limit of the walk is reached.
    End,
}

/// What lies behind the last readable group of a segment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tail {
    /// Where the last byte that is not zero ends.
    pub(crate) written_end: Option<u64>,
    /// Where a whole group starts: then the flaw before it is damage.
    pub(crate) group_at: Option<u64>,
}

pub(crate) struct Walk {
    window: Window,
    header: SegmentHeader,
    offset: u64,
    limit: u64,
}

impl Walk {
    /// `limit` is the offset behind which nothing may be looked at.
    pub(crate) fn new(file: Arc<dyn File>, header: SegmentHeader, limit: u64) -> Self {
        Self { window: Window::new(file), header, offset: SEGMENT_HEADER as u64, limit }
    }

    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    pub(crate) fn move_to(&mut self, offset: u64) {
        self.offset = offset;
    }

    /// Lets the walk go on where bytes were added since. They are read anew.
    pub(crate) fn extend_to(&mut self, limit: u64) {
        self.limit = limit;
    }

    pub(crate) fn step(&mut self) -> io::Result<Step> {
        if self.offset >= self.limit {
            return Ok(Step::End);
        }
        match self.group_at(self.offset)? {
            Ok(group) => {
                self.offset += group.end.since(group.position);
                Ok(Step::Group(group))
            }
            Err(flaw) => Ok(Step::Flaw(flaw)),
        }
    }

    pub(crate) fn group_at(&mut self, offset: u64) -> io::Result<Result<Group, Flaw>> {
        let head = self.window.get(offset, GROUP_HEADER as u64, self.limit)?;
        let header = match GroupHeader::decode(&head, &self.header, offset) {
            Ok(header) => header,
            Err(flaw) => return Ok(Err(flaw)),
        };
        let size = header.size() as u64;
        if offset + size > self.limit {
            return Ok(Err(Flaw::Length));
        }
        let whole = self.window.get(offset, size, self.limit)?;
        Ok(header.check(&whole, &self.header))
    }

    /// The next place behind the current one where a whole group starts.
    pub(crate) fn next_group_at(&mut self) -> io::Result<Option<u64>> {
        Ok(self.tail()?.group_at)
    }

    /// Looks through the rest of the segment, up to the first whole group.
    pub(crate) fn tail(&mut self) -> io::Result<Tail> {
        let mut tail = Tail::default();
        let mut offset = self.offset;
        while offset < self.limit {
            let chunk = self.window.get(offset, CHUNK, self.limit)?;
            if chunk.is_empty() {
                break; // the file is shorter than the limit
            }
            for (at, word) in (offset..).step_by(ALIGNMENT).zip(chunk.chunks(ALIGNMENT)) {
                let Some(last) = word.iter().rposition(|&byte| byte != 0) else { continue };
                tail.written_end = Some(at + last as u64 + 1);
                let starts_here = at > self.offset && word.starts_with(&GROUP_MAGIC);
                if starts_here && self.group_at(at)?.is_ok() {
                    tail.group_at = Some(at);
                    return Ok(tail);
                }
            }
            offset += chunk.len() as u64;
        }
        Ok(tail)
    }
}

/// A part of a file in memory. Slices of it stay valid when it moves on.
struct Window {
    file: Arc<dyn File>,
    start: u64,
    bytes: Bytes,
}

impl Window {
    fn new(file: Arc<dyn File>) -> Self {
        Self { file, start: 0, bytes: Bytes::new() }
    }

    /// `length` bytes at `offset`, fewer only where the file or the limit ends.
    fn get(&mut self, offset: u64, length: u64, limit: u64) -> io::Result<Bytes> {
        let length = length.min(limit.saturating_sub(offset));
        let held = self.start..self.start + self.bytes.len() as u64;
        if !(held.contains(&offset) && offset + length <= held.end) {
            let wanted = length.max(CHUNK).min(limit.saturating_sub(offset));
            let mut chunk = vec![0; wanted as usize];
            let read = read_full_at(&*self.file, offset, &mut chunk)?;
            chunk.truncate(read);
            self.bytes = chunk.into();
            self.start = offset;
        }
        let from = ((offset - self.start) as usize).min(self.bytes.len());
        let to = (from + length as usize).min(self.bytes.len());
        Ok(self.bytes.slice(from..to))
    }
}
