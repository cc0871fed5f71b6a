//! From a group to a durable, applied group.
//!
//! The sketch, per message: one look-up and one encoding into the journal's buffer at the call, under the lock of the builder; one
//! look-up and one encoding into the tail when it is durable, on the journal's thread. Per group: one allocation for the
//! offsets, one for the completion, two for the answer.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use parlance_journal::{AppendError, Appended, RecordOffset};
use parlance_ports::record::is_same_event;
use parlance_ports::{CommitError, CommitFuture, Committed, Group, MarkRow, StoreError};
use parlance_types::{ConversationId, Entry, Position, Record};
use tokio::sync::oneshot;

use super::store::{Miss, Reach, Store, Wanted};
use super::table::{Admission, Table};
use super::{line, range};

/// A submission on its way through the journal. Dropped on the way, it was never made.
struct Submitted {
    store: Arc<Store>,
    entries: Vec<Arc<Entry>>,
    marks: Vec<MarkRow>,
    /// Entries that were there already, to be compared.
    known: Vec<Arc<Entry>>,
    offsets: Vec<RecordOffset>,
    answer: Option<oneshot::Sender<Outcome>>,
}

struct Outcome {
    result: Result<Committed, CommitError>,
    /// Known entries that memory could not compare.
    unchecked: Vec<Arc<Entry>>,
}

/// An answer that waits for the flusher.
pub(super) struct Held {
    outcome: Outcome,
    answer: oneshot::Sender<Outcome>,
}

impl Held {
    pub(super) fn release(self) {
        // Who asked may have gone.
        drop(self.answer.send(self.outcome));
    }
}

pub(super) fn commit(store: &Arc<Store>, group: Group) -> CommitFuture {
    let (answer, answered) = oneshot::channel();
    if let Err(error) = submit(store, group, answer) {
        return Box::pin(std::future::ready(Err(error)));
    }
    let store = Arc::clone(store);
    Box::pin(async move {
        let Ok(Outcome { result, unchecked }) = answered.await else {
            return Err(CommitError::Unknown("the store was closed before the answer".into()));
        };
        if !unchecked.is_empty() {
            compare(&store, unchecked).await?;
        }
        result
    })
}

fn submit(
    store: &Arc<Store>,
    group: Group,
    answer: oneshot::Sender<Outcome>,
) -> Result<(), CommitError> {
    // Held until the journal has the group: what is admitted first is appended first.
    let mut builder = store.builder.lock();
    // The journal may look for room again once every refusal is taken note of. Asked before the group is admitted: it must not build on
    // what is being refused meanwhile.
    if store.full.load(Ordering::Acquire) && store.unanswered.load(Ordering::Acquire) == 0 {
        store.appender.resume();
    }
    store.unanswered.fetch_add(1, Ordering::AcqRel);
    let mut submitted = Submitted {
        store: Arc::clone(store),
        entries: Vec::new(),
        marks: Vec::new(),
        known: Vec::new(),
        offsets: Vec::with_capacity(group.entries.len() + group.marks.len()),
        answer: Some(answer),
    };
    admit(group, &mut submitted)?;
    let Submitted { entries, marks, offsets, .. } = &mut submitted;
    for entry in entries {
        offsets.push(builder.push_with(|out| line::encode_entry(entry, out)));
    }
    for row in marks {
        offsets.push(builder.push_with(|out| line::encode_mark(row, out)));
    }
    let completion = Box::new(|outcome| submitted.complete(outcome));
    store.appender.append(&mut builder, completion).map_err(|error| {
        builder.clear();
        refused(&error, store)
    })
}

/// Takes over what continues the log, what is known, and nothing if anything does neither.
fn admit(group: Group, into: &mut Submitted) -> Result<(), CommitError> {
    let store = Arc::clone(&into.store);
    let unreadable = |miss| match miss {
        Miss::Disk => CommitError::Broken("a head was not read".into()),
        Miss::Store(error) => CommitError::Broken(error.to_string()),
    };
    let mut table = store.table.lock();
    if let Some(error) = table.refusal(store.options.waiting_bytes_max) {
        return Err(error.clone());
    }
    into.entries.reserve_exact(group.entries.len());
    for entry in group.entries {
        let Record { conversation: id, seq, .. } = entry.record;
        let admission = match table.admit(id, seq.get()) {
            Some(admission) => admission,
            None => {
                drop(table);
                table = store.locked_with(id, Reach::Disk).map_err(unreadable)?;
                table.admit(id, seq.get()).unwrap_or(Admission::Gap)
            }
        };
        match admission {
            Admission::Next => into.entries.push(entry),
            Admission::Known => into.known.push(entry),
            Admission::Gap => {
                let error = if table.was_full {
                    CommitError::Full
                } else {
                    table.stop(format!("event {seq} of conversation {id} comes too early"))
                };
                // `into` locks the table when it is dropped.
                drop(table);
                return Err(error);
            }
        }
    }
    for row in group.marks {
        if table.slot(row.conversation).is_none() {
            drop(table);
            table = store.locked_with(row.conversation, Reach::Disk).map_err(unreadable)?;
        }
        if table.admit_mark(row.conversation) {
            into.marks.push(row);
        }
    }
    Ok(())
}

