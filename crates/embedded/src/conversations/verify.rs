//! A look at everything at rest that changes nothing and names what is wrong and where: the journal, every row, and whether what they
//! say of each conversation fits together.
//!
//! Chains and digests are the caller's, who gets every event, conversation by conversation, in order. It refuses to repair.

mod conversation;
mod orphans;

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use hashbrown::HashMap;
use parlance_journal::{self as journal, Directory};
use parlance_types::{ConversationId, Record, Seq};

use super::error::OpenError;
use super::head::{Checkpoint, StoredHead};
use super::line::{self, Line};
use super::recovery::{open_rows, stored_checkpoint};
use super::rows::{RowError, View};
use super::{JOURNAL, Options, ROWS, compacting, key, manifest};

/// Problems that are listed; more of them say nothing new.
const PROBLEMS_MAX: usize = 1000;

/// Something that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub file: PathBuf,
    /// The conversation it concerns, where one is concerned.
    pub conversation: Option<ConversationId>,
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.file.display(), self.what)?;
        match self.conversation {
            Some(id) if !self.what.contains(&id.to_string()) => write!(f, " (conversation {id})"),
            _ => Ok(()),
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    pub conversations: u64,
    pub events: u64,
    pub segments: usize,
    /// Records of the journal.
    pub records: u64,
    /// The store was closed properly.
    pub closed: bool,
    /// The first of what is wrong.
    pub problems: Vec<Problem>,
    /// How much is wrong.
    pub problem_count: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    Journal { bytes_done: u64, bytes_total: u64 },
    Conversations { done: u64, total: u64 },
}

/// Fails only if there is no store, or it is in use.
pub fn verify(
    directory: &Path,
    visit: &mut dyn FnMut(&Record),
    progress: &mut dyn FnMut(Progress),
) -> Result<Report, OpenError> {
    let at = directory.join(JOURNAL);
    if !at.is_dir() {
        return Err(OpenError::io(&at, std::io::ErrorKind::NotFound.into()));
    }
    let mut pass = Pass {
        journal: at,
        rows: directory.join(ROWS),
        report: Report::default(),
        later: HashMap::new(),
        visit,
    };
    // Before the LSM is open: it may merge tables while they are read.
    let damaged_tables = manifest::damaged_tables(&pass.rows);
    let opened = match open_rows(&pass.rows, &Options::default()) {
        Ok(rows) => match stored_checkpoint(&rows) {
            Ok(checkpoint) => Some((rows, checkpoint)),
            Err(error) => {
                pass.row_problem(None, &error);
                Some((rows, None))
            }
        },
        Err(error @ OpenError::InUse(_)) => return Err(error),
        Err(error) => {
            let what = match error {
                OpenError::Damaged { what } => what,
                OpenError::Io { source, .. } => format!("cannot be read: {source}"),
                error => error.to_string(),
            };
            pass.problem(pass.rows.clone(), None, what);
            None
        }
    };
    match damaged_tables {
        Ok(tables) => {
            for (file, what) in tables {
                pass.problem(file, None, what);
            }
        }
        Err(error) => pass.row_problem(None, &error),
    }
    let checkpoint = opened.as_ref().and_then(|(_, checkpoint)| *checkpoint);
    // Without rows nothing can be compared to what follows them.
    let from = match (&opened, checkpoint) {
        (None, _) => journal::Position::new(u64::MAX),
        (Some(_), None) => journal::Position::START,
        (Some(_), Some(checkpoint)) => checkpoint.position,
    };
    pass.journal(checkpoint, from, progress)?;
    if let Some((rows, checkpoint)) = &opened {
        // The LSM asserts what it reads; what is not named yet is named here.
        let all = catch_unwind(AssertUnwindSafe(|| {
            pass.conversations(&rows.view(), *checkpoint, progress);
        }));
        if all.is_err() {
            pass.problem(pass.rows.clone(), None, "the rows cannot be read: panicked".into());
        }
    }
    Ok(pass.report)
}

struct Pass<'a> {
    journal: PathBuf,
    rows: PathBuf,
    report: Report,
    /// Events of the journal from the checkpoint on: what the rows need not hold yet.
    later: HashMap<ConversationId, Vec<Record>>,
    visit: &'a mut dyn FnMut(&Record),
}

