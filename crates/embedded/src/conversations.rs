//! The conversation store: a journal for durability, tails in memory for what is new, compressed blocks in an LSM for the rest.
//!
//! ```text
//! commit ──► journal ──► tails ──── flusher ────► rows (blocks, heads, memberships, overlays, …)
//!             fsync        ▲ reads: memory first, then rows, at one point of the log
//! ```
//!
//! Invariants: nothing is answered or shown before the journal has synced it; a conversation is, in the rows, at exactly one event,
//! with everything that belongs to it; what memory and rows hold together has no gap. It refuses to know what an event means
//! and who may see it.

mod block;
mod build;
mod commit;
mod compacting;
mod erasing;
mod error;
mod flusher;
mod flushing;
mod freezing;
mod head;
mod index;
mod key;
mod line;
mod manifest;
mod names;
mod places;
pub(crate) mod priority;
mod range;
mod readers;
mod reads;
mod recovery;
mod retention;
mod rows;
mod salvaging;
mod store;
mod table;
mod tail;
mod verify;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use parlance_journal as journal;
use parlance_ports::{
    CommitError, CommitFuture, ConversationStore, EventSink, Group, HeadRow, Loaded, MembershipRow,
    RangeQuery, Snapshot, StoreError,
};
use parlance_types::{AccountId, ConversationId, Epoch, MessageId, Overlay, Position, Record, Seq};

use store::{Store, Wanted};

pub use error::OpenError;
pub(crate) use freezing::{Frozen, thaw};
pub(crate) use rows::RowError;
pub(crate) use salvaging::salvage;
pub use salvaging::{Loss, Salvaged};
pub use verify::{Problem, Progress, Report, verify};

/// Folders of the data directory.
pub(crate) const JOURNAL: &str = "journal";
const ROWS: &str = "rows";

/// How much of what; the defaults are for one node with some hundred MiB to spare.
#[derive(Clone)]
pub struct Options {
    /// Bytes in memory that the rows lack: from half of it on they are flushed, beyond it answers wait for the flusher.
    pub waiting_bytes_max: usize,
    /// What memory holds is flushed after this time at the latest.
    pub flush_age: Duration,
    /// Events of a conversation that stay in memory after a flush.
    pub kept_events_max: usize,
    /// Bytes of them.
    pub kept_bytes_max: usize,
    /// Bytes of all tails together after a flush.
    pub tails_bytes_max: usize,
    /// Heads in memory.
    pub heads_max: usize,
    /// Bytes of rows that the LSM caches.
    pub cache_bytes: u64,
    /// Threads that read rows.
    pub readers: usize,
    /// How often the tables of the rows are merged at most, so that what was erased is gone from them too.
    pub compact_age: Duration,
    /// How long the journal keeps a record, beyond the last two checkpoints.
    pub journal_age_max: Duration,
    /// How much of it is kept, and never more than a tenth of the disk.
    pub journal_bytes_max: u64,
    pub segment_bytes: u64,
    /// Free space that is left to others.
    pub reserve_bytes: u64,
    /// Hears of every group that the journal wrote.
    pub observer: Option<Arc<dyn journal::Observer>>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            waiting_bytes_max: 64 << 20,
            flush_age: Duration::from_mins(5),
            kept_events_max: 64,
            kept_bytes_max: 32 << 10,
            tails_bytes_max: 48 << 20,
            heads_max: 400_000,
            cache_bytes: 32 << 20,
            readers: 4,
            compact_age: Duration::from_hours(12),
            journal_age_max: Duration::from_hours(24),
            journal_bytes_max: 8 << 30,
            segment_bytes: 64 << 20,
            reserve_bytes: 64 << 20,
            observer: None,
        }
    }
}

impl Options {
    fn is_pressed(&self, waiting: usize) -> bool {
        waiting >= self.waiting_bytes_max / 2
    }

    fn journal(&self) -> journal::Options {
        journal::Options {
            segment_bytes: self.segment_bytes,
            reserve_bytes: self.reserve_bytes,
            observer: self.observer.clone(),
            ..journal::Options::default()
        }
    }
}

/// Whether commits are taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    Taking,
    /// There is no room. Every commit looks again.
    Full,
    /// Not before the store is opened again.
    Stopped(String),
}

/// Conversations on disk. Clones share one store; when the last one is dropped without [`Conversations::close`], the next opening
/// replays the journal.
#[derive(Clone)]
pub struct Conversations {
    owner: Arc<Owner>,
}

struct Owner {
    store: Arc<Store>,
    flusher: Mutex<Option<JoinHandle<Result<(), String>>>>,
}

