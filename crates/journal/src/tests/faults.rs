use std::sync::Arc;

use super::{SMALL, append, contents, group_of, open, opened, options, submit};
use crate::manifest::Manifest;
use crate::testkit::MemoryDisk;
use crate::{
    AppendError, Condition, Damage, Flaw, Journal, OpenError, Position, ReadError, verify,
};

fn damage(disk: &MemoryDisk) -> Damage {
    match open(disk).map(|(_, recovery)| recovery) {
        Err(OpenError::Damaged(damage)) => damage,
        other => panic!("expected damage, found {other:?}"),
    }
}

/// Three groups of which the first starts at offset 64.
fn three_groups(disk: &MemoryDisk) -> Vec<Position> {
    let journal = opened(disk);
    (0..3).map(|number| append(&journal, &[&[number; 100]]).unwrap().end).collect()
}

#[test]
fn a_failed_sync_breaks_the_journal_until_it_is_opened_again() {
    let disk = MemoryDisk::new();
    let journal = opened(&disk);
    append(&journal, &[b"durable"]).unwrap();
    disk.fail_syncs_after(0);
    assert!(matches!(append(&journal, &[b"lost"]), Err(AppendError::Broken(_))));
    disk.heal();
    assert!(matches!(append(&journal, &[b"too late"]), Err(AppendError::Broken(_))));
    assert!(matches!(journal.condition(), Condition::Stopped(AppendError::Broken(_))));
    assert_eq!(contents(&journal), [b"durable"], "reads go on");
    assert!(matches!(journal.close(), Err(AppendError::Broken(_))));

    let journal = opened(&disk);
    append(&journal, &[b"after"]).unwrap();
    let found = contents(&journal);
    assert_eq!(
        (found.first(), found.last()),
        (Some(&b"durable".to_vec()), Some(&b"after".to_vec()))
    );
}

#[test]
fn what_only_the_page_cache_holds_after_a_failed_sync_is_not_believed() {
    for seed in 0..20 {
        let disk = MemoryDisk::new();
        let journal = opened(&disk);
        append(&journal, &[b"durable"]).unwrap();
        for _ in 0..seed {
            append(&journal, &[b"x"]).unwrap();
        }
        disk.fail_syncs_after(0);
        append(&journal, &[&[9; 1500]]).unwrap_err();
        drop(journal);
        disk.heal();
        let seen = contents(&opened(&disk));
        disk.crash(seed);
        assert_eq!(contents(&opened(&disk)), seen, "what an opening found stays");
    }
}

#[test]
fn a_failed_write_breaks_the_journal() {
    let disk = MemoryDisk::new();
    let journal = opened(&disk);
    append(&journal, &[b"durable"]).unwrap();
    disk.fail_writes_after(0);
    assert!(matches!(append(&journal, &[b"lost"]), Err(AppendError::Broken(_))));
    disk.heal();
    drop(journal);
    assert_eq!(contents(&opened(&disk)), [b"durable"]);
}

#[test]
fn short_writes_are_continued() {
    let disk = MemoryDisk::new();
    disk.write_short(true);
    let journal = opened(&disk);
    for _ in 0..20 {
        append(&journal, &[&[3; 700]]).unwrap();
    }
    assert_eq!(contents(&journal), vec![vec![3; 700]; 20]);
}

#[test]
fn a_full_disk_refuses_and_recovers_without_breaking() {
    for announced in [true, false] {
        let disk = MemoryDisk::new();
        let journal = opened(&disk);
        append(&journal, &[b"durable"]).unwrap();
        disk.leave_free(SMALL / 2, announced);
        let mut kept = 1;
        let refused = loop {
            match append(&journal, &[&[5; 600]]) {
                Ok(_) => kept += 1,
                Err(error) => break error,
            }
        };
        assert_eq!(refused, AppendError::DiskFull);
        assert_eq!(journal.condition(), Condition::DiskFull);
        journal.appender().resume();
        assert_eq!(
            append(&journal, &[&[5; 1000]]),
            Err(AppendError::DiskFull),
            "there is still no room"
        );
        assert_eq!(contents(&journal).len(), kept);
        disk.heal();
        journal.appender().resume();
        append(&journal, &[&[5; 600]]).unwrap();
        assert_eq!(journal.condition(), Condition::Working);
        journal.close().unwrap();
        assert_eq!(contents(&opened(&disk)).len(), kept + 1);
    }
}

