//! What was submitted and not yet taken by the writer: one buffer that is the next group already.
//!
//! Submitting copies the framed records under a short lock and wakes the writer only if it sleeps. The buffer and the one
//! in flight swap places, so a record costs one copy and no allocation. The bound of the queue is the bound of a group.

use std::sync::Arc;

use parking_lot::{Condvar, Mutex};

use crate::format::GROUP_HEADER;
use crate::{AppendError, GroupBuilder, Position, RecordOffset};

/// Called once from the writer thread; it must be quick, because the next group waits for it.
pub type Completion = Box<dyn FnOnce(Result<Appended, AppendError>) + Send>;

/// Where the records of one submission lie. `end` is the first position behind all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    pub start: Position,
    pub end: Position,
}

/// Submits records; cheap to clone, one for each shard.
#[derive(Clone)]
pub struct Appender {
    queue: Arc<Queue>,
}

impl Appended {
    pub fn position(&self, record: RecordOffset) -> Position {
        self.start.plus(record.get())
    }
}

impl Appender {
    pub(crate) fn new(queue: Arc<Queue>) -> Self {
        Self { queue }
    }

    /// Takes the records out of `group`, which can then be used again. `completion` is called when they are durable or
    /// have failed. Submissions become durable in the order in which they were made, each of them whole or not at all. One without
    /// records completes when everything before it has.
    ///
    /// After an error here nothing was taken and `completion` is dropped without being called.
    pub fn append(
        &self,
        group: &mut GroupBuilder,
        completion: Completion,
    ) -> Result<(), AppendError> {
        self.queue.submit(group, completion)
    }

    /// Appends are taken again after [`AppendError::DiskFull`]. Only the caller knows when it has taken note of every
    /// such answer: until then it may submit what builds on records that were refused.
    pub fn resume(&self) {
        self.queue.resume();
    }
}

pub(crate) struct Queue {
    pending: Mutex<Pending>,
    work: Condvar,
    /// Bytes of a group with its header, before padding.
    group_bytes_max: usize,
}

struct Pending {
    batch: Batch,
    standing: Standing,
    writer_sleeps: bool,
    /// The writer is asked to go to the next segment.
    turns_over: bool,
}

/// A group in the making.
pub(crate) struct Batch {
    /// Room for the header, then records.
    pub(crate) group: Vec<u8>,
    pub(crate) record_count: u32,
    pub(crate) submissions: Vec<Submission>,
}

pub(crate) struct Submission {
    start: usize,
    end: usize,
    completion: Completion,
}

#[derive(Clone)]
enum Standing {
    Open,
    /// There was no room, and the caller may not know yet.
    Paused,
    /// Write what is there, then the end marker.
    Closing,
    /// Stop now.
    Abandoned,
    Refusing(AppendError),
}

/// What the writer is to do next.
pub(crate) enum Work {
    Write,
    TurnOver,
    Close,
    Stop,
}

impl Queue {
    pub(crate) fn new(group_bytes_max: usize) -> Self {
        let pending = Pending {
            batch: Batch::new(),
            standing: Standing::Open,
            writer_sleeps: false,
            turns_over: false,
        };
        Self { pending: Mutex::new(pending), work: Condvar::new(), group_bytes_max }
    }

    fn submit(&self, group: &mut GroupBuilder, completion: Completion) -> Result<(), AppendError> {
        let bytes = GROUP_HEADER + group.len_bytes();
        if bytes > self.group_bytes_max {
            return Err(AppendError::TooLarge { bytes, bytes_max: self.group_bytes_max });
        }
        let wake = {
            let mut pending = self.pending.lock();
            match &pending.standing {
                Standing::Open => {}
                Standing::Paused => return Err(AppendError::DiskFull),
                Standing::Closing | Standing::Abandoned => return Err(AppendError::Closed),
                Standing::Refusing(error) => return Err(error.clone()),
            }
            if pending.batch.group.len() + group.len_bytes() > self.group_bytes_max {
                return Err(AppendError::Full);
            }
            pending.batch.add(group, completion);
            std::mem::take(&mut pending.writer_sleeps)
        };
        group.clear();
        if wake {
            self.work.notify_one();
        }
        Ok(())
    }