impl Conversations {
    /// Opens or makes the store in `directory`, and replays what a crash left. Waits for the disk.
    pub fn open(directory: &Path, options: Options) -> Result<Self, OpenError> {
        let flusher = recovery::open(directory, options)?;
        let store = flusher.store();
        let thread = std::thread::Builder::new().name("conversation-flush".to_owned());
        let thread = thread.spawn(move || flusher.run()).map_err(OpenError::Thread)?;
        let flusher = Mutex::new(Some(thread));
        Ok(Self { owner: Arc::new(Owner { store, flusher }) })
    }

    /// Whether a store was made in `directory`.
    pub fn are_in(directory: &Path) -> bool {
        directory.join(JOURNAL).exists() || directory.join(ROWS).exists()
    }

    /// Refuses further commits, flushes everything and writes the end marker, so that the next opening replays nothing. An error
    /// means that it will: nothing is lost.
    pub async fn close(&self) -> Result<(), String> {
        let Some(thread) = self.owner.flusher.lock().take() else { return Ok(()) };
        self.owner.store.flush.want(Wanted::Close);
        let joined = tokio::task::spawn_blocking(move || thread.join()).await;
        match joined {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) | Err(_) => Err("the flusher panicked".to_owned()),
        }
    }

    /// Whether commits are taken, as far as the last one told.
    pub fn standing(&self) -> Standing {
        let store = self.store();
        match store.table.lock().refusal(store.options.waiting_bytes_max) {
            Some(CommitError::Full) => Standing::Full,
            Some(error) => Standing::Stopped(error.to_string()),
            None if store.full.load(Ordering::Acquire) => Standing::Full,
            None => Standing::Taking,
        }
    }

    fn store(&self) -> &Arc<Store> {
        &self.owner.store
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.store.flush.want(Wanted::Stop);
        if self.flusher.lock().take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread that flushes conversations panicked");
        }
    }
}

impl EventSink for Conversations {
    fn commit(&self, group: Group) -> CommitFuture {
        commit::commit(self.store(), group)
    }

    fn durable(&self) -> Position {
        Position::new(self.store().applied.load(Ordering::Acquire))
    }
}

#[async_trait]
impl ConversationStore for Conversations {
    fn epoch(&self) -> Epoch {
        self.store().epoch
    }

    async fn load(&self, conversation: ConversationId) -> Result<Option<Loaded>, StoreError> {
        self.store().read(move |store, reach| reads::load(store, reach, conversation)).await
    }

    fn save(&self, conversation: ConversationId, snapshot: Snapshot) {
        self.store().table.lock().save(conversation, snapshot);
    }

    async fn heads(
        &self,
        conversations: &[ConversationId],
    ) -> Result<Vec<Option<HeadRow>>, StoreError> {
        let ids = conversations.to_vec();
        self.store().read(move |store, reach| reads::heads(store, reach, &ids)).await
    }

    async fn range(&self, query: RangeQuery) -> Result<Vec<Record>, StoreError> {
        self.store().read(move |store, reach| range::range(store, reach, query)).await
    }

    async fn original(
        &self,
        conversation: ConversationId,
        sender: AccountId,
        message_id: MessageId,
    ) -> Result<Option<Record>, StoreError> {
        let read = move |store: &Store, reach| {
            names::original(store, reach, conversation, sender, message_id)
        };
        self.store().read(read).await
    }

    async fn overlays(
        &self,
        conversation: ConversationId,
        from: Seq,
        up_to: Seq,
    ) -> Result<Vec<(Seq, Overlay)>, StoreError> {
        let read =
            move |store: &Store, reach| reads::overlays(store, reach, conversation, (from, up_to));
        self.store().read(read).await
    }

    async fn changes(
        &self,
        conversation: ConversationId,
        after: u64,
        up_to: Seq,
        max: usize,
    ) -> Result<Vec<Seq>, StoreError> {
        let read = move |store: &Store, reach| {
            reads::changes(store, reach, conversation, (after, up_to), max)
        };
        self.store().read(read).await
    }

    async fn membership(
        &self,
        account: AccountId,
        conversation: ConversationId,
    ) -> Result<Option<MembershipRow>, StoreError> {
        self.store()
            .read(move |store, reach| reads::membership(store, reach, account, conversation))
            .await
    }

    async fn memberships(
        &self,
        account: AccountId,
    ) -> Result<Vec<(ConversationId, MembershipRow)>, StoreError> {
        self.store().read(move |store, reach| reads::memberships(store, reach, account)).await
    }
}

#[cfg(test)]
mod tests;
