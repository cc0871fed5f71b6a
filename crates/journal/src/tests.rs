//! The journal as a whole, on the disk in memory and on a real one.

mod copy;
mod directory;
mod faults;
mod fixture;
mod flips;
mod fuzzing;
mod lifecycle;
mod model;
mod scripted;

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};

use crate::testkit::MemoryDisk;
use crate::{AppendError, Appended, GroupBuilder, Journal, OpenError, Options, Position, Recovery};

type Outcome = Result<Appended, AppendError>;

const SMALL: u64 = 4096;

fn options() -> Options {
    Options { segment_bytes: SMALL, queue_bytes_max: 2048, reserve_bytes: 0, observer: None }
}

fn open(disk: &MemoryDisk) -> Result<(Journal, Recovery), OpenError> {
    Journal::open(Arc::new(disk.clone()), options())
}

fn opened(disk: &MemoryDisk) -> Journal {
    open(disk).expect("the journal opens").0
}

fn group_of(records: &[&[u8]]) -> GroupBuilder {
    let mut group = GroupBuilder::new();
    for record in records {
        group.push(record);
    }
    group
}

fn submit(journal: &Journal, group: &mut GroupBuilder) -> Result<Receiver<Outcome>, AppendError> {
    let (sender, receiver) = mpsc::channel();
    let completion = Box::new(move |outcome| {
        // A test that does not look at the outcome has dropped the other end.
        drop(sender.send(outcome));
    });
    journal.appender().append(group, completion)?;
    Ok(receiver)
}

fn append(journal: &Journal, records: &[&[u8]]) -> Outcome {
    submit(journal, &mut group_of(records))?.recv().expect("every submission is answered")
}

fn read_from(journal: &Journal, from: Position) -> Vec<(Position, Vec<u8>)> {
    let reader = journal.reader(from).expect("the position is readable");
    reader
        .map(|record| record.map(|r| (r.position, r.content.to_vec())).expect("records are whole"))
        .collect()
}

fn contents(journal: &Journal) -> Vec<Vec<u8>> {
    read_from(journal, journal.first()).into_iter().map(|(_, content)| content).collect()
}
