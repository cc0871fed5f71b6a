//! The bytes on disk: segment header, group header, framed records. All numbers are little-endian.
//!
//! ```text
//! segment  64 bytes: magic 8 · crc 4 · salt 4 · segment 8 · base 8 · capacity 8 · zeros
//! group    40 bytes: magic 4 · crc 4 · segment 8 · position 8 · previous end 8 · length 4 · count 4
//!          length bytes of records, each length 4 · content; zeros up to a multiple of 8
//! ```
//! The checksum of a group starts from the salt of its segment and covers everything behind itself, padding included. So
//! neither a copy of a group at another place nor bytes made up by an author of records (the salt is secret) can pass
//! for a group. A group without records is an end marker: the journal was closed.

use bytes::Bytes;
use crc32fast::Hasher;

use crate::manifest::SegmentId;
use crate::{Flaw, Position};

pub(crate) const SEGMENT_HEADER: usize = 64;
pub(crate) const GROUP_HEADER: usize = 40;
pub(crate) const RECORD_PREFIX: usize = 4;
/// Groups start at multiples of this, which keeps the search behind damage cheap.
pub(crate) const ALIGNMENT: usize = 8;
pub(crate) const GROUP_MAGIC: [u8; 4] = *b"pjG1";
const SEGMENT_MAGIC: [u8; 8] = *b"PARLJSG1";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    pub(crate) id: SegmentId,
    pub(crate) base: Position,
    pub(crate) capacity: u64,
    pub(crate) salt: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct GroupHeader {
    crc: u32,
    segment: SegmentId,
    position: Position,
    /// Where the group before this one ended; that differs from `position` in the first group of a segment.
    pub(crate) previous_end: Position,
    length: u32,
    count: u32,
}

/// A group that was read and found whole.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(crate) position: Position,
    pub(crate) end: Position,
    pub(crate) previous_end: Position,
    pub(crate) count: u32,
    pub(crate) records: Bytes,
}

impl SegmentHeader {
    pub(crate) fn encode(&self) -> [u8; SEGMENT_HEADER] {
        let mut out = [0; SEGMENT_HEADER];
        out[..8].copy_from_slice(&SEGMENT_MAGIC);
        out[12..16].copy_from_slice(&self.salt.to_le_bytes());
        out[16..24].copy_from_slice(&self.id.get().to_le_bytes());
        out[24..32].copy_from_slice(&self.base.get().to_le_bytes());
        out[32..40].copy_from_slice(&self.capacity.to_le_bytes());
        let crc = crc32fast::hash(&out[12..]);
        out[8..12].copy_from_slice(&crc.to_le_bytes());
        out
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.get(..SEGMENT_HEADER)?;
        let header = Self {
            salt: u32_at(bytes, 12),
            id: SegmentId::new(u64_at(bytes, 16)),
            base: Position::new(u64_at(bytes, 24)),
            capacity: u64_at(bytes, 32),
        };
        let whole =
            bytes[..8] == SEGMENT_MAGIC && u32_at(bytes, 8) == crc32fast::hash(&bytes[12..]);
        whole.then_some(header)
    }

    pub(crate) fn position(&self, offset: u64) -> Position {
        self.base.plus(offset)
    }
}

impl GroupHeader {
    /// `bytes` starts at `offset` of the segment and need not hold more than the header. Everything that can be checked
    /// without the records is checked.
    pub(crate) fn decode(bytes: &[u8], segment: &SegmentHeader, offset: u64) -> Result<Self, Flaw> {
        let Some(bytes) = bytes.get(..GROUP_HEADER) else { return Err(Flaw::NoGroup) };
        if bytes[..4] != GROUP_MAGIC {
            return Err(Flaw::NoGroup);
        }
        let header = Self {
            crc: u32_at(bytes, 4),
            segment: SegmentId::new(u64_at(bytes, 8)),
            position: Position::new(u64_at(bytes, 16)),
            previous_end: Position::new(u64_at(bytes, 24)),
            length: u32_at(bytes, 32),
            count: u32_at(bytes, 36),
        };
        if header.segment != segment.id {
            return Err(Flaw::OtherSegment);
        }
        if header.position != segment.position(offset) {
            return Err(Flaw::OtherPosition);
        }
        if offset + header.size() as u64 > segment.capacity {
            return Err(Flaw::Length);
        }
        Ok(header)
    }

