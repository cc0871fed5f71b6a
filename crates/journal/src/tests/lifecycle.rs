use std::sync::Arc;
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;

use super::{SMALL, append, contents, group_of, open, opened, options, read_from, submit};
use crate::testkit::MemoryDisk;
use crate::{
    AppendError, GroupFigures, Journal, Observer, OpenError, Position, ReadError, Trim, verify,
};

#[test]
fn what_was_appended_is_read_in_order_at_the_positions_it_was_given() {
    let journal = opened(&MemoryDisk::new());
    let mut group = group_of(&[b"one"]);
    let second = group.push(b"");
    let appended = submit(&journal, &mut group).unwrap().recv().unwrap().unwrap();
    assert!(group.is_empty(), "the builder can be used again");
    append(&journal, &[b"three"]).unwrap();

    let found = read_from(&journal, Position::START);
    assert_eq!(found[1], (appended.position(second), Vec::new()));
    assert_eq!(
        found.iter().map(|(_, content)| &content[..]).collect::<Vec<_>>(),
        [&b"one"[..], b"", b"three"]
    );
    assert!(found.is_sorted_by(|a, b| a.0 < b.0));
    assert_eq!(found[2].0.get(), appended.end.get() + 40, "the group behind starts at the end");
    assert_eq!(read_from(&journal, appended.end), found[2..]);
    assert_eq!(read_from(&journal, found[1].0), found[1..]);
}

#[test]
fn a_clean_stop_is_recognised_and_writing_goes_on_behind_it() {
    let disk = MemoryDisk::new();
    let (journal, recovery) = open(&disk).unwrap();
    assert!(recovery.clean);
    append(&journal, &[b"before"]).unwrap();
    journal.set_checkpoint(b"a checkpoint").unwrap();
    journal.close().unwrap();
    disk.crash(1);

    let (journal, recovery) = open(&disk).unwrap();
    assert!(recovery.clean);
    assert_eq!(recovery.checkpoint, b"a checkpoint");
    append(&journal, &[b"after"]).unwrap();
    assert_eq!(contents(&journal), [b"before".to_vec(), b"after".to_vec()]);
}

#[test]
fn after_a_kill_the_records_are_there_and_the_next_ones_lie_in_a_new_segment() {
    let disk = MemoryDisk::new();
    let journal = opened(&disk);
    append(&journal, &[b"before"]).unwrap();
    let end = journal.durable();
    drop(journal);

    let (journal, recovery) = open(&disk).unwrap();
    assert!(!recovery.clean);
    assert_eq!((recovery.cuts.len(), recovery.end), (0, end));
    let appended = append(&journal, &[b"after"]).unwrap();
    assert!(appended.start.get() >= SMALL);
    assert_eq!(contents(&journal), [b"before".to_vec(), b"after".to_vec()]);
}

#[test]
fn kills_leave_no_unused_segments_and_no_zeros_behind() {
    fn sizes(disk: &MemoryDisk) -> Vec<usize> {
        let names =
            crate::Files::list(disk).unwrap().into_iter().filter(|name| name.ends_with(".segment"));
        names.map(|name| disk.content(&name).unwrap().len()).collect()
    }
    let disk = MemoryDisk::new();
    for _ in 0..5 {
        let journal = opened(&disk);
        append(&journal, &[b"first"]).unwrap();
        let made = sizes(&disk).len();
        append(&journal, &[&[1; 1900]]).unwrap();
        append(&journal, &[&[1; 900]]).unwrap();
        // More than half a segment: the next one is being made.
        while sizes(&disk).len() == made {
            std::thread::yield_now();
        }
    }
    let journal = opened(&disk);
    append(&journal, &[b"last"]).unwrap();
    drop(journal);
    let left = sizes(&disk);
    assert_eq!(left.len(), 6, "{left:?}");
    assert!(left[..5].iter().all(|&size| size < SMALL as usize), "{left:?}");
}

