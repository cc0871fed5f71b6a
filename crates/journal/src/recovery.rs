//! Finding the end of the journal at opening: what is durable, what is cut, what is damage.
//!
//! It changes nothing on disk, but makes durable what it believes. Everything that it concludes is concluded again by the next opening, until the first new
//! segment is listed together with the ends found here.

use std::io;
use std::sync::Arc;

use crate::catalogue::{Catalogue, Disk};
use crate::files::{Files, read_full_at};
use crate::format::{SEGMENT_HEADER, SegmentHeader};
use crate::manifest::{MANIFEST, Manifest, Segment, SegmentId};
use crate::segment::{self, WritableSegment};
use crate::walk::{Step, Walk};
use crate::{Damage, Flaw, OpenError, Position};

/// What an opening found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovery {
    /// The journal was closed properly, or is new.
    pub clean: bool,
    /// Unreadable bytes behind the last group. They can hold acknowledged records only if the disk lied.
    pub cuts: Vec<Cut>,
    /// From here on records can be read.
    pub first: Position,
    /// Every record lies before.
    pub end: Position,
    /// What the last [`crate::Journal::set_checkpoint`] left, empty if there was none.
    pub checkpoint: Vec<u8>,
}

/// The remains of a group that was never completed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error(
    "last group unreadable, {bytes} bytes in {file} at offset {offset}; it can hold acknowledged records only if the disk lied"
)]
pub struct Cut {
    pub file: String,
    pub offset: u64,
    pub bytes: u64,
}

pub(crate) struct Recovered {
    pub(crate) recovery: Recovery,
    pub(crate) catalogue: Catalogue,
    /// Where writing goes on, if the stop was clean.
    pub(crate) current: Option<WritableSegment>,
    /// A segment made ahead that was not touched yet.
    pub(crate) next: Option<WritableSegment>,
}

/// A segment that was being written to when the journal was last open.
struct Found {
    segment: Segment,
    header: SegmentHeader,
    end: Position,
    /// Where the group before its first one ended.
    previous_end: Option<Position>,
    ends_with_marker: bool,
    written_end: Option<u64>,
}

pub(crate) fn recover(files: Arc<dyn Files>) -> Result<Recovered, OpenError> {
    // Names that are not durable yet must not be believed: the manifest could become the one before it again.
    files.sync().map_err(|error| OpenError::io(".", error))?;
    let names = files.list().map_err(|error| OpenError::io(".", error))?;
    let listed = read_manifest(&*files, &names)?;
    let present: Vec<SegmentId> =
        names.iter().filter_map(|name| SegmentId::of_file(name)).collect();
    refuse_unlisted(&*files, listed.as_ref(), &present)?;
    let fresh = listed.is_none();
    let mut manifest = listed.unwrap_or_else(Manifest::fresh);

    let mut found = Vec::new();
    for segment in manifest.segments.clone() {
        let header = check_segment(&*files, &segment)?;
        if segment.end.is_none() {
            found.push(read_back(&*files, segment, header)?);
        }
    }
    let end = check_chain(&manifest, &found)?;
    let cuts: Vec<Cut> = found.iter().filter_map(Found::cut).collect();
    let last = found.iter().rfind(|found| found.previous_end.is_some());
    let closed =
        cuts.is_empty() && last.is_some_and(|last| last.ends_with_marker && last.end == end);
    let clean = fresh || closed;

    let mut recovered = (None, None);
    let mut shrink = Vec::new();
    if closed {
        recovered = continue_with(&*files, &mut manifest, &found)?;
    } else {
        shrink = finish_all(&mut manifest, &found);
    }
    let first = manifest.segments.first().map_or(manifest.start, |segment| segment.base);
    let recovery = Recovery { clean, cuts, first, end, checkpoint: manifest.checkpoint.clone() };
    let catalogue = Catalogue::new(files, manifest, Disk { present, shrink });
    Ok(Recovered { recovery, catalogue, current: recovered.0, next: recovered.1 })
}

