//! A command log in memory: one order for every reader, and the source that an owner reads it through.
//!
//! It never forgets: an owner that starts again begins at the first command, as a log with unlimited retention lets it.

use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use parlance_ports::{CommandSource, SourceClosed, Stamped, Ticket};
use parlance_types::{Command, Salt, Stamp};
use tokio::sync::Notify;
use tokio::time::{Duration, Instant};

use crate::mutant::Mutation;
use crate::random::Random;

/// Whoever appended a command: a life of a node.
pub(crate) type Origin = u64;

#[derive(Clone)]
struct Line {
    command: Command,
    stamp: Stamp,
    origin: Origin,
    ticket: Ticket,
}

#[derive(Default)]
pub(crate) struct Log {
    lines: Mutex<Vec<Line>>,
    grown: Notify,
}

impl Log {
    pub(crate) fn append(&self, command: Command, stamp: Stamp, origin: Origin, ticket: Ticket) {
        self.lines.lock().push(Line { command, stamp, origin, ticket });
        self.grown.notify_waiters();
    }
}

/// A reader with a pace of its own.
pub(crate) struct LogSource {
    log: Arc<Log>,
    origin: Origin,
    next: usize,
    random: Random,
    not_before: Instant,
    mutation: Option<Mutation>,
}

impl LogSource {
    pub(crate) fn new(
        log: Arc<Log>,
        origin: Origin,
        seed: u64,
        mutation: Option<Mutation>,
    ) -> Self {
        let random = Random::new(seed);
        Self { log, origin, next: 0, random, not_before: Instant::now(), mutation }
    }

    fn take(&mut self, into: &mut Vec<Stamped>) -> bool {
        let mut lines = {
            let all = self.log.lines.lock();
            let behind = all.len() - self.next;
            // Little at a time, unless it has fallen behind.
            let count = (self.random.between(1, 12) as usize).max(behind / 4).min(behind);
            all[self.next..self.next + count].to_vec()
        };
        self.next += lines.len();
        self.distort(&mut lines);
        into.extend(lines.into_iter().map(|line| Stamped {
            ticket: (line.origin == self.origin).then_some(line.ticket),
            command: line.command,
            stamp: line.stamp,
        }));
        !into.is_empty()
    }

    /// The mutants of a reader.
    fn distort(&self, lines: &mut [Line]) {
        match self.mutation {
            Some(Mutation::OwnSalt) => {
                for line in lines {
                    line.stamp.salt = Salt::from_bytes([self.origin as u8; 16]);
                }
            }
            Some(Mutation::OwnOrder) if self.origin % 2 == 1 => lines.reverse(),
            _ => {}
        }
    }
}

#[async_trait]
impl CommandSource for LogSource {
    async fn drain(&mut self, into: &mut Vec<Stamped>) -> Result<(), SourceClosed> {
        loop {
            tokio::time::sleep_until(self.not_before).await;
            let log = self.log.clone();
            let grown = log.grown.notified();
            if self.take(into) {
                let pause = Duration::from_millis(self.random.below(40));
                self.not_before = Instant::now() + pause;
                return Ok(());
            }
            grown.await;
        }
    }
}
