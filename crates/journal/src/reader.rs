//! Reading durable records in order, segment by segment, while the writer goes on.
//!
//! A reader never looks at a byte behind the durable end, so it cannot meet a group in the making: whatever is unreadable
//! before that end is damage.

use std::sync::Arc;

use bytes::Bytes;

use crate::catalogue::Catalogue;
use crate::format::{ALIGNMENT, Group, SEGMENT_HEADER};
use crate::manifest::Segment;
use crate::recovery::missing_at;
use crate::segment;
use crate::walk::{Step, Walk};
use crate::writer::Durability;
use crate::{Damage, Flaw, Position, ReadError};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub position: Position,
    /// Reading from here goes on with the record behind this one.
    pub next: Position,
    /// A slice of a larger buffer: copy it to keep it for long.
    pub content: Bytes,
}

/// An iterator over the records from a position on. `None` means the durable end of now: ask again later.
pub struct Reader {
    catalogue: Arc<Catalogue>,
    durability: Arc<Durability>,
    from: Position,
    place: Option<Place>,
    group: Option<(Group, usize)>,
    /// The end of the last group seen, which the next one must name.
    chain: Option<Position>,
}

struct Place {
    segment: Segment,
    walk: Walk,
}

impl Reader {
    pub(crate) fn new(
        catalogue: Arc<Catalogue>,
        durability: Arc<Durability>,
        from: Position,
    ) -> Result<Self, ReadError> {
        let first = catalogue.first();
        if from < first {
            return Err(ReadError::Trimmed { first });
        }
        Ok(Self { catalogue, durability, from, place: None, group: None, chain: None })
    }

    fn next_group(&mut self) -> Result<Option<Group>, ReadError> {
        loop {
            // Read before the catalogue: a segment is known to be finished before anything behind it is durable.
            let durable = self.durability.durable();
            let Some(place) = &mut self.place else {
                let Some(segment) = self.catalogue.segment_for(self.from) else { return Ok(None) };
                if segment.base >= durable {
                    return Ok(None);
                }
                self.place = Some(place_at(&self.catalogue, segment, self.from, durable)?);
                continue;
            };
            let Some(segment) = self.catalogue.segment(place.segment.id) else {
                return Err(ReadError::Trimmed { first: self.catalogue.first() });
            };
            place.walk.extend_to(readable(&segment, durable));
            match place.step()? {
                Step::Group(group) => {
                    if self.chain.is_some_and(|end| end != group.previous_end) {
                        return Err(self.missing(segment));
                    }
                    self.chain = Some(group.end);
                    return Ok(Some(group));
                }
                Step::Flaw(flaw) => return Err(place.damaged(flaw)),
                Step::End if segment.end.is_none() => return Ok(None),
                Step::End => {
                    let Some(next) = self.catalogue.segment_after(segment.id) else {
                        return Ok(None);
                    };
                    if next.base >= durable {
                        return Ok(None);
                    }
                    self.place = Some(open_place(&self.catalogue, next, durable)?);
                }
            }
        }
    }

    fn missing(&mut self, segment: Segment) -> ReadError {
        self.place = None;
        let first = self.catalogue.first();
        match self.chain {
            Some(end) if end >= first => {
                ReadError::Damaged(missing_at(&self.catalogue.manifest(), end, segment))
            }
            _ => ReadError::Trimmed { first },
        }
    }
}

impl Iterator for Reader {
    type Item = Result<Record, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((group, at)) = &mut self.group {
                if let Some((position, content, behind)) = group.record(*at) {
                    *at = behind;
                    if position >= self.from {
                        let next = group.position_at(behind);
                        self.from = next;
                        return Some(Ok(Record { position, next, content }));
                    }
                    continue;
                }
                self.group = None;
            }
            match self.next_group() {
                Ok(Some(group)) => self.group = Some((group, 0)),
                Ok(None) => return None,
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

impl Place {
    fn step(&mut self) -> Result<Step, ReadError> {
        let file = || self.segment.id.file_name();
        self.walk.step().map_err(|source| ReadError::Io { file: file(), source })
    }

    fn damaged(&self, flaw: Flaw) -> ReadError {
        ReadError::Damaged(Damage {
            file: self.segment.id.file_name(),
            offset: self.walk.offset(),
            flaw,
        })
    }
}

/// Usually `from` is where a group starts, and that can be seen. Otherwise the segment is walked from its start.
fn place_at(
    catalogue: &Catalogue,
    segment: Segment,
    from: Position,
    durable: Position,
) -> Result<Place, ReadError> {
    let mut place = open_place(catalogue, segment, durable)?;
    let offset = from.since(segment.base);
    if offset > SEGMENT_HEADER as u64 && offset.is_multiple_of(ALIGNMENT as u64) {
        let found = place.walk.group_at(offset);
        if found.map_err(|source| ReadError::Io { file: segment.id.file_name(), source })?.is_ok() {
            place.walk.move_to(offset);
        }
    }
    Ok(place)
}

fn open_place(
    catalogue: &Catalogue,
    segment: Segment,
    durable: Position,
) -> Result<Place, ReadError> {
    let name = segment.id.file_name();
    let io = |source| ReadError::Io { file: name.clone(), source };
    let file = match catalogue.files.open(&name) {
        Ok(file) => file,
        // Trimmed between a look at the catalogue and here.
        Err(_) if catalogue.segment(segment.id).is_none() => {
            return Err(ReadError::Trimmed { first: catalogue.first() });
        }
        Err(error) => return Err(io(error)),
    };
    match segment::read_header(&*file, &segment).map_err(io)? {
        Ok(header) => {
            Ok(Place { segment, walk: Walk::new(file, header, readable(&segment, durable)) })
        }
        Err(flaw) => Err(ReadError::Damaged(Damage { file: name, offset: 0, flaw })),
    }
}

/// The offset up to which a segment may be looked at.
fn readable(segment: &Segment, durable: Position) -> u64 {
    segment.end.unwrap_or(durable).since(segment.base)
}
