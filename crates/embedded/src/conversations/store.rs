//! What readers, committers and the flusher share, and the reads over memory and rows.
//!
//! A read is one function that is tried with memory alone first. If it needs the rows it is done again by a thread for that. It takes
//! what it needs from memory and a view of the rows under one lock, so that it sees one point of the log.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};

use parking_lot::{Condvar, Mutex, MutexGuard};
use parlance_journal as journal;
use parlance_ports::{StoreError, record};
use parlance_types::{ConversationId, Epoch};
use tokio::sync::oneshot;

use super::Options;
use super::commit::Held;
use super::head::StoredHead;
use super::key;
use super::readers::{HandOver, Readers};
use super::rows::{RowError, Rows, View};
use super::table::Table;

pub(super) struct Store {
    pub(super) table: Mutex<Table>,
    pub(super) rows: Rows,
    pub(super) appender: journal::Appender,
    pub(super) copier: journal::Copier,
    /// The position of the last record that is durable and applied.
    pub(super) applied: AtomicU64,
    /// The first position that is not applied.
    pub(super) end: AtomicU64,
    /// The journal had no room for the last group that it was offered.
    pub(super) full: AtomicBool,
    /// Submissions whose outcome the table does not know yet.
    pub(super) unanswered: AtomicUsize,
    pub(super) epoch: Epoch,
    pub(super) options: Options,
    pub(super) flush: FlushSignal,
    /// Answers held back until the flusher has caught up.
    pub(super) held: Mutex<Vec<Held>>,
    pub(super) builder: Mutex<journal::GroupBuilder>,
    readers: Readers,
}

/// How the flusher is woken.
#[derive(Default)]
pub(super) struct FlushSignal {
    pub(super) wanted: Mutex<Wanted>,
    pub(super) changed: Condvar,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Wanted {
    #[default]
    Nothing,
    Pass,
    /// Flush everything, write the end marker and stop.
    Close,
    /// Stop as soon as possible.
    Stop,
}

impl FlushSignal {
    pub(super) fn want(&self, wanted: Wanted) {
        let mut current = self.wanted.lock();
        *current = wanted.max(*current);
        drop(current);
        self.changed.notify_one();
    }
}

/// Why a read did not answer.
pub(super) enum Miss {
    /// Memory does not know.
    Disk,
    Store(StoreError),
}

impl From<RowError> for Miss {
    fn from(error: RowError) -> Self {
        Self::Store(error.into())
    }
}

impl From<record::RecordError> for Miss {
    fn from(error: record::RecordError) -> Self {
        Self::Store(StoreError::Damaged(format!("in memory: {error}")))
    }
}

/// How far a read may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    Memory,
    Disk,
}

impl Reach {
    /// A view of the rows, if they may be read.
    pub(super) fn view(self, store: &Store) -> Result<View, Miss> {
        match self {
            Self::Memory => Err(Miss::Disk),
            Self::Disk => Ok(store.rows.view()),
        }
    }
}

impl Store {
    pub(super) fn new(
        rows: Rows,
        readers: Readers,
        (appender, copier): (journal::Appender, journal::Copier),
        epoch: Epoch,
        end: journal::Position,
        options: Options,
    ) -> Self {
        Self {
            table: Mutex::new(Table::new()),
            rows,
            readers,
            appender,
            copier,
            applied: AtomicU64::new(end.get()),
            end: AtomicU64::new(end.get()),
            full: AtomicBool::new(false),
            unanswered: AtomicUsize::new(0),
            epoch,
            flush: FlushSignal::default(),
            held: Mutex::default(),
            builder: Mutex::default(),
            options,
        }
    }

    /// Makes sure that the slot of a conversation is in memory, reading its head if need be, and locks the table.
    pub(super) fn locked_with(
        &self,
        id: ConversationId,
        reach: Reach,
    ) -> Result<MutexGuard<'_, Table>, Miss> {
        loop {
            let mut table = self.table.lock();
            if table.slot(id).is_some() {
                return Ok(table);
            }
            let drops = table.drops;
            let view = reach.view(self)?;
            drop(table);
            let head = stored_head(&view, id)?.map(|stored| stored.head);
            let mut table = self.table.lock();
            if table.learn(id, head, drops) {
                return Ok(table);
            }
        }
    }

    /// Runs a read with memory alone, and if that is not enough again where it may wait for the disk.
    pub(super) async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        read: impl Fn(&Self, Reach) -> Result<T, Miss> + Send + 'static,
    ) -> Result<T, StoreError> {
        match read(self, Reach::Memory) {
            Ok(answer) => return Ok(answer),
            Err(Miss::Store(error)) => return Err(error),
            Err(Miss::Disk) => {}
        }
        let (answer, answered) = oneshot::channel();
        let store = Arc::clone(self);
        self.readers.push(Box::new(move || -> HandOver {
            if answer.is_closed() {
                return Box::new(|| ());
            }
            let outcome = catch_unwind(AssertUnwindSafe(|| read(&store, Reach::Disk)));
            // Who asked may go meanwhile.
            Box::new(move || drop(answer.send(outcome)))
        }));
        match answered.await {
            Ok(Ok(Ok(answer))) => Ok(answer),
            Ok(Ok(Err(Miss::Store(error)))) => Err(error),
            Ok(Ok(Err(Miss::Disk))) => {
                Err(StoreError::Unavailable("the rows were not read".into()))
            }
            // The LSM asserts what it reads; what it wrote itself holds.
            Ok(Err(_)) => {
                Err(StoreError::Damaged("the rows cannot be read: the reader panicked".into()))
            }
            Err(_) => Err(StoreError::Unavailable("the store was closed".into())),
        }
    }
}

pub(super) fn stored_head(view: &View, id: ConversationId) -> Result<Option<StoredHead>, RowError> {
    let key = key::head(id);
    let Some(value) = view.get(&key)? else { return Ok(None) };
    StoredHead::decode(value).map(Some).map_err(|error| RowError::in_row(&key, error))
}
