//! A walk over everything in the directory that changes nothing, stops at nothing and names every damage.

use std::io;
use std::sync::Arc;

use crate::files::{File, Files, read_full_at};
use crate::format::{SEGMENT_HEADER, SegmentHeader};
use crate::manifest::{MANIFEST, Manifest, Segment, SegmentId};
use crate::recovery::{first_group, missing_at, read_manifest};
use crate::segment;
use crate::walk::{Step, Walk};
use crate::{Damage, Flaw, OpenError, Position};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    pub segments: usize,
    pub groups: u64,
    pub records: u64,
    /// The last thing in the journal is an end marker.
    pub closed: bool,
    pub damages: Vec<Damage>,
    /// From here on records were looked for.
    pub first: Position,
    /// Nothing was ever written from here on.
    pub next: Position,
    /// What the caller of the journal left there.
    pub checkpoint: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    pub bytes_done: u64,
    pub bytes_total: u64,
}

/// `visit` gets every readable record in order. Fails only if the directory cannot be looked at or is in use.
pub fn verify(
    files: &dyn Files,
    visit: &mut dyn FnMut(Position, &[u8]),
    progress: &mut dyn FnMut(Progress),
) -> Result<Report, OpenError> {
    let _lock = files.lock().map_err(|error| match error.kind() {
        io::ErrorKind::WouldBlock => OpenError::Locked,
        _ => OpenError::io("LOCK", error),
    })?;
    let names = files.list().map_err(|error| OpenError::io(".", error))?;
    let present: Vec<SegmentId> =
        names.iter().filter_map(|name| SegmentId::of_file(name)).collect();
    let mut report = Report::default();
    let manifest = match read_manifest(files, &names) {
        Ok(Some(manifest)) => {
            report_unlisted(files, &manifest, &present, &mut report);
            manifest
        }
        Ok(None) if present.is_empty() => return Ok(report),
        Ok(None) => without_manifest(files, &present, Flaw::ManifestMissing, &mut report),
        Err(OpenError::Damaged(damage)) => {
            without_manifest(files, &present, damage.flaw, &mut report)
        }
        Err(_) => without_manifest(files, &present, Flaw::Unreadable, &mut report),
    };
    report.checkpoint.clone_from(&manifest.checkpoint);
    report.first = manifest.segments.first().map_or(manifest.start, |segment| segment.base);
    let limits = manifest.segments.iter().map(Segment::limit);
    report.next = limits.fold(manifest.next_base, Position::max);
    let chain = manifest.segments.first().map(|_| manifest.start);
    let is_whole = report.damages.is_empty();
    let mut pass =
        Pass { files, report, visit, chain: chain.filter(|_| is_whole), manifest: &manifest };
    let bytes_total = manifest.segments.iter().map(Pass::bytes_of).sum();
    let mut bytes_done = 0;
    for segment in &manifest.segments {
        pass.segment(segment);
        bytes_done += Pass::bytes_of(segment);
        progress(Progress { bytes_done, bytes_total });
    }
    Ok(pass.report)
}

struct Pass<'a> {
    files: &'a dyn Files,
    report: Report,
    visit: &'a mut dyn FnMut(Position, &[u8]),
    manifest: &'a Manifest,
    /// Where the last group ended, unless something before is unreadable already.
    chain: Option<Position>,
}