#[test]
fn a_reader_follows_the_writer_over_many_segments() {
    let journal = opened(&MemoryDisk::new());
    let mut reader = journal.reader(Position::START).unwrap();
    for number in 0..200_u32 {
        assert!(reader.next().is_none());
        append(&journal, &[&[number as u8; 300], &number.to_le_bytes()]).unwrap();
        assert_eq!(reader.next().unwrap().unwrap().content, vec![number as u8; 300]);
        let record = reader.next().unwrap().unwrap();
        assert_eq!(record.content, number.to_le_bytes().to_vec());
        assert_eq!(record.next, journal.durable());
    }
}

#[test]
fn what_lies_in_a_segment_that_fills_slowly_can_be_trimmed() {
    let disk = MemoryDisk::new();
    let journal = opened(&disk);
    for _ in 0..3 {
        let begun = journal.begun();
        let appended = append(&journal, &[b"an old secret"]).unwrap();
        journal.trim(&Trim::everything_before(appended.end)).unwrap();
        assert!(read_from(&journal, journal.first()).len() == 1, "it lies in the segment in use");
        while journal.begun() == begun {
            journal.turn_over();
            std::thread::yield_now();
        }
        let trimmed = journal.trim(&Trim::everything_before(appended.end)).unwrap();
        assert_eq!(trimmed.segments, 1);
        assert!(journal.first() >= appended.end);
    }
    let begun = journal.begun();
    journal.turn_over();
    append(&journal, &[b"the last"]).unwrap();
    assert_eq!(journal.begun(), begun, "a segment without records is kept");
    journal.close().unwrap();
    assert_eq!(contents(&opened(&disk)), [b"the last"]);
}

#[test]
fn trimming_takes_whole_segments_and_says_so_to_readers() {
    let disk = MemoryDisk::new();
    let journal = opened(&disk);
    let mut late = journal.reader(Position::START).unwrap();
    let appended: Vec<_> = (0..40).map(|_| append(&journal, &[&[7; 500]]).unwrap()).collect();
    late.next().unwrap().unwrap();
    let keep = appended[30].start;
    let trimmed = journal.trim(&Trim::everything_before(keep)).unwrap();

    assert!(trimmed.segments >= 3 && trimmed.bytes == trimmed.segments as u64 * SMALL);
    assert!(journal.first() > appended[0].end && journal.first() <= keep);
    assert!(
        matches!(journal.reader(Position::START), Err(ReadError::Trimmed { first }) if first == journal.first())
    );
    assert!(late.any(|record| matches!(record, Err(ReadError::Trimmed { .. }))));
    let kept = read_from(&journal, journal.first());
    journal.close().unwrap();
    let journal = opened(&disk);
    assert_eq!(read_from(&journal, journal.first()), kept);
}

#[test]
fn trimming_keeps_what_is_young_and_within_the_size() {
    let disk = MemoryDisk::new();
    let noon = SystemTime::UNIX_EPOCH + Duration::from_hours(12);
    let journal = opened(&disk);
    for _ in 0..20 {
        append(&journal, &[&[1; 500]]).unwrap();
    }
    disk.set_time(noon);
    for _ in 0..20 {
        append(&journal, &[&[2; 500]]).unwrap();
    }
    let before = journal.durable();
    let keeps_all = Trim { before, bytes_max: u64::MAX, written_before: None };
    assert_eq!(journal.trim(&keeps_all).unwrap().segments, 0);
    journal.trim(&Trim { written_before: Some(noon), ..keeps_all }).unwrap();
    let left = contents(&journal);
    assert!(left.len() < 40 && left.iter().filter(|content| content[0] == 2).count() == 20);
    journal.trim(&Trim { bytes_max: 3 * SMALL, ..keeps_all }).unwrap();
    assert!(contents(&journal).len() < left.len());
}