    /// Bytes of the whole group with header and padding.
    pub(crate) fn size(&self) -> usize {
        padded(GROUP_HEADER + self.length as usize)
    }

    /// `bytes` is the whole group.
    pub(crate) fn check(&self, bytes: &Bytes, segment: &SegmentHeader) -> Result<Group, Flaw> {
        if bytes.len() != self.size() || self.crc != checksum(segment.salt, bytes) {
            return Err(Flaw::Checksum);
        }
        let records = bytes.slice(GROUP_HEADER..GROUP_HEADER + self.length as usize);
        if !is_framed(&records, self.count) {
            return Err(Flaw::Framing);
        }
        Ok(Group {
            position: self.position,
            end: self.position.plus(bytes.len() as u64),
            previous_end: self.previous_end,
            count: self.count,
            records,
        })
    }
}

impl Group {
    /// A group without records marks the end of a journal that was closed.
    pub(crate) fn is_end_marker(&self) -> bool {
        self.count == 0
    }

    /// The record whose prefix is at `at` in the records, and where the next one is.
    pub(crate) fn record(&self, at: usize) -> Option<(Position, Bytes, usize)> {
        let content = at + RECORD_PREFIX;
        if content > self.records.len() {
            return None;
        }
        let next = content + u32_at(&self.records, at) as usize;
        Some((self.position_at(at), self.records.slice(content..next), next))
    }

    /// Of the record at `at`, or of what follows the group if there is none.
    pub(crate) fn position_at(&self, at: usize) -> Position {
        if at < self.records.len() {
            self.position.plus((GROUP_HEADER + at) as u64)
        } else {
            self.end
        }
    }
}

/// Completes `group`, which holds [`GROUP_HEADER`] bytes of any content and the framed records: pads it and writes the
/// header.
pub(crate) fn seal(
    group: &mut Vec<u8>,
    count: u32,
    segment: &SegmentHeader,
    offset: u64,
    previous_end: Position,
) {
    let length = (group.len() - GROUP_HEADER) as u32;
    group.resize(padded(group.len()), 0);
    group[..4].copy_from_slice(&GROUP_MAGIC);
    group[8..16].copy_from_slice(&segment.id.get().to_le_bytes());
    group[16..24].copy_from_slice(&segment.position(offset).get().to_le_bytes());
    group[24..32].copy_from_slice(&previous_end.get().to_le_bytes());
    group[32..36].copy_from_slice(&length.to_le_bytes());
    group[36..40].copy_from_slice(&count.to_le_bytes());
    let crc = checksum(segment.salt, group);
    group[4..8].copy_from_slice(&crc.to_le_bytes());
}

pub(crate) const fn padded(length: usize) -> usize {
    length.next_multiple_of(ALIGNMENT)
}

fn checksum(salt: u32, group: &[u8]) -> u32 {
    let mut hasher = Hasher::new_with_initial(salt);
    hasher.update(&group[8..]);
    hasher.finalize()
}

fn is_framed(records: &[u8], count: u32) -> bool {
    let mut at = 0;
    for _ in 0..count {
        if at + RECORD_PREFIX > records.len() {
            return false;
        }
        at += RECORD_PREFIX + u32_at(records, at) as usize;
    }
    at == records.len()
}

/// `bytes` must reach beyond `at` by 4: the callers cut or check it before.
pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut out = [0; 4];
    out.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(out)
}

/// Like [`u32_at`], by 8.
pub(crate) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut out = [0; 8];
    out.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(out)
}