pub(crate) fn read_manifest(
    files: &dyn Files,
    names: &[String],
) -> Result<Option<Manifest>, OpenError> {
    if !names.iter().any(|name| name == MANIFEST) {
        return Ok(None);
    }
    let read = || -> io::Result<Vec<u8>> {
        let file = files.open(MANIFEST)?;
        let mut bytes = vec![0; file.size()? as usize];
        let length = read_full_at(&*file, 0, &mut bytes)?;
        bytes.truncate(length);
        Ok(bytes)
    };
    let bytes = read().map_err(|error| OpenError::io(MANIFEST, error))?;
    let manifest = Manifest::decode(&bytes);
    manifest.map(Some).ok_or_else(|| {
        OpenError::Damaged(Damage { file: MANIFEST.to_owned(), offset: 0, flaw: Flaw::Manifest })
    })
}

/// Files that the manifest does not list are left-overs of an interrupted preparation or deletion. If one of the former
/// holds a group, the manifest is not the newest.
fn refuse_unlisted(
    files: &dyn Files,
    manifest: Option<&Manifest>,
    present: &[SegmentId],
) -> Result<(), OpenError> {
    for &id in present {
        let segments = manifest.map_or(&[][..], |manifest| &manifest.segments);
        let is_listed = segments.iter().any(|segment| segment.id == id);
        let was_trimmed = manifest.is_some_and(|manifest| {
            id < segments.first().map_or(manifest.next_id, |segment| segment.id)
        });
        if is_listed || was_trimmed {
            continue;
        }
        let name = id.file_name();
        if let Some(offset) =
            first_group(files, &name).map_err(|error| OpenError::io(&name, error))?
        {
            let flaw = if manifest.is_some() { Flaw::Unlisted } else { Flaw::ManifestMissing };
            return Err(OpenError::Damaged(Damage { file: name, offset, flaw }));
        }
    }
    Ok(())
}

/// Where the first whole group of a file is that no manifest vouches for.
pub(crate) fn first_group(files: &dyn Files, name: &str) -> io::Result<Option<u64>> {
    let file = files.open(name)?;
    let mut bytes = [0; SEGMENT_HEADER];
    let read = read_full_at(&*file, 0, &mut bytes)?;
    let Some(header) = SegmentHeader::decode(&bytes[..read]) else { return Ok(None) };
    let mut walk = Walk::new(Arc::clone(&file), header, file.size()?.min(header.capacity));
    match walk.step()? {
        Step::Group(_) => Ok(Some(SEGMENT_HEADER as u64)),
        Step::Flaw(_) | Step::End => walk.next_group_at(),
    }
}

