//! Arbitrary histories against a model that is a list of submissions.
//!
//! Promised, with a disk that is honest about syncs: what was acknowledged is read back after any crash, in order and at
//! its positions; what was not acknowledged is there once or not at all; no position is ever used for two records.

use std::collections::{HashMap, HashSet};

use proptest::collection::vec;
use proptest::prelude::*;

use super::{group_of, open, submit};
use crate::testkit::MemoryDisk;
use crate::{AppendError, Journal, OpenError, Position, Trim};

#[derive(Clone, Debug)]
enum Step {
    Append(Vec<Vec<usize>>),
    Close,
    Kill,
    Crash(u64),
    Stop(u64),
    FailSyncs(u64),
    FailWrites(u64),
    Full(u64, bool),
    ShortWrites,
    Heal,
    Trim(u8),
    TurnOver,
    Checkpoint(u8),
}

fn step() -> impl Strategy<Value = Step> {
    let submission = vec(prop_oneof![4 => 0_usize..60, 1 => 0_usize..900], 1..4);
    prop_oneof![
        12 => vec(submission, 1..4).prop_map(Step::Append),
        2 => Just(Step::Close),
        2 => Just(Step::Kill),
        3 => any::<u64>().prop_map(Step::Crash),
        3 => (0_u64..60).prop_map(Step::Stop),
        1 => (0_u64..6).prop_map(Step::FailSyncs),
        1 => (0_u64..6).prop_map(Step::FailWrites),
        1 => (0_u64..9000, any::<bool>()).prop_map(|(bytes, announced)| Step::Full(bytes, announced)),
        1 => Just(Step::ShortWrites),
        2 => Just(Step::Heal),
        2 => (0_u8..=100).prop_map(Step::Trim),
        2 => Just(Step::TurnOver),
        1 => any::<u8>().prop_map(Step::Checkpoint),
    ]
}

struct Run {
    disk: MemoryDisk,
    journal: Option<Journal>,
    next_record: u32,
    acknowledged: Vec<(Position, Vec<u8>)>,
    uncertain: HashSet<Vec<u8>>,
    /// What a position was ever seen to hold.
    used: HashMap<Position, Vec<u8>>,
    checkpoints: Vec<Vec<u8>>,
    seed: u64,
}

