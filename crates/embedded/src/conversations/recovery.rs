//! Opening: which rows and which journal belong together, and what of the journal the rows lack.
//!
//! Every conversation is, in the rows, at exactly one event; what the journal has at or below it is passed over, what follows it is
//! applied as if it had just been committed. The rows must not be behind what the journal has let go.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use parlance_journal::{self as journal, Directory, Files, Journal, Position, ReadError, Recovery};
use parlance_types::{ConversationId, Epoch};

use super::compacting::Compacting;
use super::error::OpenError;
use super::flusher::Flusher;
use super::head::Checkpoint;
use super::line::{self, Line};
use super::readers::Readers;
use super::rows::{RowError, Rows, View};
use super::store::{Miss, Reach, Store};
use super::{JOURNAL, Options, ROWS, key};

pub(super) fn open(directory: &Path, options: Options) -> Result<Flusher, OpenError> {
    let at = directory.join(JOURNAL);
    let files = Directory::create(&at).map_err(|error| OpenError::io(&at, error))?;
    open_on(Arc::new(files), directory, options)
}

/// With the journal in `files`, whatever those are.
pub(super) fn open_on(
    files: Arc<dyn Files>,
    directory: &Path,
    options: Options,
) -> Result<Flusher, OpenError> {
    let at = directory.join(JOURNAL);
    let (journal, recovery) =
        Journal::open(files, options.journal()).map_err(|error| OpenError::journal(&at, error))?;
    let rows_at = directory.join(ROWS);
    let rows = open_rows(&rows_at, &options)?;
    let in_rows = |error| OpenError::rows(&rows_at, error);
    let stored = stored_checkpoint(&rows).map_err(in_rows)?;
    let compacting = Compacting::load(&rows.view()).map_err(in_rows)?;
    let listed = if recovery.checkpoint.is_empty() {
        None
    } else {
        Some(decode(&at, recovery.checkpoint.clone().into())?)
    };
    let checkpoint = match (listed, stored) {
        (None, None) => begin(&at, &journal, &recovery)?,
        (Some(listed), stored) => agree(directory, listed, stored, &recovery)?,
        (None, Some(_)) => {
            let what = format!("{} is empty, but {} is not", at.display(), rows_at.display());
            return Err(OpenError::damaged(what));
        }
    };
    let readers = Readers::start(options.readers).map_err(OpenError::Thread)?;
    let store = Store::new(
        rows,
        readers,
        (journal.appender(), journal.copier()),
        checkpoint.epoch,
        recovery.end,
        options,
    );
    let store = Arc::new(store);
    let mut from = checkpoint.position;
    let mut flusher = Flusher::new(Arc::clone(&store), journal, checkpoint, compacting);
    // A segment that never held a record may go at any time; nothing behind the last two checkpoints does.
    while let Some(first) = replay(&mut flusher, from, &at)? {
        from = first;
    }
    store.replayed(recovery.end);
    Ok(flusher)
}

/// Applies what the journal has from a position on. Answers where to go on if the journal begins later.
fn replay(flusher: &mut Flusher, from: Position, at: &Path) -> Result<Option<Position>, OpenError> {
    let store = flusher.store();
    let mut next = from;
    let reader = match flusher.journal().reader(from) {
        Err(ReadError::Trimmed { first }) if first > from => return Ok(Some(first)),
        reader => reader.map_err(|error| OpenError::read(at, error))?,
    };
    for record in reader {
        let record = match record {
            Err(ReadError::Trimmed { first }) if first > next => return Ok(Some(first)),
            record => record.map_err(|error| OpenError::read(at, error))?,
        };
        let position = parlance_types::Position::new(record.position.get());
        store.replay(record.content, position).map_err(|what| {
            OpenError::damaged(format!("{} at position {position}: {what}", at.display()))
        })?;
        next = record.next;
        store.replayed(next);
        if store.options.is_pressed(store.table.lock().waiting) {
            flusher.pass().map_err(|error| OpenError::rows(&at.with_file_name(ROWS), error))?;
        }
    }
    Ok(None)
}

pub(super) fn open_rows(at: &Path, options: &Options) -> Result<Rows, OpenError> {
    Rows::open(at, options.cache_bytes).map_err(|error| OpenError::rows(at, error))
}

pub(super) fn stored_checkpoint(rows: &Rows) -> Result<Option<Checkpoint>, RowError> {
    checkpoint_of(&rows.view())
}

pub(super) fn checkpoint_of(view: &View) -> Result<Option<Checkpoint>, RowError> {
    let key = key::checkpoint();
    let Some(value) = view.get(&key)? else { return Ok(None) };
    Checkpoint::decode(value).map(Some).map_err(|error| RowError::in_row(&key, error))
}

