//! Copies of a journal that is being written to.

use std::collections::BTreeMap;
use std::io;

use super::{append, contents, opened, options, read_from};
use crate::testkit::MemoryDisk;
use crate::{Journal, Position, Trim, is_name_in_copy, verify};

fn write(copy: &crate::Copy) -> MemoryDisk {
    let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let written = copy.write::<io::Error>(|name, piece| {
        assert!(is_name_in_copy(name), "{name}");
        files.entry(name.to_owned()).or_default().extend_from_slice(piece);
        Ok(())
    });
    written.unwrap();
    assert_eq!(files.values().map(Vec::len).sum::<usize>() as u64, copy.bytes());
    let disk = MemoryDisk::new();
    for (name, content) in files {
        disk.place(&name, &content);
    }
    disk
}

/// Fills some segments; gives the position of each record.
fn fill(journal: &Journal, numbers: std::ops::Range<u16>) -> Vec<Position> {
    let one = |number: u16| append(journal, &[&[number as u8; 700]]).unwrap().start;
    numbers.map(one).collect()
}

#[test]
fn a_copy_has_what_was_durable_and_is_written_on_behind_it() {
    let journal = opened(&MemoryDisk::new());
    fill(&journal, 0..20);
    let copy = journal.copier().pin().copy();
    let expected = contents(&journal);
    fill(&journal, 20..40);

    let disk = write(&copy);
    let report = verify(&disk, &mut |_, _| {}, &mut |_| {}).unwrap();
    assert_eq!((report.damages.len(), report.records), (0, 20));
    let (journal, recovery) = Journal::open(std::sync::Arc::new(disk), options()).unwrap();
    assert_eq!((recovery.end, recovery.cuts.len()), (copy.end(), 0));
    assert_eq!(contents(&journal), expected);
    let next = append(&journal, &[b"next"]).unwrap();
    assert!(next.start >= copy.end());
    assert_eq!(contents(&journal).len(), 21);
}

#[test]
fn a_copy_of_a_part_begins_no_later_than_asked() {
    let journal = opened(&MemoryDisk::new());
    let places = fill(&journal, 0..20);
    let all = read_from(&journal, Position::START);
    for from in places.iter().copied().chain([journal.durable()]) {
        let mut pin = journal.copier().pin();
        pin.move_to(from);
        let (copied, recovery) =
            Journal::open(std::sync::Arc::new(write(&pin.copy())), options()).unwrap();
        assert!(recovery.first <= from && recovery.end == journal.durable());
        let expected: Vec<_> = all.iter().filter(|(at, _)| *at >= from).cloned().collect();
        assert_eq!(read_from(&copied, from), expected);
    }
    let of_nothing = opened(&MemoryDisk::new()).copier().pin().copy();
    assert_eq!(contents(&opened(&write(&of_nothing))), Vec::<Vec<u8>>::new());
}

#[test]
fn what_is_pinned_is_not_trimmed_until_it_is_let_go() {
    let journal = opened(&MemoryDisk::new());
    let places = fill(&journal, 0..20);
    let mut pin = journal.copier().pin();
    let trim = || journal.trim(&Trim::everything_before(journal.durable())).unwrap().segments;
    assert_eq!(trim(), 0);
    pin.move_to(places[10]);
    assert!(trim() > 0);
    assert!(journal.first() <= places[10]);
    assert_eq!(read_from(&journal, places[10]).len(), 10);
    drop(pin);
    assert!(trim() > 0);
}
