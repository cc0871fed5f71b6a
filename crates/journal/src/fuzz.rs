//! The entry of the fuzzer: whatever the bytes on disk are, reading them neither panics nor allocates without bound.

use std::io;
use std::sync::Arc;
use std::time::SystemTime;

use crate::Position;
use crate::files::File;
use crate::format::{self, GROUP_HEADER, SEGMENT_HEADER, SegmentHeader};
use crate::manifest::{Manifest, SegmentId};
use crate::walk::{Step, Walk};

/// Reads `bytes` as a manifest, as a segment, and as the records of a group whose checksum is right.
pub fn fuzz_reader(bytes: &[u8]) {
    if let Some(manifest) = Manifest::decode(bytes) {
        assert!(
            Manifest::decode(&manifest.encode()).is_some_and(|again| again == manifest),
            "a manifest survives"
        );
    }
    let declared = SegmentHeader::decode(bytes);
    let assumed = SegmentHeader {
        id: SegmentId::new(1),
        base: Position::new(64),
        capacity: bytes.len() as u64,
        salt: 0,
    };
    walk_all(bytes.to_vec(), declared.unwrap_or(assumed));

    let (count, records) =
        bytes.split_first().map_or((0, bytes), |(first, rest)| (u32::from(*first), rest));
    let mut group = vec![0; GROUP_HEADER];
    group.extend_from_slice(records);
    let sealed = SegmentHeader {
        capacity: (SEGMENT_HEADER + format::padded(group.len())) as u64,
        ..assumed
    };
    format::seal(&mut group, count, &sealed, SEGMENT_HEADER as u64, Position::START);
    let mut segment = sealed.encode().to_vec();
    segment.extend_from_slice(&group);
    walk_all(segment, sealed);
}

fn walk_all(bytes: Vec<u8>, header: SegmentHeader) {
    let limit = (bytes.len() as u64).min(header.capacity);
    let mut walk = Walk::new(Arc::new(Held(bytes)), header, limit);
    loop {
        match walk.step().expect("memory can be read") {
            Step::Group(group) => {
                let mut at = 0;
                while let Some((position, content, next)) = group.record(at) {
                    assert!(
                        position >= group.position && position < group.end,
                        "a record lies in its group"
                    );
                    assert!(content.len() < next, "a record has a prefix");
                    at = next;
                }
            }
            Step::Flaw(_) => match walk.next_group_at().expect("memory can be read") {
                Some(offset) => walk.move_to(offset),
                None => return,
            },
            Step::End => return,
        }
    }
}

/// Bytes that pose as a file.
struct Held(Vec<u8>);

impl File for Held {
    fn size(&self) -> io::Result<u64> {
        Ok(self.0.len() as u64)
    }

    fn modified(&self) -> io::Result<SystemTime> {
        Ok(SystemTime::UNIX_EPOCH)
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        let rest = self.0.get(offset as usize..).unwrap_or_default();
        let length = rest.len().min(into.len());
        into[..length].copy_from_slice(&rest[..length]);
        Ok(length)
    }

    fn write_at(&self, _offset: u64, _bytes: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn truncate(&self, _size: u64) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    fn drop_cache(&self) -> io::Result<()> {
        Ok(())
    }
}
