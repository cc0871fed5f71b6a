//! A shard: the task that owns a set of conversations. Nothing else writes them.
//!
//! The owner loop takes commands from a [`CommandSource`], decides and applies them to *working* states, hands what was drained to
//! the [`EventSink`] as one group and makes nothing of it visible before it is durable: answers, fan-out, heads and
//! cursors follow in the order of decision. It decides the next group while others are in flight and never waits for a read:
//! a conversation that needs one queues its own commands, and only those.

mod cache;
mod conversation;
mod decide;
mod deliver;
mod flight;
mod lookups;
mod marking;
mod reads;
mod request;
mod signalling;

use std::collections::VecDeque;
use std::sync::Arc;

use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use parlance_ports::{CommandSource, ConversationStore, EventSink, SourceClosed, Stamped};
use parlance_types::ConversationId;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Duration, Instant};

pub use lookups::Lookups;
pub use reads::rebuild_state;
pub(crate) use reads::record_at;
pub use request::{HeadAnswer, MembersAnswer, MembersAsked, Request};

use crate::clock::Clock;
use crate::hub::Hub;
use crate::metrics::Metrics;
use crate::outlet::Outlet;
use crate::reply::Tickets;
use crate::watermark::Watermark;
use cache::Cache;
use flight::{Building, Flight};
use reads::{Read, ReadDone};

/// Groups that may be in flight before the shard stops taking commands.
const FLIGHTS_MAX: usize = 8;
/// Commands that are decided before what they made is submitted and connections get their turn.
const GROUP_MAX: usize = 4_096;
/// How long marks wait for a group to ride in.
const MARKS_LINGER: Duration = Duration::from_secs(1);

/// What a shard shares with the rest of the node.
#[derive(Clone)]
pub struct Shared {
    pub hub: Arc<Hub>,
    pub tickets: Arc<Tickets>,
    pub watermark: Arc<Watermark>,
    pub metrics: Arc<Metrics>,
    pub lookups: Arc<Lookups>,
    pub clock: Arc<dyn Clock>,
}

/// The settings of a shard.
#[derive(Clone, Copy, Debug)]
pub struct ShardConfig {
    /// Bytes of conversations kept loaded; beyond, idle ones are saved and dropped.
    pub memory_bytes_max: usize,
    /// Events from which on a state is saved when its conversation is dropped. Fewer are replayed: the store reads the block that they
    /// are in all the same, and a state of their own would cost more than they do.
    pub save_from: u32,
    pub fanout: parlance_core::fanout::Thresholds,
    /// Old messages that an account may have looked for in a minute. 0: as many as it likes, and for a log that others own too the only
    /// choice, since they would decide differently.
    pub lookups_per_minute: u32,
}

impl Default for ShardConfig {
    fn default() -> Self {
        Self {
            memory_bytes_max: 64 * 1024 * 1024,
            save_from: 32,
            fanout: parlance_core::fanout::Thresholds::default(),
            lookups_per_minute: 0,
        }
    }
}

/// The owner of a set of conversations.
pub struct Shard<S> {
    index: usize,
    source: S,
    requests: mpsc::Receiver<Request>,
    sink: Arc<dyn EventSink>,
    store: Arc<dyn ConversationStore>,
    shared: Shared,
    config: ShardConfig,
    cache: Cache,
    building: Building,
    flights: VecDeque<Flight>,
    reads: FuturesUnordered<Read>,
    /// Connections that are owed a flush.
    touched: Vec<Arc<dyn Outlet>>,
    marks_due: Option<Instant>,
    /// Conversations with marks that are to be written.
    marks_to_write: Vec<ConversationId>,
    /// Groups whose members are to be told of marks.
    marks_to_announce: Vec<ConversationId>,
}

/// What woke the loop.
enum Event {
    Commands(Result<(), SourceClosed>),
    Request(Option<Request>),
    Committed(Result<parlance_ports::Committed, parlance_ports::CommitError>),
    Read(ReadDone),
    MarksDue,
}

