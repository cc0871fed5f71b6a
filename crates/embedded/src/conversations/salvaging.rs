//! A store made of what can be read of a damaged one, which stays as it is.
//!
//! The rows are taken as they are, if every list and table of them is whole. On top of them goes every record of the journal that can be read
//! and that continues its conversation; what does not is a loss, and told. **Law**: what is taken is what was acknowledged, without a gap,
//! from the first event of its conversation on. The store has another epoch, and a journal that begins behind all positions of the old.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use parlance_journal::{self as journal, Directory, Journal};
use parlance_types::{ConversationId, Epoch};

use super::compacting::Compacting;
use super::error::OpenError;
use super::flusher::Flusher;
use super::head::Checkpoint;
use super::line::{self, Line};
use super::readers::Readers;
use super::recovery::{decode, new_epoch, open_rows, stored_checkpoint};
use super::store::{Miss, Reach, Store};
use super::{JOURNAL, Options, ROWS, manifest};

/// Events of a conversation that are not in the new store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loss {
    pub conversation: ConversationId,
    /// The first of them, by seq.
    pub from: u64,
    /// The last that is known of; there may have been more.
    pub up_to: u64,
}

/// What became of a damaged store.
#[derive(Clone, Debug)]
pub struct Salvaged {
    pub epoch: Epoch,
    /// What was taken from the journal, beyond what the rows had.
    pub replayed: u64,
    pub losses: Vec<Loss>,
    /// The places of the journal that cannot be read.
    pub unreadable: Vec<String>,
    /// The rows were no good, and are made again from the journal.
    pub rows_remade: bool,
}

/// Makes in `into` a store of what can be read in `from`, which no process may have open.
pub(crate) fn salvage(from: &Path, into: &Path, options: Options) -> Result<Salvaged, OpenError> {
    let old = from.join(JOURNAL);
    let files = Directory::create(&old).map_err(|error| OpenError::io(&old, error))?;
    let look = |visit: &mut dyn FnMut(journal::Position, &[u8])| {
        journal::verify(&files, visit, &mut |_| {}).map_err(|error| OpenError::journal(&old, error))
    };
    let report = look(&mut |_, _| {})?;
    let rows_remade = !are_whole(&from.join(ROWS));
    if !rows_remade {
        copy(&from.join(ROWS), &into.join(ROWS))?;
    }
    let mut flusher = begin(&old, into, &report, options)?;
    let mut pass = Pass {
        store: flusher.store(),
        from: flusher.checkpoint().position,
        replayed: 0,
        losses: BTreeMap::new(),
        failure: None,
    };
    look(&mut |position, content| pass.take(&mut flusher, position, content))?;
    if let Some(failure) = pass.failure {
        return Err(failure);
    }
    let epoch = pass.store.epoch;
    // Rows and journal get the new epoch even where nothing had to be added.
    let end = journal::Position::new(pass.store.end.load(Ordering::Acquire));
    let in_rows = |error| OpenError::rows(&into.join(ROWS), error);
    flusher.pass().map_err(in_rows)?;
    flusher.write(Vec::new(), end).map_err(in_rows)?;
    let (replayed, losses) = (pass.replayed, pass.losses.into_values().collect());
    flusher.close().map_err(|error| OpenError::io(into, io::Error::other(error)))?;
    let unreadable = report.damages.iter().map(|damage| format!("journal/{damage}")).collect();
    Ok(Salvaged { epoch, replayed, losses, unreadable, rows_remade })
}

/// Whether the LSM can be trusted with them. No rows are none to trust.
fn are_whole(rows: &Path) -> bool {
    rows.is_dir()
        && manifest::check(rows).is_ok()
        && manifest::damaged_tables(rows).is_ok_and(|damaged| damaged.is_empty())
}

fn copy(from: &Path, to: &Path) -> Result<(), OpenError> {
    let copied = (|| -> io::Result<()> {
        fs::create_dir_all(to)?;
        let mut folders = vec![(from.to_owned(), to.to_owned())];
        while let Some((from, to)) = folders.pop() {
            for entry in fs::read_dir(&from)? {
                let entry = entry?;
                let place = to.join(entry.file_name());
                if entry.file_type()?.is_dir() {
                    fs::create_dir(&place)?;
                    folders.push((entry.path(), place));
                } else {
                    fs::copy(entry.path(), &place)?;
                    fs::File::open(&place)?.sync_all()?;
                }
            }
        }
        Ok(())
    })();
    copied.map_err(|error| OpenError::io(from, error))
}