#[test]
fn nothing_overtakes_a_group_that_found_no_room() {
    let disk = MemoryDisk::new();
    let journal = opened(&disk);
    append(&journal, &[&[1; 1500]]).unwrap();
    // Before the segment is half full: from then on the next one is made ahead, and may be there already.
    disk.leave_free(0, true);
    append(&journal, &[&[1; 1500]]).unwrap();
    let (sender, answers) = std::sync::mpsc::channel();
    let late = journal.appender();
    let refused = Box::new(move |outcome: super::Outcome| {
        // What would fit, decided before the answer is known to anyone.
        let overtaking = late.append(&mut group_of(&[b"late"]), Box::new(|_| {}));
        drop(sender.send([outcome.map(|_| ()), overtaking]));
    });
    journal.appender().append(&mut group_of(&[&[2; 1900]]), refused).unwrap();
    assert_eq!(answers.recv().unwrap(), [Err(AppendError::DiskFull), Err(AppendError::DiskFull)]);
    let still = append(&journal, &[b"small"]);
    assert_eq!(still, Err(AppendError::DiskFull), "until the caller has taken note");

    journal.appender().resume();
    append(&journal, &[b"small"]).unwrap();
    assert_eq!(contents(&journal)[2..], [b"small"]);
}

#[test]
fn the_reserve_is_left_to_others() {
    let disk = MemoryDisk::new();
    disk.leave_free(3 * SMALL, true);
    let reserving = crate::Options { reserve_bytes: 2 * SMALL, ..options() };
    let (journal, _) = Journal::open(Arc::new(disk.clone()), reserving).unwrap();
    let mut refusals = (0..20).filter_map(|_| append(&journal, &[&[5; 600]]).err());
    assert_eq!(refusals.next(), Some(AppendError::DiskFull));
    assert!(
        disk.content("0000000001.segment").is_some()
            && disk.content("0000000002.segment").is_none()
    );
}

#[test]
fn a_torn_last_group_is_cut_and_named() {
    let disk = MemoryDisk::new();
    let journal = opened(&disk);
    let first = append(&journal, &[b"durable"]).unwrap();
    append(&journal, &[&[1; 900]]).unwrap();
    drop(journal);
    disk.flip("0000000001.segment", first.end.get() + 500, 3);

    let (journal, recovery) = open(&disk).unwrap();
    assert!(!recovery.clean);
    assert_eq!(recovery.end, first.end);
    let cut = &recovery.cuts[0];
    assert_eq!((cut.file.as_str(), cut.offset), ("0000000001.segment", first.end.get()));
    assert!(
        cut.to_string().starts_with("last group unreadable, 944 bytes in 0000000001.segment"),
        "{cut}"
    );
    append(&journal, &[b"after"]).unwrap();
    assert_eq!(contents(&journal), [b"durable".to_vec(), b"after".to_vec()]);
    journal.close().unwrap();
    let (journal, recovery) = open(&disk).unwrap();
    assert!(recovery.clean && recovery.cuts.is_empty(), "a cut is reported once");
    assert_eq!(contents(&journal).len(), 2);
}

#[test]
fn an_unreadable_group_before_a_readable_one_is_damage() {
    let disk = MemoryDisk::new();
    let ends = three_groups(&disk);
    disk.flip("0000000001.segment", ends[0].get() + 50, 0);
    let found = damage(&disk);
    assert_eq!(
        found.to_string(),
        format!(
            "0000000001.segment at offset {}: the checksum of the group does not match",
            ends[0]
        )
    );

    let mut seen = Vec::new();
    let report = verify(&disk, &mut |_, content| seen.push(content[0]), &mut |_| {}).unwrap();
    assert_eq!(report.damages, [found]);
    assert_eq!(seen, [0, 2], "verify goes on behind the damage");
}

