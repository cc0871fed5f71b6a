//! Bytes written by version 1 load for ever. A change that breaks this test needs a new version beside this one.

use super::{append, open, read_from};
use crate::testkit::MemoryDisk;
use crate::{Position, verify};

#[test]
fn a_journal_of_version_1_is_read_and_continued() {
    let disk = MemoryDisk::new();
    disk.place("MANIFEST", include_bytes!("../../testdata/v1/MANIFEST"));
    disk.place("0000000001.segment", include_bytes!("../../testdata/v1/0000000001.segment"));
    let report = verify(&disk, &mut |_, _| {}, &mut |_| {}).unwrap();
    assert_eq!(
        (report.damages.len(), report.records, report.groups, report.closed),
        (0, 4, 3, true)
    );

    let (journal, recovery) = open(&disk).unwrap();
    assert!(recovery.clean);
    assert_eq!(recovery.checkpoint, b"checkpoint of version 1");
    let expected = [
        (Position::new(104), b"one".to_vec()),
        (Position::new(111), Vec::new()),
        (Position::new(115), "zwei \u{1F600}".into()),
        (Position::new(168), vec![0, 255, 7]),
    ];
    assert_eq!(read_from(&journal, Position::START), expected);
    append(&journal, &[b"five"]).unwrap();
    assert_eq!(read_from(&journal, Position::START).len(), 5);
}
