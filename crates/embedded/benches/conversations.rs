//! What the conversation store costs: commits a second, bytes on disk, time to open after a kill and after a close, old pages.
//!
//! `cargo bench -p parlance-embedded -- MESSAGES CONVERSATIONS`. It prints one line per figure; `TMPDIR` chooses the disk. A plain
//! program and not a sampled benchmark, because the figures are about one growing store.
#![expect(clippy::print_stdout, reason = "the figures are the output")]
#![expect(clippy::unwrap_used, reason = "a benchmark may stop")]

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use parlance_embedded::conversations::{Conversations, Options};
use parlance_ports::contract::conversation::sample;
use parlance_ports::{ConversationStore, Direction, EventSink, Group, MarkRow, RangeQuery};
use parlance_types::{
    AccountId, ConversationId, ConversationKind, Entry, Hash, Kind, Mark, Marks, MessageId, Micros,
    Ordinal, Payload, Position, Record, Rows, Salt, Seq,
};

const GROUP: usize = 128;
const WINDOW: usize = 4;

struct Writer {
    state: u64,
    lengths: Vec<u64>,
    made: u64,
}

impl Writer {
    fn random(&mut self) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state.wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| (self.random() >> 32) as u8)
    }

    fn group(&mut self) -> Group {
        let mut group = Group::default();
        for _ in 0..GROUP {
            let talk = (self.random() >> 20) as usize % self.lengths.len();
            let entry = self.entry(talk);
            let seq = entry.record.seq;
            let mark = Some(Mark { seq, ordinal: entry.record.ordinal });
            let marks = Marks { delivered: mark, read: None, position: Position::ZERO };
            let account = person(talk, (seq.get() + 1) % 2);
            group.marks.push(MarkRow { account, conversation: entry.record.conversation, marks });
            group.entries.push(Arc::new(entry));
        }
        group
    }

    fn entry(&mut self, talk: usize) -> Entry {
        self.made += 1;
        self.lengths[talk] += 1;
        let number = self.lengths[talk];
        let at = 1_795_430_000_000_000 + self.made * 100;
        let text = sample::words(|bound| (self.random() >> 33) as usize % bound);
        let random = self.bytes();
        let record = Record {
            conversation: conversation(talk),
            seq: Seq::new(number).unwrap(),
            at: Micros::new(at),
            sender: person(talk, number % 2),
            device: None,
            message_id: MessageId::from_time(at / 1000, random),
            kind: Kind::Text,
            target: None,
            ordinal: Ordinal::new(number),
            hash: Hash::from_bytes(self.bytes()),
            payload: Payload::Kept { salt: Salt::from_bytes(self.bytes()), content: text },
        };
        Entry { record, rows: Rows::default() }
    }
}

fn spread(number: u64) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes());
    bytes[8..].copy_from_slice(&number.wrapping_mul(0xc2b2_ae3d_27d4_eb4f).to_le_bytes());
    bytes
}

fn conversation(talk: usize) -> ConversationId {
    ConversationId::from_hash(ConversationKind::Direct, spread(talk as u64 + 1))
}

fn person(talk: usize, side: u64) -> AccountId {
    AccountId::from_bytes(spread(1_000_000_007 + 2 * talk as u64 + side))
}

/// Seconds that all threads have worked.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok()).unwrap_or(0);
    (ticks(11) + ticks(12)) as f64 / 100.0
}

fn memory_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) / 1024
}

fn disk_bytes(path: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let mut bytes = 0;
    for file in std::fs::read_dir(path).unwrap().flatten() {
        let about = file.metadata().unwrap();
        bytes += if about.is_dir() { disk_bytes(&file.path()) } else { about.blocks() * 512 };
    }
    bytes
}

fn main() {
    let numbers: Vec<usize> =
        std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    let messages = numbers.first().copied().unwrap_or(1_000_000);
    let talks = numbers.get(1).copied().unwrap_or(1_000);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(run(messages, talks));
}