#[test]
fn groups_lost_at_the_end_of_a_segment_are_noticed_by_the_next_segment() {
    let disk = MemoryDisk::new();
    let journal = opened(&disk);
    let mut last_of_first = Position::START;
    let behind = loop {
        let appended = append(&journal, &[&[1; 600]]).unwrap();
        if appended.start.get() > SMALL {
            break appended;
        }
        last_of_first = appended.start;
    };
    drop(journal);
    assert!(behind.start.get() > SMALL);
    let group_at = last_of_first.get() - 40;
    let mut content = disk.content("0000000001.segment").unwrap();
    content[group_at as usize..].fill(0);
    disk.place("0000000001.segment", &content);
    let expected =
        Damage { file: "0000000001.segment".to_owned(), offset: group_at, flaw: Flaw::Missing };
    assert_eq!(damage(&disk), expected);
    let report = verify(&disk, &mut |_, _| {}, &mut |_| {}).unwrap();
    assert_eq!(report.damages, [expected]);
}

#[test]
fn a_missing_segment_and_a_missing_manifest_are_damage() {
    for (name, flaw, file) in [
        ("0000000001.segment", Flaw::SegmentMissing, "0000000001.segment"),
        ("MANIFEST", Flaw::ManifestMissing, "0000000001.segment"),
    ] {
        let disk = MemoryDisk::new();
        three_groups(&disk);
        crate::Files::remove(&disk, name).unwrap();
        let found = damage(&disk);
        assert_eq!((found.flaw, found.file.as_str()), (flaw, file));
        let report = verify(&disk, &mut |_, _| {}, &mut |_| {}).unwrap();
        assert!(report.damages.iter().any(|damage| damage.flaw == flaw), "{report:?}");
    }
}

#[test]
fn a_segment_that_the_manifest_forgot_is_noticed_by_the_reader() {
    let disk = MemoryDisk::new();
    let journal = opened(&disk);
    for _ in 0..40 {
        append(&journal, &[&[1; 600]]).unwrap();
    }
    journal.close().unwrap();
    let mut manifest = Manifest::decode(&disk.content("MANIFEST").unwrap()).unwrap();
    let forgotten = manifest.segments.remove(2);
    disk.place("MANIFEST", &manifest.encode());
    crate::Files::remove(&disk, &forgotten.id.file_name()).unwrap();
    let end = manifest.segments[1].end.unwrap().get();
    let expected = Damage {
        file: "0000000002.segment".to_owned(),
        offset: end - manifest.segments[1].base.get(),
        flaw: Flaw::Missing,
    };
    let journal = opened(&disk);
    let named = journal.reader(Position::START).unwrap().find_map(Result::err);
    assert!(matches!(named, Some(ReadError::Damaged(damage)) if damage == expected));
    drop(journal);
    let report = verify(&disk, &mut |_, _| {}, &mut |_| {}).unwrap();
    assert_eq!(report.damages, [expected]);
}

#[test]
fn a_record_that_looks_like_a_group_is_not_taken_for_one() {
    let disk = MemoryDisk::new();
    let journal = opened(&disk);
    append(&journal, &[b"durable"]).unwrap();
    let at = journal.durable().get() + 40 + 4 + 4;
    // The salt is not known to who writes records; everything else is.
    let guessed = crate::format::SegmentHeader {
        id: crate::manifest::SegmentId::new(1),
        base: Position::START,
        capacity: SMALL,
        salt: 0,
    };
    let mut forged = vec![0; crate::format::GROUP_HEADER];
    forged.extend_from_slice(&[1, 0, 0, 0, b'!']);
    crate::format::seal(&mut forged, 1, &guessed, at, Position::new(at));
    let mut record = vec![0; 4];
    record.extend_from_slice(&forged);
    let mut group = group_of(&[&record]);
    group.push(&[7; 200]);
    submit(&journal, &mut group).unwrap().recv().unwrap().unwrap();
    let end = journal.durable().get();
    drop(journal);
    disk.flip("0000000001.segment", end - 20, 0);
    let (_, recovery) = open(&disk).unwrap();
    assert_eq!(recovery.cuts.len(), 1);
}
