//! Erased is erased only when no table of the LSM has the old version of the row any more, and the LSM keeps those until its tables are
//! merged, which may be never. So after passes that erased something all tables are merged, on a thread of its own: the first time at
//! once, then at most once in [`super::Options::compact_age`].
//!
//! Two small rows survive a crash: how many passes have erased (written by each of them), and up to which of these the tables were
//! merged. What the LSM needs for it: room for the rows once more, and no view of the rows that is older than the last such pass.

use std::sync::{Arc, mpsc};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::{Buf, Bytes};
use parlance_journal::{Directory, Files};
use parlance_ports::record::RecordError;

use super::key;
use super::rows::{RowError, View};
use super::store::Store;

/// How long closing waits for tables that are being merged. The merge is made again after the next opening.
const CLOSE_PATIENCE: Duration = Duration::from_secs(5);

/// How long a failed merge is not tried again: what fails is likely to fail again, after reading much.
const RETRY_MS: u64 = 60 * 60 * 1000;

/// A number of passes that erased something, and a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Erasures {
    pub(super) passes: u64,
    pub(super) at_ms: u64,
}

const VERSION: u8 = 1;

impl Erasures {
    pub(super) fn encode(self) -> Vec<u8> {
        let mut out = vec![VERSION];
        out.extend_from_slice(&self.passes.to_be_bytes());
        out.extend_from_slice(&self.at_ms.to_be_bytes());
        out
    }

    pub(super) fn decode(mut bytes: Bytes) -> Result<Self, RecordError> {
        match bytes.try_get_u8().map_err(|_| RecordError::Short)? {
            VERSION if bytes.len() < 16 => Err(RecordError::Short),
            VERSION => Ok(Self { passes: bytes.get_u64(), at_ms: bytes.get_u64() }),
            other => Err(RecordError::Version(other)),
        }
    }

    pub(super) fn one_more(self) -> Self {
        Self { passes: self.passes + 1, at_ms: now_ms() }
    }
}

/// What was erased, what of it is merged, and the merge that is going on.
#[derive(Default)]
pub(super) struct Compacting {
    pub(super) erased: Erasures,
    compacted: Erasures,
    /// When the last merge failed, if it did.
    failed_ms: Option<u64>,
    running: Option<mpsc::Receiver<Result<Erasures, RowError>>>,
}

impl Compacting {
    pub(super) fn load(view: &View) -> Result<Self, RowError> {
        let (erased, compacted) = (stored(view, &key::erased())?, stored(view, &key::compacted())?);
        Ok(Self { erased, compacted, ..Self::default() })
    }

    /// Nothing that was erased is left in any table.
    pub(super) fn is_done(&self) -> bool {
        self.compacted.passes >= self.erased.passes
    }

    /// Notes that a merge has ended, and begins one if it is due. Called between two passes.
    pub(super) fn turn(&mut self, store: &Arc<Store>) {
        if let Some(running) = &self.running {
            match running.try_recv() {
                Err(mpsc::TryRecvError::Empty) => return,
                outcome => self.ended(outcome.ok()),
            }
        }
        if self.is_due(store.options.compact_age) && has_room(store) {
            self.begin(store);
        }
    }

    /// Waits until no merge is going on, but not for ever. Answers whether none is.
    pub(super) fn wait(&mut self, patience: Duration) -> bool {
        let Some(running) = &self.running else { return true };
        match running.recv_timeout(patience) {
            Err(mpsc::RecvTimeoutError::Timeout) => false,
            outcome => {
                self.ended(outcome.ok());
                true
            }
        }
    }

    pub(super) fn close(&mut self) {
        if !self.wait(CLOSE_PATIENCE) {
            tracing::info!("tables are still being merged: that begins again after the next start");
        }
    }

    fn is_due(&self, age: Duration) -> bool {
        let age_ms = u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
        // A clock that went back says nothing.
        let is_past =
            |at_ms, age_ms| now_ms().checked_sub(at_ms).is_none_or(|since| since >= age_ms);
        !self.is_done()
            && is_past(self.compacted.at_ms, age_ms)
            && self.failed_ms.is_none_or(|at_ms| is_past(at_ms, RETRY_MS))
    }

    fn begin(&mut self, store: &Arc<Store>) {
        let covered = Erasures { passes: self.erased.passes, at_ms: now_ms() };
        let (before, store) = (self.compacted, Arc::clone(store));
        let (sender, receiver) = mpsc::sync_channel(1);
        let run = move || {
            let (before, after) = (before.encode(), covered.encode());
            let done = store.rows.compact(&key::compacted(), &before, &after);
            // Released before anybody hears of it: who waits may want to open the rows again.
            drop(store);
            // Nobody may listen any more.
            drop(sender.send(done.map(|()| covered)));
        };
        let thread = std::thread::Builder::new().name("conversation-compact".to_owned());
        match thread.spawn(run) {
            Ok(_) => self.running = Some(receiver),
            Err(error) => tracing::warn!(%error, "could not merge what was erased out of tables"),
        }
    }

    /// `None`: the thread panicked.
    fn ended(&mut self, outcome: Option<Result<Erasures, RowError>>) {
        self.running = None;
        self.failed_ms = if matches!(outcome, Some(Ok(_))) { None } else { Some(now_ms()) };
        match outcome {
            Some(Ok(covered)) => self.compacted = covered,
            Some(Err(error)) => {
                tracing::error!(%error, "could not merge what was erased out of tables");
            }
            None => tracing::error!("the thread that merges tables panicked"),
        }
    }
}

pub(super) fn stored(view: &View, key: &[u8]) -> Result<Erasures, RowError> {
    let Some(value) = view.get(key)? else { return Ok(Erasures::default()) };
    Erasures::decode(value).map_err(|error| RowError::in_row(key, error))
}

/// A merge writes everything once more before anything goes.
fn has_room(store: &Store) -> bool {
    let needed = store.rows.bytes().saturating_add(store.options.reserve_bytes);
    match Directory::create(store.rows.path()).and_then(|directory| directory.free_bytes()) {
        Ok(free) if free < needed => {
            tracing::warn!(free, needed, "no room to merge what was erased out of tables");
            false
        }
        Ok(_) => true,
        Err(error) => {
            tracing::warn!(%error, "could not tell how much room there is to merge tables");
            false
        }
    }
}

fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}
