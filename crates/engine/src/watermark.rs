//! The low watermark of fan-out: every event at or below it was enqueued to every connection that it concerns.
//!
//! A cursor comes from here and never from the journal's end: what is durable but not yet fanned out would be skipped by a client
//! that resumed from there.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parlance_ports::EventSink;
use parlance_types::Position;

const IDLE: u64 = u64::MAX;

/// One floor per shard over the durable end of the sink.
pub struct Watermark {
    sink: Arc<dyn EventSink>,
    floors: Box<[AtomicU64]>,
}

impl Watermark {
    pub fn new(sink: Arc<dyn EventSink>, shards: usize) -> Self {
        Self { sink, floors: (0..shards).map(|_| AtomicU64::new(IDLE)).collect() }
    }

    /// The position up to which fan-out is complete.
    pub fn get(&self) -> Position {
        // The order matters: a shard that turns busy after `durable` was read only commits beyond it.
        let durable = self.sink.durable().get();
        let floor =
            self.floors.iter().map(|floor| floor.load(Ordering::SeqCst)).min().unwrap_or(IDLE);
        Position::new(durable.min(floor))
    }

    /// The shard is about to submit its first group after having had none in flight.
    pub fn busy(&self, shard: usize) {
        self.floors[shard].store(self.sink.durable().get(), Ordering::SeqCst);
    }

    /// The shard fanned out a group that ends at `end`, and has others in flight.
    pub fn advance(&self, shard: usize, end: Position) {
        self.floors[shard].store(end.get(), Ordering::SeqCst);
    }

    /// The shard has nothing in flight.
    pub fn idle(&self, shard: usize) {
        self.floors[shard].store(IDLE, Ordering::SeqCst);
    }
}

impl std::fmt::Debug for Watermark {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Watermark").field(&self.get()).finish()
    }
}
