//! The store at one moment, for a backup, and a store made of what a backup holds.
//!
//! Frozen, the rows are those of one view, and the journal is kept from the checkpoint in it; so what both hold together has no gap,
//! whatever is committed and flushed meanwhile. Replaying is what an opening after a crash does.

use std::path::Path;

use bytes::Bytes;
use parlance_journal::{self as journal, Journal, Pin};
use parlance_types::Epoch;

use super::head::Checkpoint;
use super::key;
use super::rows::{RowError, View};
use super::{Conversations, JOURNAL, OpenError, Options, ROWS, recovery};

/// What a backup takes.
pub(crate) struct Frozen {
    view: View,
    pin: Pin,
    checkpoint: Checkpoint,
    /// Roughly, and on the disk.
    pub(crate) rows_bytes: u64,
}

impl Conversations {
    pub(crate) fn freeze(&self) -> Result<Frozen, OpenError> {
        let store = self.store();
        let mut pin = store.copier.pin();
        let view = store.rows.view();
        let stored = recovery::checkpoint_of(&view);
        let stored = stored.map_err(|error| OpenError::rows(store.rows.path(), error))?;
        let checkpoint = stored.unwrap_or_else(|| nothing(store.epoch, pin.from()));
        pin.move_to(checkpoint.position);
        Ok(Frozen { view, pin, checkpoint, rows_bytes: store.rows.bytes() })
    }
}

/// Of rows that the flusher never wrote to.
fn nothing(epoch: Epoch, begin: journal::Position) -> Checkpoint {
    Checkpoint { epoch, begin, position: begin, previous: begin, conversations: 0, events: 0 }
}

impl Frozen {
    pub(crate) fn epoch(&self) -> Epoch {
        self.checkpoint.epoch
    }

    /// Everything that was acknowledged before this call.
    pub(crate) fn journal(&self) -> journal::Copy {
        self.pin.copy()
    }

    /// All rows in the order of their keys; the checkpoint is always among them.
    pub(crate) fn rows(&self) -> impl Iterator<Item = Result<(Bytes, Bytes), RowError>> + use<> {
        let ours = (Bytes::from(key::checkpoint()), Bytes::from(self.checkpoint.encode()));
        let before = self.view.range(vec![0]..=key::checkpoint());
        let before = before.filter(|row| !matches!(row, Ok((key, _)) if *key == key::checkpoint()));
        let after = self.view.range(vec![key::CHECKPOINT + 1]..=vec![u8::MAX]);
        before.chain(std::iter::once(Ok(ours))).chain(after)
    }
}

/// Makes a store of rows in the order of their keys; its journal is in its place already. It has a new epoch, because what it lacks may be
/// known to clients, and everything is in its rows when this returns.
pub(crate) async fn thaw<E>(
    directory: &Path,
    options: Options,
    rows: impl Iterator<Item = Result<(Bytes, Bytes), E>> + Send + 'static,
) -> Result<Epoch, E>
where
    E: From<OpenError> + Send + 'static,
{
    let (place, small) = (directory.to_owned(), options.clone());
    let filled = tokio::task::spawn_blocking(move || fill(&place, &small, rows)).await;
    filled.unwrap_or_else(|_| Err(panicked().into()))?;
    let place = directory.to_owned();
    let opened = tokio::task::spawn_blocking(move || Conversations::open(&place, options)).await;
    let store = opened.unwrap_or_else(|_| Err(panicked()))?;
    let epoch = store.store().epoch;
    let close = |why| OpenError::io(directory, std::io::Error::other(why));
    store.close().await.map_err(close)?;
    Ok(epoch)
}

fn panicked() -> OpenError {
    OpenError::damaged("what was restored cannot be opened: panicked")
}

fn fill<E: From<OpenError>>(
    directory: &Path,
    options: &Options,
    rows: impl Iterator<Item = Result<(Bytes, Bytes), E>>,
) -> Result<(), E> {
    let (rows_at, journal_at) = (directory.join(ROWS), directory.join(JOURNAL));
    let mut checkpoint = None;
    let store = recovery::open_rows(&rows_at, options)?;
    store
        .ingest(|write| {
            for row in rows {
                let (key, value) = row.map_err(Either::Other)?;
                if key == key::checkpoint() {
                    let renewed = renew(value).map_err(Either::Open)?;
                    write(key.to_vec(), &renewed)?;
                    checkpoint = Some(renewed);
                } else {
                    write(key.to_vec(), &value)?;
                }
            }
            Ok(())
        })
        .map_err(|error| match error {
            Either::Other(error) => error,
            Either::Open(error) => error.into(),
            Either::Rows(error) => OpenError::rows(&rows_at, error).into(),
        })?;
    drop(store);
    let checkpoint =
        checkpoint.ok_or_else(|| OpenError::damaged("the backup has no checkpoint"))?;
    let (journal, _) = Journal::open_directory(&journal_at, options.journal())
        .map_err(|error| OpenError::journal(&journal_at, error))?;
    let io = |error: std::io::Error| OpenError::io(&journal_at, error);
    journal.set_checkpoint(&checkpoint).map_err(|error| io(std::io::Error::other(error)))?;
    journal.close().map_err(|error| io(std::io::Error::other(error)))?;
    Ok(())
}

/// The same checkpoint of another epoch.
fn renew(value: Bytes) -> Result<Vec<u8>, OpenError> {
    let checkpoint = Checkpoint::decode(value)
        .map_err(|error| OpenError::damaged(format!("the checkpoint of the backup: {error}")))?;
    let epoch = recovery::new_epoch().map_err(|error| OpenError::io(Path::new("."), error))?;
    Ok(Checkpoint { epoch, ..checkpoint }.encode())
}

enum Either<E> {
    Other(E),
    Open(OpenError),
    Rows(RowError),
}

impl<E> From<RowError> for Either<E> {
    fn from(error: RowError) -> Self {
        Self::Rows(error)
    }
}