/// The rows, and an empty journal behind everything that there was.
fn begin(
    old: &Path,
    into: &Path,
    report: &journal::Report,
    options: Options,
) -> Result<Flusher, OpenError> {
    let (rows_at, at) = (into.join(ROWS), into.join(JOURNAL));
    let in_rows = |error| OpenError::rows(&rows_at, error);
    let rows = open_rows(&rows_at, &options)?;
    let stored = stored_checkpoint(&rows).map_err(in_rows)?;
    let compacting = Compacting::load(&rows.view()).map_err(in_rows)?;
    let listed = match report.checkpoint.as_slice() {
        [] => None,
        bytes => Some(decode(old, Bytes::copy_from_slice(bytes))?),
    };
    let begin = listed.or(stored).map_or(journal::Position::START, |known| known.begin);
    let epoch = new_epoch().map_err(|error| OpenError::io(into, error))?;
    let checkpoint = match stored {
        Some(stored) => Checkpoint { epoch, ..stored },
        None if report.first > begin => {
            return Err(OpenError::damaged(format!(
                "the rows cannot be read, and {} begins at position {}, after they did: restore a backup",
                old.display(),
                report.first
            )));
        }
        None => Checkpoint {
            epoch,
            begin,
            position: begin,
            previous: begin,
            conversations: 0,
            events: 0,
        },
    };
    let next = report.next.max(checkpoint.position);
    let io = |error| OpenError::io(&at, error);
    let files = Directory::create(&at).map_err(io)?;
    Journal::begin(&files, next).map_err(io)?;
    let (journal, recovery) = Journal::open(Arc::new(files), options.journal())
        .map_err(|error| OpenError::journal(&at, error))?;
    let readers = Readers::start(options.readers).map_err(OpenError::Thread)?;
    let ends = (journal.appender(), journal.copier());
    let store = Store::new(rows, readers, ends, epoch, recovery.end, options);
    Ok(Flusher::new(Arc::new(store), journal, checkpoint, compacting))
}

/// Records on their way from one journal into the other store.
struct Pass {
    store: Arc<Store>,
    /// The rows have what lies before.
    from: journal::Position,
    replayed: u64,
    losses: BTreeMap<ConversationId, Loss>,
    failure: Option<OpenError>,
}

impl Pass {
    fn take(&mut self, flusher: &mut Flusher, position: journal::Position, content: &[u8]) {
        if position < self.from || self.failure.is_some() {
            return;
        }
        // What cannot be read is named by the check that comes before and after.
        let Ok(line) = line::decode(Bytes::copy_from_slice(content)) else { return };
        let done = match self.continues(&line) {
            Ok(true) => self.replay(flusher, position, content),
            Ok(false) => Ok(()),
            Err(what) => Err(OpenError::damaged(what)),
        };
        self.failure = done.err();
    }

    fn replay(
        &mut self,
        flusher: &mut Flusher,
        position: journal::Position,
        content: &[u8],
    ) -> Result<(), OpenError> {
        let position = parlance_types::Position::new(position.get());
        let applied = self.store.replay(Bytes::copy_from_slice(content), position);
        applied.map_err(OpenError::damaged)?;
        self.replayed += 1;
        if self.store.options.is_pressed(self.store.table.lock().waiting) {
            flusher.pass().map_err(|error| OpenError::rows(self.store.rows.path(), error))?;
        }
        Ok(())
    }

    /// Whether it can be taken. What follows a gap of its conversation is lost with it, and marks there may be about what is lost.
    fn continues(&mut self, line: &Line) -> Result<bool, String> {
        let entry = match line {
            Line::Mark(row) => return Ok(!self.losses.contains_key(&row.conversation)),
            Line::Entry(entry) => entry,
        };
        let (conversation, found) = (entry.record.conversation, entry.record.seq.get());
        let mut table =
            self.store.locked_with(conversation, Reach::Disk).map_err(|miss| match miss {
                Miss::Disk => "the head was not read".to_owned(),
                Miss::Store(error) => error.to_string(),
            })?;
        let seq = table.slot(conversation).map_or(0, |slot| slot.seq());
        drop(table);
        if found <= seq + 1 {
            return Ok(true);
        }
        let loss = Loss { conversation, from: seq + 1, up_to: found };
        self.losses.entry(conversation).or_insert(loss).up_to = found;
        Ok(false)
    }
}
