//! The thread that brings what memory holds into the rows, by pressure, by age and at the end, and owns the journal.
//!
//! A pass takes everything that is dirty, in the order of the keys, as one ingestion (or a few, if there is much), of which the last one
//! carries the checkpoint: the position before which the rows hold everything. Only then the manifest of the journal learns it, and
//! old segments go. A pass that fails changes nothing and is tried again; meanwhile memory is bounded by refusing commits. Where nothing
//! happens two more passes over nothing move the last two checkpoints to the end, so that the journal can let go of everything.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::time::Duration;

use parlance_journal::{GroupBuilder, Journal, Position};
use parlance_types::ConversationId;

use super::build::{Rest, build};
use super::compacting::Compacting;
use super::flushing::Flushed;
use super::head::Checkpoint;
use super::key;
use super::priority;
use super::retention::Retention;
use super::rows::RowError;
use super::store::{Store, Wanted};
use super::table::PARTS;

/// How long a failed pass waits for the next try, unless somebody asks.
const RETRY: Duration = Duration::from_secs(2);
/// Bytes of the rows behind the blocks that one ingestion gathers.
const REST_BYTES_MAX: usize = 32 << 20;
/// Passes ago that tails are told apart by.
const AGES: usize = 256;

pub(super) struct Flusher {
    store: Arc<Store>,
    journal: Journal,
    checkpoint: Checkpoint,
    pub(super) compacting: Compacting,
    retention: Retention,
}

impl Flusher {
    pub(super) fn new(
        store: Arc<Store>,
        journal: Journal,
        checkpoint: Checkpoint,
        compacting: Compacting,
    ) -> Self {
        Self { store, journal, checkpoint, compacting, retention: Retention::default() }
    }

    pub(super) fn store(&self) -> Arc<Store> {
        Arc::clone(&self.store)
    }

    pub(super) fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    pub(super) fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Until it is told to close or to stop.
    pub(super) fn run(mut self) -> Result<(), String> {
        priority::step_back();
        let mut patience = self.store.options.flush_age;
        loop {
            match self.wait(patience) {
                Wanted::Stop => {
                    self.compacting.close();
                    return Ok(());
                }
                Wanted::Close => return self.close(),
                wanted => patience = self.turn(wanted),
            }
        }
    }

    fn wait(&self, patience: Duration) -> Wanted {
        let mut wanted = self.store.flush.wanted.lock();
        if *wanted == Wanted::Nothing {
            self.store.flush.changed.wait_for(&mut wanted, patience);
        }
        std::mem::take(&mut *wanted)
    }

    /// Makes a pass if there is reason for it. Answers how long to wait for the next.
    fn turn(&mut self, wanted: Wanted) -> Duration {
        let is_pressed = self.store.options.is_pressed(self.store.table.lock().waiting);
        // Nobody asked: the time has come.
        let is_due = is_pressed || wanted == Wanted::Nothing;
        match if is_due { self.pass() } else { Ok(()) } {
            Ok(()) => {
                if wanted == Wanted::Nothing {
                    self.rest();
                }
                self.compacting.turn(&self.store);
                self.store.options.flush_age
            }
            Err(_) => RETRY,
        }
    }

    /// What is due though nothing happens: what the journal holds grows old.
    pub(super) fn rest(&mut self) {
        let end = Position::new(self.store.end.load(Ordering::Acquire));
        let is_idle = self.store.table.lock().dirty.is_empty();
        if is_idle && self.checkpoint.previous < end {
            // Told in the log; tried again the next time.
            drop(self.write(Vec::new(), end));
        } else {
            let Self { retention, journal, store, checkpoint, .. } = self;
            retention.turn(journal, &store.options, checkpoint.previous);
        }
    }

    pub(super) fn close(mut self) -> Result<(), String> {
        self.store.table.lock().stop("the store is closing");
        self.settle();
        loop {
            self.pass().map_err(|error| error.to_string())?;
            if self.store.table.lock().dirty.is_empty() {
                break;
            }
        }
        self.compacting.close();
        self.journal.close().map_err(|error| error.to_string())
    }

    /// Waits until everything that was submitted is durable or has failed.
    fn settle(&self) {
        let (sender, receiver) = mpsc::channel();
        let done = Box::new(move |_| sender.send(()).unwrap_or_default());
        if self.store.appender.append(&mut GroupBuilder::new(), done).is_ok() {
            // An error means that the journal dropped the question: then nothing is on its way.
            receiver.recv().unwrap_or_default();
        }
    }

