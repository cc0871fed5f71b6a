//! Figures of a running node: relaxed counters and log-linear histograms that cost a few nanoseconds to record, without a lock.
//!
//! What they are called and mean is `parlance_types::figures`' to say, and no other can be shown. Labels are bounded enums, never ids.

mod histogram;
mod page;

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use parlance_core::connection::Door;
use parlance_types::{Code, Micros, figures};

pub use histogram::Histogram;
pub use page::FigurePage;

/// Only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    pub fn increment(&self) {
        self.add(1);
    }

    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Goes up and down.
#[derive(Debug, Default)]
pub struct Gauge(AtomicI64);

impl Gauge {
    pub fn add(&self, count: i64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    /// What was counted as `from` is `to` now.
    pub fn change(&self, from: usize, to: usize) {
        self.add(to.wrapping_sub(from).cast_signed() as i64);
    }

    pub fn get(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// All figures of a node.
#[derive(Debug)]
pub struct Metrics {
    connections: [Gauge; DOORS.len()],
    opened: [Counter; DOORS.len()],
    /// Connections that lag now.
    pub lagging: Gauge,
    /// Times that a connection began to lag.
    pub lags: Counter,
    /// Bytes that connections did not take at once.
    pub queued_bytes: Gauge,
    /// Frames taken from clients.
    pub frames: Counter,
    /// Reads from and writes to sockets: the cost of a message is mostly these.
    pub socket_reads: Counter,
    pub socket_writes: Counter,
    pub read_bytes: Counter,
    pub written_bytes: Counter,
    /// Answers to HTTP requests from 1xx on.
    answers: [Counter; 5],
    /// Times that a shard took commands.
    pub wakes: Counter,
    pub panics: Counter,
    pub loads: Counter,
    pub failed_groups: Counter,
    groups: Histogram,
    group_micros: Histogram,
    oks: Counter,
    deliveries: Counter,
    ack_micros: Histogram,
    errors: Box<[Counter]>,
    shards: Box<[OfShard]>,
}

const DOORS: [(Door, &str); 3] =
    [(Door::Socket, "socket"), (Door::Stream, "stream"), (Door::Poll, "poll")];

/// What one shard writes, each time that it has worked: no other does.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct OfShard {
    conversations: AtomicU64,
    bytes: AtomicU64,
    hits: AtomicU64,
}

/// How full the mailboxes are.
#[derive(Clone, Debug)]
pub(crate) struct Mailboxes {
    /// Commands that wait, by shard.
    pub(crate) queued: Vec<usize>,
    /// Commands that each takes.
    pub(crate) max: usize,
}

impl Metrics {
    pub fn new(shards: usize) -> Self {
        Self {
            connections: Default::default(),
            opened: Default::default(),
            lagging: Gauge::default(),
            lags: Counter::default(),
            queued_bytes: Gauge::default(),
            frames: Counter::default(),
            socket_reads: Counter::default(),
            socket_writes: Counter::default(),
            read_bytes: Counter::default(),
            written_bytes: Counter::default(),
            answers: Default::default(),
            wakes: Counter::default(),
            panics: Counter::default(),
            loads: Counter::default(),
            failed_groups: Counter::default(),
            groups: Histogram::default(),
            group_micros: Histogram::default(),
            oks: Counter::default(),
            deliveries: Counter::default(),
            ack_micros: Histogram::default(),
            errors: Code::ALL.iter().map(|_| Counter::default()).collect(),
            shards: (0..shards).map(|_| OfShard::default()).collect(),
        }
    }

    /// A connection came in at this door.
    pub fn opened(&self, door: Door) {
        self.opened[at(door)].increment();
        self.connections[at(door)].add(1);
    }

    /// It is gone.
    pub fn ended(&self, door: Door) {
        self.connections[at(door)].add(-1);
    }

    /// Something was refused with this code.
    pub fn refused(&self, code: Code) {
        if let Some(index) = Code::ALL.iter().position(|known| *known == code) {
            self.errors[index].increment();
        }
    }

    /// An HTTP request was answered with this status.
    pub fn answered(&self, status: u16) {
        if let Some(counter) = self.answers.get(usize::from(status / 100).wrapping_sub(1)) {
            counter.increment();
        }
    }

    pub(crate) fn group(&self, events: usize) {
        self.groups.record(events as u64);
    }

    pub(crate) fn group_time(&self, now: Micros, submitted: Micros) {
        self.group_micros.record(now.get().saturating_sub(submitted.get()));
    }

    /// Pushes of a group are queued in the same turn as its acknowledgements.
    pub(crate) fn acknowledged(&self, now: Micros, since: Micros) {
        self.oks.increment();
        self.ack_micros.record(now.get().saturating_sub(since.get()));
    }

    pub(crate) fn delivered(&self, connections: u64) {
        self.deliveries.add(connections);
    }

    /// What a shard has in memory, and how often it found there what it needed.
    pub(crate) fn loaded(&self, shard: usize, (conversations, bytes): (usize, usize), hits: u64) {
        let Some(of) = self.shards.get(shard) else { return };
        of.conversations.store(conversations as u64, Ordering::Relaxed);
        of.bytes.store(bytes as u64, Ordering::Relaxed);
        of.hits.store(hits, Ordering::Relaxed);
    }

    /// The figures of the engine and the doors.
    pub(crate) fn render(&self, mailboxes: &Mailboxes) -> FigurePage {
        let mut page = FigurePage::new();
        let by_door = |of: usize| DOORS[of].1;
        let connections = self.connections.iter().enumerate();
        page.each(&figures::CONNECTIONS, connections.map(|(door, of)| (by_door(door), of.get())));
        let opened = self.opened.iter().enumerate();
        page.each(&figures::OPENED, opened.map(|(door, of)| (by_door(door), of.get())));
        page.one(&figures::LAGGING, self.lagging.get());
        page.one(&figures::QUEUED, self.queued_bytes.get());
        for (figure, counter) in [
            (&figures::LAGS, &self.lags),
            (&figures::FRAMES, &self.frames),
            (&figures::SOCKET_READS, &self.socket_reads),
            (&figures::SOCKET_WRITES, &self.socket_writes),
            (&figures::SOCKET_READ_BYTES, &self.read_bytes),
            (&figures::SOCKET_WRITTEN_BYTES, &self.written_bytes),
            (&figures::OKS, &self.oks),
            (&figures::DELIVERIES, &self.deliveries),
            (&figures::WAKES, &self.wakes),
            (&figures::LOADS, &self.loads),
            (&figures::GROUPS_FAILED, &self.failed_groups),
            (&figures::PANICS, &self.panics),
        ] {
            page.one(figure, counter.get());
        }
        let classes = ["1xx", "2xx", "3xx", "4xx", "5xx"].into_iter();
        page.each(&figures::HTTP_ANSWERS, classes.zip(self.answers.iter().map(Counter::get)));
        let errors = Code::ALL.iter().zip(self.errors.iter().map(Counter::get));
        page.each(&figures::ERRORS, errors.filter(|(_, count)| *count > 0));
        page.histogram(&figures::ACK, &self.ack_micros);
        page.histogram(&figures::GROUP, &self.group_micros);
        page.histogram(&figures::GROUP_EVENTS, &self.groups);
        page.each(&figures::MAILBOX, mailboxes.queued.iter().enumerate());
        page.one(&figures::MAILBOX_MAX, mailboxes.max);
        for (figure, field) in [
            (&figures::LOADED, (|of| &of.conversations) as fn(&OfShard) -> &AtomicU64),
            (&figures::LOADED_BYTES, |of| &of.bytes),
            (&figures::HITS, |of| &of.hits),
        ] {
            let values = self.shards.iter().map(|of| field(of).load(Ordering::Relaxed));
            page.each(figure, values.enumerate());
        }
        page
    }
}

fn at(door: Door) -> usize {
    DOORS.iter().position(|(known, _)| *known == door).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_recorded_is_rendered() {
        let metrics = Metrics::new(2);
        metrics.refused(Code::NotFound);
        metrics.acknowledged(Micros::new(1_500), Micros::new(500));
        metrics.opened(Door::Poll);
        metrics.loaded(1, (7, 700), 70);
        let text = metrics.render(&Mailboxes { queued: vec![3, 0], max: 10 }).into_text();
        for line in [
            "parlance_errors_total{code=\"not_found\"} 1",
            "parlance_ok_total 1",
            "parlance_ack_seconds_count 1",
            "parlance_ack_seconds_sum 0.001",
            "parlance_commands_queued{shard=\"0\"} 3",
            "parlance_connections{door=\"poll\"} 1",
            "parlance_cache_hits_total{shard=\"1\"} 70",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
        }
    }
}