impl Pass<'_> {
    fn problem(&mut self, file: PathBuf, conversation: Option<ConversationId>, what: String) {
        self.report.problem_count += 1;
        if self.report.problems.len() < PROBLEMS_MAX {
            self.report.problems.push(Problem { file, conversation, what });
        }
    }

    fn row_problem(&mut self, conversation: Option<ConversationId>, error: &RowError) {
        self.problem(self.rows.clone(), conversation, error.to_string());
    }

    /// Every record of the journal, and whether its checkpoint fits the one in the rows.
    fn journal(
        &mut self,
        stored: Option<Checkpoint>,
        from: journal::Position,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<(), OpenError> {
        let mut lasts: HashMap<ConversationId, u64> = HashMap::new();
        let mut found: Vec<(Option<ConversationId>, String)> = Vec::new();
        let later = &mut self.later;
        let directory = Directory::create(&self.journal)
            .map_err(|error| OpenError::io(&self.journal, error))?;
        let report = journal::verify(
            &directory,
            &mut |position, content| match line::decode(bytes::Bytes::copy_from_slice(content)) {
                Ok(Line::Entry(entry)) => {
                    let Record { conversation: id, seq, .. } = entry.record;
                    let last = lasts.insert(id, seq.get());
                    if last.is_some_and(|last| last + 1 != seq.get()) {
                        found.push((
                            Some(id),
                            format!("event {seq} at position {position} is out of order"),
                        ));
                    }
                    if position >= from {
                        later.entry(id).or_default().push(entry.record);
                    }
                }
                Ok(Line::Mark(_)) => {}
                Err(error) => {
                    found.push((None, format!("the record at position {position}: {error}")));
                }
            },
            &mut |journal::Progress { bytes_done, bytes_total }| {
                progress(Progress::Journal { bytes_done, bytes_total });
            },
        );
        let report = report.map_err(|error| OpenError::journal(&self.journal, error))?;
        for (id, what) in found {
            self.problem(self.journal.clone(), id, what);
        }
        for damage in &report.damages {
            let what = format!("at offset {}: {}", damage.offset, damage.flaw);
            self.problem(self.journal.join(&damage.file), None, what);
        }
        self.report.segments = report.segments;
        self.report.records = report.records;
        self.report.closed = report.closed;
        self.compare_checkpoints(&report.checkpoint, stored);
        Ok(())
    }

    fn compare_checkpoints(&mut self, listed: &[u8], stored: Option<Checkpoint>) {
        if listed.is_empty() {
            return;
        }
        match Checkpoint::decode(bytes::Bytes::copy_from_slice(listed)) {
            Err(error) => {
                self.problem(self.journal.clone(), None, format!("the checkpoint: {error}"));
            }
            Ok(listed) => {
                let held = stored.map_or(listed.begin, |stored| stored.position);
                if stored.is_some_and(|stored| stored.epoch != listed.epoch) {
                    let what = "belongs to another installation than the journal".to_owned();
                    self.problem(self.rows.clone(), None, what);
                } else if held < listed.position {
                    let what =
                        format!("lost what it held from position {held} to {}", listed.position);
                    self.problem(self.rows.clone(), None, what);
                }
            }
        }
    }

    fn conversations(
        &mut self,
        view: &View,
        checkpoint: Option<Checkpoint>,
        progress: &mut dyn FnMut(Progress),
    ) {
        let total = checkpoint.map_or(0, |checkpoint| checkpoint.conversations);
        let mut heads: HashMap<ConversationId, u64> = HashMap::new();
        let mut stored_events = 0;
        for row in view.prefix(&[key::HEADS]) {
            let (key, value) = match row {
                Ok(row) => row,
                Err(error) => {
                    self.row_problem(None, &error);
                    continue;
                }
            };
            let Some(id) = key::id_at(&key, 0).map(ConversationId::from_bytes) else { continue };
            match StoredHead::decode(value) {
                Err(error) => self.row_problem(Some(id), &RowError::in_row(&key, error)),
                Ok(stored) => {
                    heads.insert(id, stored.head.seq.get());
                    stored_events += stored.head.seq.get();
                    self.conversation(view, id, &stored);
                }
            }
            progress(Progress::Conversations { done: heads.len() as u64, total });
        }
        self.only_in_the_journal(&heads);
        if let Some(checkpoint) = checkpoint {
            let missing = checkpoint.conversations > heads.len() as u64;
            if missing || checkpoint.events > stored_events {
                let what = format!(
                    "holds {} conversations and {stored_events} events, {} and {} were written",
                    heads.len(),
                    checkpoint.conversations,
                    checkpoint.events
                );
                self.problem(self.rows.clone(), None, what);
            }
        }
        for key in [key::erased(), key::compacted()] {
            if let Err(error) = compacting::stored(view, &key) {
                self.row_problem(None, &error);
            }
        }
        self.orphans(view, &heads);
    }

    /// Conversations that the rows do not hold yet.
    fn only_in_the_journal(&mut self, heads: &HashMap<ConversationId, u64>) {
        let mut ids: Vec<ConversationId> =
            self.later.keys().copied().filter(|id| !heads.contains_key(id)).collect();
        ids.sort_unstable();
        for id in ids {
            self.report.conversations += 1;
            self.later_events(id, 0);
        }
    }

    /// What the journal adds to the events up to `seq`.
    fn later_events(&mut self, id: ConversationId, seq: u64) {
        let mut last = seq;
        for record in self.later.remove(&id).unwrap_or_default() {
            if record.seq.get() <= last {
                continue;
            }
            if record.seq.get() != last + 1 {
                let what = format!("events {} to {} are missing", last + 1, record.seq.get() - 1);
                return self.problem(self.journal.clone(), Some(id), what);
            }
            last = record.seq.get();
            self.report.events += 1;
            (self.visit)(&record);
        }
    }

    fn visit(&mut self, record: &Record) {
        self.report.events += 1;
        (self.visit)(record);
    }

    fn conversation(&mut self, view: &View, id: ConversationId, stored: &StoredHead) {
        self.report.conversations += 1;
        let before = self.report.problem_count;
        let checked = catch_unwind(AssertUnwindSafe(|| self.events(view, id, stored)));
        match checked {
            Ok(Ok(())) => {}
            Ok(Err(error)) => self.row_problem(Some(id), &error),
            Err(_) => self.problem(self.rows.clone(), Some(id), "cannot be read: panicked".into()),
        }
        if self.report.problem_count == before {
            self.later_events(id, stored.head.seq.get());
        }
    }
}

/// Every event that was changed, and the last event that did.
type Touched = std::collections::BTreeMap<Seq, Seq>;