#[test]
fn a_group_is_bounded_and_so_is_the_queue() {
    let journal = opened(&MemoryDisk::new());
    let mut group = group_of(&[&[0; 3000]]);
    assert!(matches!(
        submit(&journal, &mut group),
        Err(AppendError::TooLarge { bytes_max: 2048, .. })
    ));
    assert_eq!(group.record_count(), 1, "a refused group is left alone");

    // The first completion holds the writer until the queue behind it was filled.
    let gate = Arc::new(Mutex::new(()));
    let closed_gate = gate.lock();
    let for_writer = Arc::clone(&gate);
    let (started, is_held) = std::sync::mpsc::channel();
    let hold = Box::new(move |_| {
        started.send(()).unwrap();
        drop(for_writer.lock());
    });
    journal.appender().append(&mut group_of(&[b"first"]), hold).unwrap();
    is_held.recv().unwrap();
    let mut accepted = Vec::new();
    let refusal = loop {
        match submit(&journal, &mut group_of(&[&[0; 300]])) {
            Ok(waiting) => accepted.push(waiting),
            Err(error) => break error,
        }
    };
    assert_eq!(refusal, AppendError::Full);
    drop(closed_gate);
    assert_eq!(accepted.len(), 6);
    let answers: Vec<_> =
        accepted.into_iter().map(|waiting| waiting.recv().unwrap().unwrap()).collect();
    assert!(answers.is_sorted_by(|a, b| a.end <= b.start), "submissions keep their order");
}

#[test]
fn submissions_that_wait_together_share_a_group() {
    #[derive(Default)]
    struct Heard(Mutex<Vec<GroupFigures>>);
    impl Observer for Heard {
        fn group_durable(&self, figures: GroupFigures) {
            self.0.lock().push(figures);
        }
    }
    let heard = Arc::new(Heard::default());
    let observed = crate::Options { observer: Some(heard.clone()), ..options() };
    let (journal, _) = Journal::open(Arc::new(MemoryDisk::new()), observed).unwrap();
    let appender = journal.appender();
    let (sender, receiver) = std::sync::mpsc::channel();
    // Submitted from a completion, that is while the writer cannot take anything.
    let again = appender.clone();
    let first = Box::new(move |_| {
        for _ in 0..3 {
            let sender = sender.clone();
            let done = Box::new(move |outcome| sender.send(outcome).unwrap());
            again.append(&mut group_of(&[b"x", b"y"]), done).unwrap();
        }
    });
    appender.append(&mut group_of(&[b"first"]), first).unwrap();
    let answers: Vec<_> = receiver.iter().map(Result::unwrap).collect();
    assert_eq!(answers.len(), 3);
    let figures = heard.0.lock()[1];
    assert_eq!((figures.submissions, figures.records), (3, 6));
}

#[test]
fn a_submission_without_records_completes_behind_the_others() {
    let journal = opened(&MemoryDisk::new());
    let appended = append(&journal, &[b"x"]).unwrap();
    let barrier = append(&journal, &[]).unwrap();
    assert_eq!((barrier.start, barrier.end), (appended.end, appended.end));
    assert_eq!(contents(&journal).len(), 1);
}

#[test]
fn a_journal_in_use_is_not_opened_again() {
    let disk = MemoryDisk::new();
    let journal = opened(&disk);
    assert!(matches!(open(&disk), Err(OpenError::Locked)));
    assert!(matches!(verify(&disk, &mut |_, _| {}, &mut |_| {}), Err(OpenError::Locked)));
    drop(journal);
    assert!(open(&disk).is_ok());
}

#[test]
fn nothing_is_appended_to_a_closed_journal() {
    let journal = opened(&MemoryDisk::new());
    let appender = journal.appender();
    append(&journal, &[b"x"]).unwrap();
    journal.close().unwrap();
    assert_eq!(appender.append(&mut group_of(&[b"y"]), Box::new(|_| {})), Err(AppendError::Closed));
}

#[test]
fn segments_of_another_size_can_be_followed() {
    let disk = MemoryDisk::new();
    let mut expected = Vec::new();
    for (round, segment_bytes) in [4096, 16384, 2048, 8192].into_iter().enumerate() {
        let sized = crate::Options { segment_bytes, ..options() };
        let (journal, recovery) = Journal::open(Arc::new(disk.clone()), sized).unwrap();
        assert!(recovery.clean);
        for _ in 0..20 {
            expected.push(vec![round as u8; 700]);
            append(&journal, &[&[round as u8; 700]]).unwrap();
        }
        assert_eq!(contents(&journal), expected);
        journal.close().unwrap();
    }
}