pub(super) fn decode(at: &Path, bytes: Bytes) -> Result<Checkpoint, OpenError> {
    Checkpoint::decode(bytes)
        .map_err(|error| OpenError::damaged(format!("the checkpoint of {}: {error}", at.display())))
}

/// A new installation.
fn begin(at: &Path, journal: &Journal, recovery: &Recovery) -> Result<Checkpoint, OpenError> {
    if recovery.end != recovery.first && journal_has_records(at, journal)? {
        let what = format!("{} has records and no checkpoint", at.display());
        return Err(OpenError::damaged(what));
    }
    let epoch = new_epoch().map_err(|error| OpenError::io(at, error))?;
    let begin = recovery.end;
    let checkpoint =
        Checkpoint { epoch, begin, position: begin, previous: begin, conversations: 0, events: 0 };
    journal.set_checkpoint(&checkpoint.encode()).map_err(|error| match error {
        journal::CheckpointError::Io(source) => OpenError::io(at, source),
        error @ journal::CheckpointError::TooLarge { .. } => {
            OpenError::io(at, std::io::Error::other(error))
        }
    })?;
    Ok(checkpoint)
}

pub(super) fn new_epoch() -> std::io::Result<Epoch> {
    let mut epoch = [0; 16];
    getrandom::fill(&mut epoch).map_err(std::io::Error::other)?;
    Ok(Epoch::from_bytes(epoch))
}

fn journal_has_records(at: &Path, journal: &Journal) -> Result<bool, OpenError> {
    let mut reader = journal.reader(journal.first()).map_err(|error| OpenError::read(at, error))?;
    match reader.next() {
        None => Ok(false),
        Some(Ok(_)) => Ok(true),
        Some(Err(error)) => Err(OpenError::read(at, error)),
    }
}

/// What the rows hold is where replay begins, if the journal reaches back to it.
fn agree(
    directory: &Path,
    listed: Checkpoint,
    stored: Option<Checkpoint>,
    recovery: &Recovery,
) -> Result<Checkpoint, OpenError> {
    let nothing = Checkpoint {
        position: listed.begin,
        previous: listed.begin,
        conversations: 0,
        events: 0,
        ..listed
    };
    let stored = stored.unwrap_or(nothing);
    let rows = directory.join(ROWS);
    if stored.epoch != listed.epoch {
        return Err(OpenError::damaged(format!(
            "{} is of another installation than {}",
            rows.display(),
            directory.join(JOURNAL).display()
        )));
    }
    // Trimming never reaches beyond the checkpoint before the last one.
    if stored.position < listed.previous && stored.position < recovery.first {
        return Err(OpenError::damaged(format!(
            "{} lost what it held from position {} to {}, and the journal begins at {}: restore a backup",
            rows.display(),
            stored.position,
            listed.position,
            recovery.first,
        )));
    }
    if stored.position < listed.position {
        tracing::warn!(
            held = stored.position.get(),
            expected = listed.position.get(),
            "the rows lost their newest part: it is taken from the journal again"
        );
    }
    Ok(stored)
}

impl Store {
    /// Applies a record of the journal, unless the rows hold it.
    pub(super) fn replay(
        &self,
        content: Bytes,
        position: parlance_types::Position,
    ) -> Result<(), String> {
        let line = line::decode(content).map_err(|error| error.to_string())?;
        let id: ConversationId = match &line {
            Line::Entry(entry) => entry.record.conversation,
            Line::Mark(row) => row.conversation,
        };
        let table = self.locked_with(id, Reach::Disk);
        let mut table = table.map_err(|miss| match miss {
            Miss::Disk => "the head was not read".to_owned(),
            Miss::Store(error) => error.to_string(),
        })?;
        let seq = table.slot(id).map_or(0, |slot| slot.seq());
        match line {
            Line::Mark(row) => table.apply_mark(&row, position),
            Line::Entry(entry) if entry.record.seq.get() <= seq => {}
            Line::Entry(entry) if entry.record.seq.get() == seq + 1 => {
                table.apply(&entry, position);
            }
            Line::Entry(entry) => {
                return Err(format!(
                    "event {} of conversation {id} follows event {seq}",
                    entry.record.seq
                ));
            }
        }
        Ok(())
    }

    /// Everything before `next` is applied.
    fn replayed(&self, next: Position) {
        use std::sync::atomic::Ordering::Release;
        self.applied.store(next.get(), Release);
        self.end.store(next.get(), Release);
    }
}
