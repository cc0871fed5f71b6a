//! One bit of a small journal turned over, wherever it may be: it is named, or nothing that was acknowledged is different.

use super::{append, open, opened, read_from};
use crate::testkit::MemoryDisk;
use crate::{Position, Trim, verify};

type Records = Vec<(Position, Vec<u8>)>;

fn journal_with_history(closed: bool) -> (MemoryDisk, Records) {
    let disk = MemoryDisk::new();
    for round in 0..3_u8 {
        let journal = opened(&disk);
        for number in 0..4_u8 {
            append(&journal, &[&[round; 350], b"", &[number; 61]]).unwrap();
        }
        journal.set_checkpoint(&[round; 20]).unwrap();
        if round == 1 {
            journal.trim(&Trim::everything_before(Position::new(4096))).unwrap();
        }
        if closed || round == 0 {
            journal.close().unwrap();
        }
    }
    let journal = opened(&disk);
    let records = read_from(&journal, journal.first());
    if closed {
        journal.close().unwrap();
    }
    disk.crash(0);
    (disk, records)
}

/// Whether an opening or its reader names something; otherwise what it reads must be equal.
fn opening_names_it(disk: &MemoryDisk, acknowledged: &Records) -> bool {
    let Ok((journal, recovery)) = open(disk) else { return true };
    assert_eq!(recovery.checkpoint, vec![2; 20]);
    let mut found = Vec::new();
    for record in journal.reader(journal.first()).unwrap() {
        match record {
            Ok(record) => found.push((record.position, record.content.to_vec())),
            Err(_) => return true,
        }
    }
    if found == *acknowledged {
        return false;
    }
    assert!(acknowledged.starts_with(&found), "what is read is never different");
    assert!(!recovery.cuts.is_empty(), "what is short is named");
    true
}

fn flip_everywhere(closed: bool) {
    let (disk, acknowledged) = journal_with_history(closed);
    assert!(!opening_names_it(&disk.copy(), &acknowledged));
    let files = crate::Files::list(&disk).unwrap();
    let (mut named, mut harmless) = (0, 0);
    for name in files {
        for offset in 0..disk.content(&name).unwrap().len() as u64 {
            let flipped = disk.copy();
            flipped.flip(&name, offset, (offset % 8) as u8);
            let mut read = Vec::new();
            let mut visit = |position, content: &[u8]| read.push((position, content.to_vec()));
            let report = verify(&flipped, &mut visit, &mut |_| {}).unwrap();
            if report.damages.is_empty() {
                assert_eq!(read, acknowledged, "{name} {offset}");
                harmless += 1;
            } else {
                assert!(read.iter().all(|record| acknowledged.contains(record)), "{name} {offset}");
                named += 1;
            }
            let refused = opening_names_it(&flipped, &acknowledged);
            assert!(
                !refused || !report.damages.is_empty(),
                "verify knows what an opening knows: {name} {offset}"
            );
        }
    }
    assert!(named > 2_000, "{named} named, {harmless} harmless");
}

#[test]
fn a_flip_in_a_closed_journal_is_named_or_harmless() {
    flip_everywhere(true);
}

#[test]
fn a_flip_in_a_killed_journal_is_named_or_harmless() {
    flip_everywhere(false);
}