    /// Waits until there is something to do. `done` is empty and becomes the buffer of the next group.
    pub(crate) fn take(&self, done: &mut Batch) -> Work {
        let mut pending = self.pending.lock();
        loop {
            let has_work = !pending.batch.submissions.is_empty();
            match pending.standing {
                Standing::Open | Standing::Closing if has_work => {
                    std::mem::swap(&mut pending.batch, done);
                    return Work::Write;
                }
                Standing::Open if pending.turns_over => {
                    pending.turns_over = false;
                    return Work::TurnOver;
                }
                Standing::Closing => return Work::Close,
                Standing::Abandoned | Standing::Refusing(_) => return Work::Stop,
                Standing::Open | Standing::Paused => {
                    pending.writer_sleeps = true;
                    self.work.wait(&mut pending);
                    pending.writer_sleeps = false;
                }
            }
        }
    }

    pub(crate) fn turn_over(&self) {
        self.pending.lock().turns_over = true;
        self.work.notify_one();
    }

    pub(crate) fn close(&self) {
        self.leave_open(Standing::Closing);
    }

    pub(crate) fn abandon(&self) {
        self.leave_open(Standing::Abandoned);
    }

    fn leave_open(&self, standing: Standing) {
        let mut pending = self.pending.lock();
        if matches!(pending.standing, Standing::Open | Standing::Paused | Standing::Closing) {
            pending.standing = standing;
        }
        drop(pending);
        self.work.notify_one();
    }

    /// Refuses everything that waits, and everything that comes before the caller resumes: nothing may overtake the
    /// group that found no room. The answer to that group is the caller's, and must come after this.
    pub(crate) fn pause(&self) -> Batch {
        let mut pending = self.pending.lock();
        if matches!(pending.standing, Standing::Open) {
            pending.standing = Standing::Paused;
        }
        std::mem::replace(&mut pending.batch, Batch::new())
    }

    fn resume(&self) {
        let mut pending = self.pending.lock();
        if matches!(pending.standing, Standing::Paused) {
            pending.standing = Standing::Open;
        }
    }

    /// Answers everything that waits, and everything that comes, with this error.
    pub(crate) fn refuse(&self, error: &AppendError) {
        let mut waiting = Batch::new();
        {
            let mut pending = self.pending.lock();
            pending.standing = Standing::Refusing(error.clone());
            std::mem::swap(&mut pending.batch, &mut waiting);
        }
        waiting.fail(error);
    }

    pub(crate) fn refusal(&self) -> Option<AppendError> {
        match &self.pending.lock().standing {
            Standing::Refusing(error) => Some(error.clone()),
            Standing::Open | Standing::Paused | Standing::Closing | Standing::Abandoned => None,
        }
    }
}

impl Batch {
    pub(crate) fn new() -> Self {
        Self { group: vec![0; GROUP_HEADER], record_count: 0, submissions: Vec::new() }
    }

    fn add(&mut self, records: &GroupBuilder, completion: Completion) {
        let start = self.group.len();
        self.group.extend_from_slice(records.framed());
        self.record_count += records.record_count();
        self.submissions.push(Submission { start, end: self.group.len(), completion });
    }

    /// `start` is the position of the group, `end` of what follows it. Empties the batch.
    pub(crate) fn complete(&mut self, start: Position, end: Position) {
        let last = self.submissions.len().saturating_sub(1);
        for (index, submission) in self.submissions.drain(..).enumerate() {
            // The last one answers for the padding too, so that its end is where the next group starts.
            let behind = if index == last { end } else { start.plus(submission.end as u64) };
            let appended = Appended { start: start.plus(submission.start as u64), end: behind };
            call(submission.completion, Ok(appended));
        }
        self.clear();
    }

    /// Nothing was written, so there is no header to count from.
    pub(crate) fn complete_without_records(&mut self, end: Position) {
        for submission in self.submissions.drain(..) {
            call(submission.completion, Ok(Appended { start: end, end }));
        }
        self.clear();
    }

    pub(crate) fn fail(&mut self, error: &AppendError) {
        for submission in self.submissions.drain(..) {
            call(submission.completion, Err(error.clone()));
        }
        self.clear();
    }

    fn clear(&mut self) {
        self.group.clear();
        self.group.resize(GROUP_HEADER, 0);
        self.record_count = 0;
        self.submissions.clear();
    }
}

/// A caller's panic must not take the writer with it.
fn call(completion: Completion, outcome: Result<Appended, AppendError>) {
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| completion(outcome)));
    if caught.is_err() {
        tracing::error!("a completion of the journal panicked");
    }
}