fn check_segment(files: &dyn Files, segment: &Segment) -> Result<SegmentHeader, OpenError> {
    let file = segment.id.file_name();
    let damaged = |flaw| OpenError::Damaged(Damage { file: file.clone(), offset: 0, flaw });
    match files.open(&file).and_then(|opened| segment::read_header(&*opened, segment)) {
        Ok(Ok(header)) => Ok(header),
        Ok(Err(flaw)) => Err(damaged(flaw)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(damaged(Flaw::SegmentMissing)),
        Err(error) => Err(OpenError::io(&file, error)),
    }
}

/// What the page cache shows may never have reached the disk: sync, forget, and only then read.
fn read_back(
    files: &dyn Files,
    segment: Segment,
    header: SegmentHeader,
) -> Result<Found, OpenError> {
    let name = segment.id.file_name();
    read_back_file(files, segment, header).map_err(|error| OpenError::io(&name, error))?
}

fn read_back_file(
    files: &dyn Files,
    segment: Segment,
    header: SegmentHeader,
) -> io::Result<Result<Found, OpenError>> {
    let file = files.open_for_write(&segment.id.file_name())?;
    file.sync()?;
    file.drop_cache()?;
    let mut walk = Walk::new(file, header, segment.capacity);
    let mut previous_end = None;
    let mut ends_with_marker = false;
    let flaw = loop {
        match walk.step()? {
            Step::Group(group) => {
                previous_end.get_or_insert(group.previous_end);
                ends_with_marker = group.is_end_marker();
            }
            Step::Flaw(flaw) => break flaw,
            Step::End => break Flaw::NoGroup,
        }
    };
    let tail = walk.tail()?;
    if tail.group_at.is_some() {
        let damage = Damage { file: segment.id.file_name(), offset: walk.offset(), flaw };
        return Ok(Err(OpenError::Damaged(damage)));
    }
    let end = header.position(walk.offset());
    let written_end = tail.written_end;
    Ok(Ok(Found { segment, header, end, previous_end, ends_with_marker, written_end }))
}

/// Every group names the end of the one before it, so groups lost at the end of a segment are noticed by the next.
fn check_chain(manifest: &Manifest, found: &[Found]) -> Result<Position, OpenError> {
    let mut end = manifest.sealed_end();
    for next in found {
        let Some(previous_end) = next.previous_end else { continue };
        if previous_end != end {
            return Err(OpenError::Damaged(missing_at(manifest, end, next.segment)));
        }
        end = next.end;
    }
    Ok(end)
}

/// The place where the group behind `end` should have been.
pub(crate) fn missing_at(manifest: &Manifest, end: Position, next: Segment) -> Damage {
    let holder = manifest.segments.iter().find(|s| s.base < end && end <= s.limit());
    let segment = holder.copied().unwrap_or(next);
    Damage { file: segment.id.file_name(), offset: end.since(segment.base), flaw: Flaw::Missing }
}

type Continued = (Option<WritableSegment>, Option<WritableSegment>);

/// After a clean stop the last segment is written to again, and an untouched one behind it is the next.
fn continue_with(
    files: &dyn Files,
    manifest: &mut Manifest,
    found: &[Found],
) -> Result<Continued, OpenError> {
    let mut continued = (None, None);
    let last = found.iter().rposition(|found| found.previous_end.is_some()).unwrap_or(0);
    let found_count = found.len();
    for (index, found) in found.iter().enumerate() {
        // One that was made ahead and found too small was passed over.
        if index != last && index + 1 != found_count {
            set_end(manifest, found);
            continue;
        }
        let name = found.segment.id.file_name();
        let file = files.open_for_write(&name).map_err(|error| OpenError::io(&name, error))?;
        let offset = found.end.since(found.segment.base);
        let writable = WritableSegment { header: found.header, file, offset };
        if index == last {
            continued.0 = Some(writable);
        } else {
            continued.1 = Some(writable);
        }
    }
    Ok(continued)
}

/// After anything else nothing is added to an old segment. Answers what can be shrunk; torn bytes are kept as evidence.
fn finish_all(manifest: &mut Manifest, found: &[Found]) -> Vec<(SegmentId, u64)> {
    let mut shrink = Vec::new();
    for found in found {
        if found.previous_end.is_none() && found.written_end.is_none() {
            manifest.segments.retain(|segment| segment.id != found.segment.id);
        } else {
            set_end(manifest, found);
            let end = found.end.since(found.segment.base);
            shrink.push((found.segment.id, found.written_end.unwrap_or(end)));
        }
    }
    shrink
}

fn set_end(manifest: &mut Manifest, found: &Found) {
    if let Some(segment) =
        manifest.segments.iter_mut().find(|segment| segment.id == found.segment.id)
    {
        segment.end = Some(found.end);
    }
}

impl Found {
    fn cut(&self) -> Option<Cut> {
        let offset = self.end.since(self.segment.base);
        let bytes = self.written_end?.checked_sub(offset)?;
        Some(Cut { file: self.segment.id.file_name(), offset, bytes })
    }
}
