//! Which segments there are, where the finished ones end, and what the caller wants to find again at the next start.
//!
//! The manifest lists a segment *before* anything is written into it. So a segment that is missing is noticed, and a file
//! that is not listed holds nothing that was ever acknowledged.

use std::fmt;

use crate::Position;
use crate::format::{SEGMENT_HEADER, u32_at, u64_at};

pub(crate) const MANIFEST: &str = "MANIFEST";
pub(crate) const MANIFEST_NEW: &str = "MANIFEST.new";
pub(crate) const CHECKPOINT_BYTES_MAX: usize = 1 << 20;

const MAGIC: [u8; 8] = *b"PARLJMF1";
const HEAD: usize = 48;
const ENTRY: usize = 32;
/// In place of the end of a segment that is still written to. No segment ends at its start.
const OPEN: u64 = 0;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SegmentId(u64);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) id: SegmentId,
    /// The position of the first byte of the file.
    pub(crate) base: Position,
    pub(crate) capacity: u64,
    /// The end of its last group (or of its header), once nothing will be added.
    pub(crate) end: Option<Position>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Manifest {
    pub(crate) next_id: SegmentId,
    pub(crate) next_base: Position,
    /// The end of the last group before the first segment that is still there.
    pub(crate) start: Position,
    /// Ascending by id and base.
    pub(crate) segments: Vec<Segment>,
    pub(crate) checkpoint: Vec<u8>,
}

impl SegmentId {
    pub(crate) const fn new(id: u64) -> Self {
        Self(id)
    }

    pub(crate) const fn get(self) -> u64 {
        self.0
    }

    pub(crate) fn file_name(self) -> String {
        format!("{:010}.segment", self.0)
    }

    pub(crate) fn of_file(name: &str) -> Option<Self> {
        let id = Self(name.strip_suffix(".segment")?.parse().ok()?);
        (id.file_name() == name).then_some(id)
    }
}

impl fmt::Display for SegmentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Segment {
    /// Nothing was ever written into it.
    pub(crate) fn is_empty_at(&self, end: Position) -> bool {
        end == self.base.plus(SEGMENT_HEADER as u64)
    }

    /// Where every group of it lies before.
    pub(crate) fn limit(&self) -> Position {
        self.base.plus(self.capacity)
    }
}

impl Manifest {
    pub(crate) fn fresh() -> Self {
        Self {
            next_id: SegmentId(1),
            next_base: Position::START,
            start: Position::START,
            segments: Vec::new(),
            checkpoint: Vec::new(),
        }
    }

    /// The end of the last group that is known to lie in a finished segment.
    pub(crate) fn sealed_end(&self) -> Position {
        let mut ends =
            self.segments.iter().filter_map(|s| s.end.filter(|&end| !s.is_empty_at(end)));
        ends.next_back().unwrap_or(self.start)
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out =
            Vec::with_capacity(HEAD + self.segments.len() * ENTRY + self.checkpoint.len());
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&[0; 8]);
        out.extend_from_slice(&self.next_id.0.to_le_bytes());
        out.extend_from_slice(&self.next_base.get().to_le_bytes());
        out.extend_from_slice(&self.start.get().to_le_bytes());
        out.extend_from_slice(&(self.segments.len() as u32).to_le_bytes());
        out.extend_from_slice(&(self.checkpoint.len() as u32).to_le_bytes());
        for segment in &self.segments {
            let end = segment.end.map_or(OPEN, Position::get);
            for number in [segment.id.0, segment.base.get(), segment.capacity, end] {
                out.extend_from_slice(&number.to_le_bytes());
            }
        }
        out.extend_from_slice(&self.checkpoint);
        let crc = crc32fast::hash(&out[16..]);
        out[8..12].copy_from_slice(&crc.to_le_bytes());
        out
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let head = bytes.get(..HEAD)?;
        if head[..8] != MAGIC
            || u32_at(head, 8) != crc32fast::hash(&bytes[16..])
            || head[12..16] != [0; 4]
        {
            return None;
        }
        let segments_bytes = (u32_at(head, 40) as usize).checked_mul(ENTRY)?;
        let checkpoint_bytes = u32_at(head, 44) as usize;
        let (entries, checkpoint) = bytes[HEAD..].split_at_checked(segments_bytes)?;
        if checkpoint.len() != checkpoint_bytes {
            return None;
        }
        let segments: Vec<Segment> = entries.chunks_exact(ENTRY).map(decode_segment).collect();
        let ascending = segments
            .windows(2)
            .all(|pair| pair[0].id < pair[1].id && pair[0].limit() <= pair[1].base);
        let manifest = Self {
            next_id: SegmentId(u64_at(head, 16)),
            next_base: Position::new(u64_at(head, 24)),
            start: Position::new(u64_at(head, 32)),
            segments,
            checkpoint: checkpoint.to_vec(),
        };
        (ascending && manifest.is_bounded()).then_some(manifest)
    }

    /// Ends lie in their segments, and what comes next is beyond them all.
    fn is_bounded(&self) -> bool {
        self.segments.iter().all(|segment| {
            let within = |end: Position| {
                end >= segment.base.plus(SEGMENT_HEADER as u64) && end <= segment.limit()
            };
            segment.end.is_none_or(within)
                && segment.id < self.next_id
                && segment.limit() <= self.next_base
        })
    }
}

fn decode_segment(entry: &[u8]) -> Segment {
    let end = u64_at(entry, 24);
    Segment {
        id: SegmentId(u64_at(entry, 0)),
        base: Position::new(u64_at(entry, 8)),
        capacity: u64_at(entry, 16),
        end: (end != OPEN).then(|| Position::new(end)),
    }
}