impl Submitted {
    /// On the thread of the journal.
    fn complete(mut self, outcome: Result<Appended, AppendError>) {
        let Some(answer) = self.answer.take() else { return };
        match outcome {
            Ok(appended) => self.land(appended, answer),
            Err(error) => {
                let error = {
                    let mut table = self.store.table.lock();
                    failed(&error, &mut table, &self.store)
                };
                // Dismisses what was submitted, before anybody hears of it.
                drop(self);
                drop(answer.send(Outcome { result: Err(error), unchecked: Vec::new() }));
            }
        }
    }

    fn land(mut self, appended: Appended, answer: oneshot::Sender<Outcome>) {
        let store = Arc::clone(&self.store);
        let offsets = std::mem::take(&mut self.offsets);
        let position = |offset| Position::new(appended.position(offset).get());
        let mut positions = offsets.iter().copied().map(position);
        let mut table = store.table.lock();
        for (entry, position) in std::mem::take(&mut self.entries).iter().zip(&mut positions) {
            table.apply(entry, position);
        }
        for (row, position) in std::mem::take(&mut self.marks).iter().zip(&mut positions) {
            table.apply_mark(row, position);
        }
        let checked = check_known(&mut table, std::mem::take(&mut self.known));
        if let Some(last) = offsets.last() {
            store.applied.store(position(*last).get(), Ordering::Release);
        }
        store.end.fetch_max(appended.end.get(), Ordering::Release);
        store.full.store(false, Ordering::Release);
        let end = Position::new(store.applied.load(Ordering::Acquire));
        let outcome = match checked {
            Ok(unchecked) => Outcome { result: Ok(Committed { end }), unchecked },
            Err(error) => Outcome { result: Err(error), unchecked: Vec::new() },
        };
        let waiting = table.waiting;
        if waiting > store.options.waiting_bytes_max && outcome.result.is_ok() {
            store.held.lock().push(Held { outcome, answer });
            drop(table);
        } else {
            drop(table);
            drop(answer.send(outcome));
        }
        if store.options.is_pressed(waiting) {
            store.flush.want(Wanted::Pass);
        }
    }
}

impl Drop for Submitted {
    fn drop(&mut self) {
        if !self.entries.is_empty() || !self.marks.is_empty() {
            let mut table = self.store.table.lock();
            for entry in &self.entries {
                table.dismiss(entry.record.conversation);
            }
            for row in &self.marks {
                table.dismiss(row.conversation);
            }
        }
        self.store.unanswered.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Compares what was committed again with the tails; answers what lies deeper.
fn check_known(table: &mut Table, known: Vec<Arc<Entry>>) -> Result<Vec<Arc<Entry>>, CommitError> {
    let mut unchecked = Vec::new();
    for entry in known {
        let Record { conversation: id, seq, .. } = entry.record;
        let there = table.slot(id).and_then(|slot| slot.tail.as_ref()?.record(seq.get()));
        match there {
            None => unchecked.push(entry),
            Some(record) if is_same_event(&record, &entry.record) => {}
            Some(_) => return Err(conflict(table, id, &entry)),
        }
    }
    Ok(unchecked)
}

async fn compare(store: &Arc<Store>, unchecked: Vec<Arc<Entry>>) -> Result<(), CommitError> {
    let compare = move |store: &Store, reach| -> Result<Option<Arc<Entry>>, Miss> {
        for entry in &unchecked {
            let Record { conversation: id, seq, .. } = entry.record;
            let there = range::event(store, reach, id, seq)?;
            if !there.is_some_and(|there| is_same_event(&there, &entry.record)) {
                return Ok(Some(entry.clone()));
            }
        }
        Ok(None)
    };
    match store.read(compare).await {
        Ok(None) => Ok(()),
        Ok(Some(entry)) => {
            Err(conflict(&mut store.table.lock(), entry.record.conversation, &entry))
        }
        Err(StoreError::Damaged(why) | StoreError::Unavailable(why)) => {
            Err(CommitError::Unknown(why))
        }
    }
}

fn conflict(table: &mut Table, id: ConversationId, entry: &Entry) -> CommitError {
    table.stop(format!(
        "conversation {id} has another event {} than was committed",
        entry.record.seq
    ))
}

/// Why the journal did not take a group, of which nothing was written.
fn refused(error: &AppendError, store: &Store) -> CommitError {
    match error {
        AppendError::Full => CommitError::Full,
        AppendError::DiskFull => {
            store.full.store(true, Ordering::Release);
            CommitError::Full
        }
        AppendError::TooLarge { .. } | AppendError::Broken(_) | AppendError::Closed => {
            CommitError::Broken(error.to_string())
        }
    }
}

/// What became of a group that the journal had taken.
fn failed(error: &AppendError, table: &mut Table, store: &Store) -> CommitError {
    match error {
        AppendError::Full | AppendError::DiskFull => {
            table.was_full = true;
            store.full.store(*error == AppendError::DiskFull, Ordering::Release);
            CommitError::Full
        }
        AppendError::Broken(why) => {
            table.stop(why.to_string());
            CommitError::Unknown(why.to_string())
        }
        AppendError::TooLarge { .. } | AppendError::Closed => {
            CommitError::Broken(error.to_string())
        }
    }
}