fn opened(path: &Path, how: &str) -> Conversations {
    let start = Instant::now();
    let store = Conversations::open(path, Options::default()).unwrap();
    println!("open {how}: {:.2} s, {} MiB", start.elapsed().as_secs_f64(), memory_mib());
    store
}

async fn run(messages: usize, talks: usize) {
    let home = tempfile::tempdir().unwrap();
    let mut writer = Writer { state: 42, lengths: vec![0; talks], made: 0 };
    let store = opened(home.path(), "empty");
    fill(&store, &mut writer, messages).await;
    drop(store);
    let store = opened(home.path(), "after a kill");
    let (start, busy) = (Instant::now(), cpu());
    store.close().await.unwrap();
    println!("close: {:.2} s, {:.2} s of CPU", start.elapsed().as_secs_f64(), (cpu() - busy));
    drop(store);
    let rows = disk_bytes(&home.path().join("rows"));
    println!("rows: {} bytes a message of {} MiB", rows / messages as u64, rows >> 20);
    let store = opened(home.path(), "after a close");
    pages(&store, &mut writer).await;
    old_name(&store).await;
}

/// A retry of the first message of a conversation.
async fn old_name(store: &Conversations) {
    let id = conversation(0);
    let query = RangeQuery {
        conversation: id,
        after: 0,
        up_to: None,
        direction: Direction::Ascending,
        events_max: 1,
        bytes_max: 0,
    };
    let first = store.range(query).await.unwrap().remove(0);
    let start = Instant::now();
    let found = store.original(id, first.sender, first.message_id).await.unwrap();
    assert_eq!(found, Some(first));
    println!("the first name of a conversation: {:.2} ms", start.elapsed().as_secs_f64() * 1e3);
}

async fn fill(store: &Conversations, writer: &mut Writer, messages: usize) {
    // What makes the messages is not what is measured.
    let start = cpu();
    for _ in 0..1000 {
        std::hint::black_box(writer.group());
    }
    let making = (cpu() - start) / 1000.0;
    *writer = Writer { state: 42, lengths: vec![0; writer.lengths.len()], made: 0 };
    let (start, busy) = (Instant::now(), cpu());
    let mut flights = VecDeque::new();
    let mut peak = 0;
    let groups = messages / GROUP;
    for number in 0..groups {
        if flights.len() == WINDOW {
            let oldest: parlance_ports::CommitFuture = flights.pop_front().unwrap();
            oldest.await.unwrap();
        }
        flights.push_back(store.commit(writer.group()));
        if number % 256 == 0 {
            peak = peak.max(memory_mib());
        }
    }
    for flight in flights {
        flight.await.unwrap();
    }
    let (elapsed, busy) = (start.elapsed(), cpu() - busy - making * groups as f64);
    println!(
        "commit: {:.0} messages/s, {:.2} µs of CPU a message (flusher and compaction included), at most {peak} MiB",
        messages as f64 / elapsed.as_secs_f64(),
        busy * 1e6 / messages as f64,
    );
}

async fn pages(store: &Conversations, writer: &mut Writer) {
    const PAGES: usize = 5_000;
    let mut times = Vec::with_capacity(PAGES);
    let busy = cpu();
    for _ in 0..PAGES {
        let talk = (writer.random() >> 20) as usize % writer.lengths.len();
        let query = RangeQuery {
            conversation: conversation(talk),
            after: 0,
            up_to: None,
            direction: Direction::Descending,
            events_max: 50,
            bytes_max: 1 << 20,
        };
        let start = Instant::now();
        std::hint::black_box(store.range(query).await.unwrap());
        times.push(start.elapsed());
    }
    times.sort_unstable();
    println!(
        "last 50 of a cold conversation: p50 {:.0} µs, p99 {:.0} µs, {:.0} µs of CPU",
        times[PAGES / 2].as_secs_f64() * 1e6,
        times[PAGES * 99 / 100].as_secs_f64() * 1e6,
        (cpu() - busy) * 1e6 / PAGES as f64,
    );
}