    pub(super) fn pass(&mut self) -> Result<(), RowError> {
        let (mut dirty, end) = {
            let mut table = self.store.table.lock();
            let end = Position::new(self.store.end.load(Ordering::Acquire));
            (std::mem::take(&mut table.dirty), end)
        };
        if dirty.is_empty() {
            return Ok(());
        }
        dirty.sort_unstable();
        self.write(dirty, end)
    }

    pub(super) fn write(
        &mut self,
        dirty: Vec<ConversationId>,
        end: Position,
    ) -> Result<(), RowError> {
        // The LSM asserts what it reads.
        let done =
            catch_unwind(AssertUnwindSafe(|| self.flush(&dirty, end))).unwrap_or_else(|_| {
                Err(RowError::Damaged("the rows cannot be written: panicked".into()))
            });
        let mut table = self.store.table.lock();
        table.stuck = done.as_ref().err().map(RowError::to_string);
        if let Err(error) = &done {
            tracing::error!(%error, "could not flush conversations");
            // Those that were flushed before the failure are not dirty and will be passed over.
            table.dirty.extend(dirty);
            table.dirty.sort_unstable();
            table.dirty.dedup();
        }
        drop(table);
        for held in self.store.held.lock().drain(..) {
            held.release();
        }
        if done.is_ok() {
            self.tidy();
        }
        done
    }

    fn flush(&mut self, dirty: &[ConversationId], end: Position) -> Result<(), RowError> {
        let mut checkpoint =
            Checkpoint { position: end, previous: self.checkpoint.position, ..self.checkpoint };
        let mut left = self.ingest(dirty, &mut checkpoint)?;
        while !left.is_empty() {
            left = self.ingest(left, &mut checkpoint)?;
        }
        self.checkpoint = checkpoint;
        Ok(())
    }

    /// Writes the first conversations of `dirty`; answers those that are left.
    fn ingest<'a>(
        &mut self,
        dirty: &'a [ConversationId],
        checkpoint: &mut Checkpoint,
    ) -> Result<&'a [ConversationId], RowError> {
        let view = self.store.rows.view();
        let mut flushed: Vec<Flushed> = Vec::new();
        let mut left = dirty;
        let mut erased = self.compacting.erased;
        self.store.rows.ingest(|write| {
            let mut rest = Rest::default();
            let mut has_erased = false;
            while let Some((id, others)) = left.split_first() {
                if rest.bytes > REST_BYTES_MAX {
                    break;
                }
                left = others;
                let Some(copied) = self.store.table.lock().copy(*id) else { continue };
                let built = build(&copied, &view, write, &mut rest)?;
                has_erased |= built.has_erased;
                checkpoint.conversations += u64::from(copied.flushed == 0);
                checkpoint.events += copied.head.seq.get() - copied.flushed;
                flushed.push(copied.flushed(built));
            }
            if has_erased {
                erased = erased.one_more();
                rest.put(key::erased(), erased.encode());
            }
            if left.is_empty() {
                rest.put(key::checkpoint(), checkpoint.encode());
            }
            for (key, value) in rest.sorted() {
                write(key, &value)?;
            }
            Ok::<_, RowError>(())
        })?;
        self.compacting.erased = erased;
        let options = &self.store.options;
        for done in flushed {
            let mut table = self.store.table.lock();
            table.flushed(done, options.kept_events_max, options.kept_bytes_max);
        }
        Ok(left)
    }

    /// After a pass: the manifest, old segments, old memory.
    fn tidy(&mut self) {
        if let Err(error) = self.journal.set_checkpoint(&self.checkpoint.encode()) {
            tracing::error!(%error, "could not write the checkpoint");
            return;
        }
        self.retention.turn(&self.journal, &self.store.options, self.checkpoint.previous);
        self.forget();
    }

    /// Keeps the budget of tails and heads, one part of the table at a time.
    fn forget(&self) {
        let options = &self.store.options;
        self.store.table.lock().clock += 1;
        let mut by_age = [0; AGES];
        for part in 0..PARTS {
            self.store.table.lock().weigh(part, &mut by_age);
        }
        let mut kept = 0;
        let too_old = by_age.iter().position(|cost| {
            kept += cost;
            kept > options.tails_bytes_max
        });
        for part in 0..PARTS {
            if let Some(age) = too_old {
                self.store.table.lock().sweep_tails(part, age);
            }
            self.store.table.lock().sweep_slots(part, options.heads_max / PARTS);
        }
    }
}