impl Pass<'_> {
    fn bytes_of(segment: &Segment) -> u64 {
        segment.end.map_or(segment.capacity, |end| end.since(segment.base))
    }

    fn segment(&mut self, segment: &Segment) {
        self.report.segments += 1;
        let opened = self.files.open(&segment.id.file_name()).and_then(|file| {
            let header = segment::read_header(&*file, segment)?;
            Ok((file, header))
        });
        match opened {
            Ok((file, Ok(header))) => self.groups(segment, file, header),
            Ok((_, Err(flaw))) => self.lose(segment, 0, flaw),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.lose(segment, 0, Flaw::SegmentMissing);
            }
            Err(_) => self.lose(segment, 0, Flaw::Unreadable),
        }
    }

    fn groups(&mut self, segment: &Segment, file: Arc<dyn File>, header: SegmentHeader) {
        let mut walk = Walk::new(file, header, Self::bytes_of(segment));
        loop {
            match self.step(segment, &mut walk) {
                Ok(true) => {}
                Ok(false) => return,
                Err(_) => return self.lose(segment, walk.offset(), Flaw::Unreadable),
            }
        }
    }

    fn step(&mut self, segment: &Segment, walk: &mut Walk) -> io::Result<bool> {
        let flaw = match walk.step()? {
            Step::End => return Ok(false),
            Step::Flaw(flaw) => flaw,
            Step::Group(group) => {
                if let Some(end) = self.chain.filter(|&end| end != group.previous_end) {
                    self.report.damages.push(missing_at(self.manifest, end, *segment));
                }
                self.chain = Some(group.end);
                self.report.groups += 1;
                self.report.closed = group.is_end_marker();
                let mut at = 0;
                while let Some((position, content, next)) = group.record(at) {
                    self.report.records += 1;
                    (self.visit)(position, &content);
                    at = next;
                }
                return Ok(true);
            }
        };
        let tail = walk.tail()?;
        if let Some(offset) = tail.group_at {
            self.lose(segment, walk.offset(), flaw);
            walk.move_to(offset);
            return Ok(true);
        }
        if segment.end.is_some() {
            self.lose(segment, walk.offset(), flaw);
        } else if tail.written_end.is_some() {
            let file = segment.id.file_name();
            self.report.damages.push(Damage { file, offset: walk.offset(), flaw: Flaw::Tail });
            self.report.closed = false;
        }
        Ok(false)
    }

    /// Names a damage and stops expecting anything of the next group.
    fn lose(&mut self, segment: &Segment, offset: u64, flaw: Flaw) {
        self.report.damages.push(Damage { file: segment.id.file_name(), offset, flaw });
        self.report.closed = false;
        self.chain = None;
    }
}

fn report_unlisted(
    files: &dyn Files,
    manifest: &Manifest,
    present: &[SegmentId],
    report: &mut Report,
) {
    let first = manifest.segments.first().map_or(manifest.next_id, |segment| segment.id);
    for &id in present {
        if id < first || manifest.segments.iter().any(|segment| segment.id == id) {
            continue;
        }
        let file = id.file_name();
        match first_group(files, &file) {
            Ok(None) => {}
            Ok(Some(offset)) => report.damages.push(Damage { file, offset, flaw: Flaw::Unlisted }),
            Err(_) => report.damages.push(Damage { file, offset: 0, flaw: Flaw::Unreadable }),
        }
    }
}

/// Reads what the segments say about themselves.
fn without_manifest(
    files: &dyn Files,
    present: &[SegmentId],
    flaw: Flaw,
    report: &mut Report,
) -> Manifest {
    report.damages.push(Damage { file: MANIFEST.to_owned(), offset: 0, flaw });
    let mut manifest = Manifest::fresh();
    for &id in present {
        let name = id.file_name();
        let header = files.open(&name).and_then(|file| {
            let mut bytes = [0; SEGMENT_HEADER];
            let read = read_full_at(&*file, 0, &mut bytes)?;
            Ok((SegmentHeader::decode(&bytes[..read]), file.size()?))
        });
        match header {
            // A segment that was cut may be shorter than it was made.
            Ok((Some(header), size)) if header.id == id => {
                let end = (size < header.capacity).then(|| header.position(size));
                manifest.segments.push(Segment {
                    id,
                    base: header.base,
                    capacity: header.capacity,
                    end,
                });
            }
            Ok(_) => {
                report.damages.push(Damage { file: name, offset: 0, flaw: Flaw::SegmentHeader });
            }
            Err(_) => report.damages.push(Damage { file: name, offset: 0, flaw: Flaw::Unreadable }),
        }
    }
    manifest
}