impl Run {
    fn new() -> Self {
        Self {
            disk: MemoryDisk::new(),
            journal: None,
            next_record: 0,
            acknowledged: Vec::new(),
            uncertain: HashSet::new(),
            used: HashMap::new(),
            checkpoints: vec![Vec::new()],
            seed: 0,
        }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Append(submissions) => self.append(&submissions),
            Step::Close => {
                if let Some(journal) = self.journal.take() {
                    let closed = journal.close();
                    self.reopen(closed.is_ok());
                }
            }
            Step::Kill => {
                self.journal = None;
                self.disk.kill();
                self.reopen(false);
            }
            Step::Crash(seed) => {
                self.journal = None;
                self.disk.crash(seed);
                self.reopen(false);
            }
            Step::Stop(operations) => self.disk.stop_after(operations),
            Step::FailSyncs(after) => self.disk.fail_syncs_after(after),
            Step::FailWrites(after) => self.disk.fail_writes_after(after),
            Step::Full(bytes, announced) => self.disk.leave_free(bytes, announced),
            Step::ShortWrites => self.disk.write_short(true),
            Step::Heal => self.disk.heal(),
            Step::Trim(percent) => self.trim(percent),
            Step::TurnOver => self.journal.iter().for_each(Journal::turn_over),
            Step::Checkpoint(value) => self.checkpoint(value),
        }
    }

    fn append(&mut self, submissions: &[Vec<usize>]) {
        let Some(journal) = &self.journal else { return };
        let submitter = journal.appender();
        let mut waiting = Vec::new();
        for lengths in submissions {
            let records: Vec<Vec<u8>> = lengths
                .iter()
                .map(|&length| {
                    self.next_record += 1;
                    let mut record = self.next_record.to_le_bytes().to_vec();
                    record.resize(4 + length, self.next_record as u8);
                    record
                })
                .collect();
            let views: Vec<&[u8]> = records.iter().map(Vec::as_slice).collect();
            let mut group = group_of(&views);
            if let Ok(answer) = submit(journal, &mut group) {
                waiting.push((records, answer));
            }
        }
        for (records, answer) in waiting {
            match answer.recv().expect("every submission is answered") {
                Ok(appended) => {
                    let mut position = appended.start;
                    for record in records {
                        let next = position.plus(4 + record.len() as u64);
                        self.use_position(position, &record);
                        self.acknowledged.push((position, record));
                        position = next;
                    }
                    assert!(position <= appended.end);
                }
                Err(AppendError::Broken(_)) => self.uncertain.extend(records),
                Err(AppendError::DiskFull) => submitter.resume(),
                Err(AppendError::Closed) => {}
                Err(error) => panic!("refused after it was accepted: {error}"),
            }
        }
    }

    fn use_position(&mut self, position: Position, record: &[u8]) {
        let held = self.used.entry(position).or_insert_with(|| record.to_vec());
        assert_eq!(held, record, "position {position} was used before");
    }

    fn trim(&mut self, percent: u8) {
        let Some(journal) = &self.journal else { return };
        let before = Position::new(journal.durable().get() / 100 * u64::from(percent));
        // It may fail, and then it may have happened or not.
        let trimmed = journal.trim(&Trim::everything_before(before)).is_ok();
        let first = journal.first();
        let must_stay = self.acknowledged.iter().filter(|(position, _)| *position >= before);
        assert!(
            must_stay.map(|(position, _)| *position).all(|position| position >= first),
            "trimmed too much"
        );
        if trimmed {
            self.acknowledged.retain(|(position, _)| *position >= first);
        } else {
            self.journal = None;
            self.reopen(false);
        }
    }

    fn checkpoint(&mut self, value: u8) {
        let Some(journal) = &self.journal else { return };
        let checkpoint = vec![value; usize::from(value)];
        if journal.set_checkpoint(&checkpoint).is_ok() {
            self.checkpoints.clear();
        }
        self.checkpoints.push(checkpoint);
    }

    /// With faults switched on an opening may fail; then the machine is started again without them.
    fn reopen(&mut self, expect_clean: bool) {
        let (journal, recovery) = match open(&self.disk) {
            Ok(opened) => opened,
            Err(OpenError::Damaged(damage)) => panic!("an honest disk is never damaged: {damage}"),
            Err(_) => {
                self.disk.heal();
                self.seed += 1;
                self.disk.crash(self.seed);
                open(&self.disk).expect("a healthy disk can be opened")
            }
        };
        assert!(recovery.clean || !expect_clean, "{recovery:?}");
        assert!(
            self.checkpoints.contains(&recovery.checkpoint),
            "a checkpoint is the old or the new one"
        );
        self.checkpoints = vec![recovery.checkpoint.clone()];
        self.check_records(&journal);
        self.journal = Some(journal);
    }

    fn check_records(&mut self, journal: &Journal) {
        let mut is_cut_short = false;
        let mut found = Vec::new();
        for record in journal.reader(journal.first()).expect("the first position can be read") {
            match record {
                Ok(record) => found.push((record.position, record.content.to_vec())),
                Err(error) => {
                    assert!(matches!(error, crate::ReadError::Io { .. }), "{error}");
                    is_cut_short = true;
                    break;
                }
            }
        }
        assert!(found.is_sorted_by(|a, b| a.0 < b.0), "positions grow");
        let first = journal.first();
        self.acknowledged.retain(|(position, _)| *position >= first);
        let known: HashSet<Position> =
            self.acknowledged.iter().map(|(position, _)| *position).collect();
        for (position, record) in &found {
            self.use_position(*position, record);
            if !known.contains(position) {
                assert!(self.uncertain.remove(record), "a record that nobody wrote, or twice");
                // Seen once, it has to stay.
                self.acknowledged.push((*position, record.clone()));
            }
        }
        if !is_cut_short {
            self.acknowledged.sort();
            assert_eq!(self.acknowledged, found, "an acknowledged record is lost");
            // What was not found by a whole reading must not come back.
            self.uncertain.clear();
        }
    }
}

fn run(steps: Vec<Step>) {
    let mut run = Run::new();
    run.reopen(true);
    for step in steps {
        run.take(step);
    }
    run.journal = None;
    run.disk.heal();
    run.disk.crash(7);
    run.reopen(false);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn nothing_acknowledged_is_lost_and_nothing_comes_twice(steps in vec(step(), 1..60)) {
        run(steps);
    }

    /// A lying disk may lose what it acknowledged, but it is never read back different, and damage is named.
    #[test]
    fn a_lying_disk_is_caught_or_loses_only_the_end(lengths in vec(0_usize..700, 1..30), honest in 0_usize..30, seed in any::<u64>()) {
        let disk = MemoryDisk::new();
        let journal = super::opened(&disk);
        let mut written = Vec::new();
        for (index, length) in lengths.into_iter().enumerate() {
            disk.lie_about_syncs(index >= honest);
            let record = vec![index as u8; length];
            let appended = super::append(&journal, &[&record]).unwrap();
            written.push((appended.start, record));
        }
        drop(journal);
        disk.heal();
        disk.crash(seed);
        match open(&disk) {
            Ok((journal, _)) => {
                let reader = journal.reader(journal.first()).unwrap();
                let read: Result<Vec<_>, _> = reader.map(|r| r.map(|r| (r.position, r.content.to_vec()))).collect();
                // Segments that were finished long ago are not read by an opening, so their damage is named here.
                let Ok(found) = read else {
                    prop_assert!(honest < written.len());
                    return Ok(());
                };
                prop_assert!(written.starts_with(&found));
                prop_assert!(found.len() >= honest.min(written.len()));
                let appended = super::append(&journal, &[b"next"]).unwrap();
                prop_assert!(found.iter().all(|(position, _)| *position < appended.start));
            }
            Err(OpenError::Damaged(_)) => prop_assert!(honest < written.len()),
            Err(error) => prop_assert!(false, "{}", error),
        }
    }
}
