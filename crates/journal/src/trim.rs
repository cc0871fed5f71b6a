//! Deleting whole old segments. How long records are kept is the caller's decision; it brings the numbers and the clock.

use std::io;
use std::time::SystemTime;

use crate::catalogue::Catalogue;
use crate::manifest::Segment;
use crate::{Position, TrimError};

/// Segments go, oldest first, while they end at or before `before` **and** are more than `bytes_max` allows **or** were last
/// written before `written_before`.
#[derive(Clone, Copy, Debug)]
pub struct Trim {
    /// Nothing at or behind this position is deleted, nor behind a pin.
    pub before: Position,
    /// What all segments together may occupy.
    pub bytes_max: u64,
    pub written_before: Option<SystemTime>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trimmed {
    pub segments: usize,
    pub bytes: u64,
}

impl Trim {
    /// All segments that lie wholly before `position`.
    pub fn everything_before(position: Position) -> Self {
        Self { before: position, bytes_max: 0, written_before: None }
    }
}

pub(crate) fn trim(catalogue: &Catalogue, trim: &Trim) -> Result<Trimmed, TrimError> {
    let before = catalogue.pinned().map_or(trim.before, |pinned| pinned.min(trim.before));
    let segments = catalogue.manifest().segments;
    let mut sizes = Vec::with_capacity(segments.len());
    for segment in &segments {
        sizes.push(look_at(catalogue, segment).map_err(TrimError)?);
    }
    let mut occupied: u64 = sizes.iter().map(|(size, _)| size).sum();
    let mut trimmed = Trimmed::default();
    let mut gone = Vec::new();
    for (segment, (size, modified)) in segments.iter().zip(sizes) {
        let is_behind = segment.end.is_some_and(|end| end <= before);
        let is_old = trim.written_before.is_some_and(|limit| modified < limit);
        if !is_behind || !(occupied > trim.bytes_max || is_old) {
            break;
        }
        occupied -= size;
        trimmed.segments += 1;
        trimmed.bytes += size;
        gone.push(*segment);
    }
    if gone.is_empty() {
        return Ok(trimmed);
    }
    let updated = catalogue.update(|manifest| {
        for segment in &gone {
            manifest.segments.retain(|kept| kept.id != segment.id);
            match segment.end {
                Some(end) if !segment.is_empty_at(end) => manifest.start = manifest.start.max(end),
                _ => {}
            }
        }
    });
    updated.map(|()| trimmed).map_err(TrimError)
}

fn look_at(catalogue: &Catalogue, segment: &Segment) -> io::Result<(u64, SystemTime)> {
    let file = catalogue.files.open(&segment.id.file_name())?;
    Ok((file.size()?, file.modified()?))
}
