//! Records per second through one journal on a real disk, every submission awaited in a window.
//!
//! The sketch: a record costs one copy into the builder, one into the pending group and its share of a checksum; a group
//! costs one write and one sync, whatever it holds. `TMPDIR` chooses the disk.

use std::sync::mpsc;

use divan::Bencher;
use divan::counter::ItemsCount;
use parlance_journal::{AppendError, Appended, Appender, GroupBuilder, Journal, Options, Position};

type Outcome = Result<Appended, AppendError>;

const RECORDS: usize = 200_000;
const RECORD: [u8; 250] = [7; 250];
/// Submissions in flight, as of a few shards with a group decided ahead each.
const WINDOW: usize = 8;

fn main() {
    divan::main();
}

#[divan::bench(args = [1, 16, 170, 1000], sample_count = 5, sample_size = 1)]
fn append(bencher: Bencher, records_per_submission: usize) {
    bencher
        .counter(ItemsCount::new(RECORDS))
        .with_inputs(opened)
        .bench_local_refs(|(_home, journal)| fill(journal, records_per_submission));
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn read(bencher: Bencher) {
    let (_home, journal) = opened();
    fill(&journal, 170);
    bencher.counter(ItemsCount::new(RECORDS)).bench_local(|| {
        let reader = journal.reader(Position::START).expect("readable");
        reader.map(|record| record.expect("whole").content.len()).sum::<usize>()
    });
}

fn opened() -> (tempfile::TempDir, Journal) {
    let home = tempfile::tempdir().expect("a directory");
    let (journal, _) = Journal::open_directory(home.path(), Options::default()).expect("a journal");
    // The first segment is being made: that is not what is measured.
    fill(&journal, RECORDS);
    (home, journal)
}

fn fill(journal: &Journal, records_per_submission: usize) {
    let appender = journal.appender();
    let (sender, receiver) = mpsc::channel::<Outcome>();
    let mut group = GroupBuilder::new();
    let mut in_flight = 0;
    let mut left = RECORDS;
    while left > 0 {
        let count = records_per_submission.min(left).min(1000);
        for _ in 0..count {
            group.push(&RECORD);
        }
        left -= count;
        let window = if records_per_submission == 1 { 1024 } else { WINDOW };
        while in_flight >= window {
            receiver.recv().expect("an answer").expect("durable");
            in_flight -= 1;
        }
        submit(&appender, &mut group, &sender);
        in_flight += 1;
    }
    while in_flight > 0 {
        receiver.recv().expect("an answer").expect("durable");
        in_flight -= 1;
    }
}

fn submit(appender: &Appender, group: &mut GroupBuilder, sender: &mpsc::Sender<Outcome>) {
    let sender = sender.clone();
    let answer = Box::new(move |outcome| drop(sender.send(outcome)));
    appender.append(group, answer).expect("the window is smaller than the queue");
}