impl<S: CommandSource> Shard<S> {
    pub fn new(
        index: usize,
        source: S,
        requests: mpsc::Receiver<Request>,
        sink: Arc<dyn EventSink>,
        store: Arc<dyn ConversationStore>,
        shared: Shared,
        config: ShardConfig,
    ) -> Self {
        Self {
            index,
            source,
            requests,
            sink,
            store,
            shared,
            config,
            cache: Cache::default(),
            building: Building::default(),
            flights: VecDeque::new(),
            reads: FuturesUnordered::new(),
            touched: Vec::new(),
            marks_due: None,
            marks_to_write: Vec::new(),
            marks_to_announce: Vec::new(),
        }
    }

    /// Runs until the source is closed and everything taken from it is decided, durable and answered.
    pub async fn run(mut self) {
        let mut drained = Vec::new();
        let mut source_open = true;
        let mut requests_open = true;
        while source_open || !self.flights.is_empty() || !self.reads.is_empty() {
            match self.next(&mut drained, source_open, requests_open).await {
                Event::Commands(Ok(())) => self.take(&mut drained).await,
                Event::Commands(Err(SourceClosed)) => source_open = false,
                Event::Request(Some(request)) => self.take_requests(request),
                Event::Request(None) => requests_open = false,
                Event::Committed(result) => self.complete(result).await,
                Event::Read(done) => self.take_reads(done),
                Event::MarksDue => self.announce_marks(),
            }
            self.submit();
            self.flush();
        }
        self.finish().await;
    }

    async fn next(
        &mut self,
        drained: &mut Vec<Stamped>,
        source_open: bool,
        requests_open: bool,
    ) -> Event {
        let take = source_open && self.flights.len() < FLIGHTS_MAX;
        let marks_due = self.marks_due;
        tokio::select! {
            // Completions first: they free memory and answer people.
            biased;
            result = async { self.flights.front_mut().expect("guarded").commit.as_mut().await },
                if !self.flights.is_empty() => Event::Committed(result),
            Some(done) = self.reads.next(), if !self.reads.is_empty() => Event::Read(done),
            result = self.source.drain(drained), if take => Event::Commands(result),
            request = self.requests.recv(), if requests_open => Event::Request(request),
            () = async { tokio::time::sleep_until(marks_due.expect("guarded")).await },
                if marks_due.is_some() => Event::MarksDue,
        }
    }

    /// Decides what was drained, in groups of bounded size.
    async fn take(&mut self, drained: &mut Vec<Stamped>) {
        self.shared.metrics.wakes.increment();
        for (count, stamped) in drained.drain(..).enumerate() {
            if count % GROUP_MAX == GROUP_MAX - 1 {
                self.submit();
                tokio::task::yield_now().await;
            }
            self.receive(stamped);
        }
        self.shrink();
    }

    /// Goes on with everything that was read meanwhile, so that many cold conversations share a group.
    fn take_reads(&mut self, first: ReadDone) {
        self.resume(first);
        for _ in 0..GROUP_MAX {
            let Some(done) = self.reads.next().now_or_never().flatten() else { return };
            self.resume(done);
        }
    }

    /// Takes every request that is there, so that many cost one turn of the loop.
    fn take_requests(&mut self, first: Request) {
        let mut next = Some(first);
        while let Some(request) = next {
            self.request(request);
            next = self.requests.try_recv().ok();
        }
    }

    /// Writes to every connection that got something, once.
    fn flush(&mut self) {
        if !self.flights.is_empty() {
            // The completion of the group in flight flushes as well: one write then carries both.
            return;
        }
        self.flush_now();
    }

    fn flush_now(&mut self) {
        for outlet in self.touched.drain(..) {
            outlet.flush();
        }
    }

    async fn finish(mut self) {
        self.marks_due = None;
        self.submit_marks();
        while let Some(flight) = self.flights.front_mut() {
            let result = flight.commit.as_mut().await;
            self.complete(result).await;
        }
        self.flush_now();
        self.save_all();
    }
}

/// Nobody waiting any more is not an error: the command was handled all the same.
fn send<T>(sender: oneshot::Sender<T>, value: T) {
    drop(sender.send(value));
}
