//! What becomes of groups: durable, held back, refused, or nobody knows.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use parlance_types::{ConversationId, Epoch};
use tokio::sync::oneshot;

use super::log::{Fit, Log};
use crate::conversation::Snapshot;
use crate::sink::{CommitError, CommitFuture, Committed, Group};

/// What happens to a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitFault {
    /// It passes.
    None,
    /// [`CommitError::Full`], for it and every group that waits behind it.
    Full,
    /// [`CommitError::Broken`], for it and everything later.
    Broken,
    /// [`CommitError::Unknown`], and nothing more is written. The next opening finds the group, or does not.
    Unknown { survives: bool },
}

/// Makes a store fail. Clones share it, and it outlives openings.
#[derive(Clone, Debug)]
pub struct Faults {
    machine: Arc<Mutex<Machine>>,
}

impl Faults {
    pub(super) fn new(machine: Arc<Mutex<Machine>>) -> Self {
        Self { machine }
    }

    /// The next commits meet these, one each, in order.
    pub fn inject(&self, faults: impl IntoIterator<Item = CommitFault>) {
        self.machine.lock().faults.extend(faults);
    }

    /// Commits are not answered from now on, until they are released.
    pub fn hold(&self) {
        self.machine.lock().is_held = true;
    }

    /// Lets the oldest `count` unanswered groups become durable, or fail; later ones are still held.
    pub fn release(&self, count: usize) {
        self.machine.lock().release(count);
    }

    /// Lets all of them go, and holds no more.
    pub fn release_all(&self) {
        let mut machine = self.machine.lock();
        machine.is_held = false;
        machine.release(usize::MAX);
    }

    /// Groups that were submitted and not answered.
    pub fn unanswered(&self) -> usize {
        self.machine.lock().waiting.len()
    }

    /// Groups are answered and shown as if they were durable, and the next opening does not find them.
    pub fn lie(&self, lies: bool) {
        self.machine.lock().lies = lies;
    }
}

#[derive(Debug)]
pub(super) struct Machine {
    epoch: Epoch,
    opening: u64,
    /// What every opening finds.
    durable: Vec<Group>,
    seen: Log,
    waiting: VecDeque<Waiting>,
    faults: VecDeque<CommitFault>,
    is_held: bool,
    lies: bool,
    /// Some group was refused for want of room, so that others may have been built upon it.
    was_full: bool,
    /// Nothing is written any more.
    broken: Option<CommitError>,
}

#[derive(Debug)]
struct Waiting {
    group: Group,
    fault: CommitFault,
    answer: oneshot::Sender<Result<Committed, CommitError>>,
}

impl Machine {
    pub(super) fn new(epoch: Epoch) -> Self {
        Self {
            epoch,
            opening: 0,
            durable: Vec::new(),
            seen: Log::default(),
            waiting: VecDeque::new(),
            faults: VecDeque::new(),
            is_held: false,
            lies: false,
            was_full: false,
            broken: None,
        }
    }

    pub(super) fn epoch(&self) -> Epoch {
        self.epoch
    }

    pub(super) fn opening(&self) -> u64 {
        self.opening
    }

    pub(super) fn seen(&self) -> &Log {
        &self.seen
    }

    pub(super) fn save(&mut self, opening: u64, id: ConversationId, snapshot: Snapshot) {
        if opening == self.opening {
            self.seen.save(id, snapshot);
        }
    }

    pub(super) fn commit(&mut self, opening: u64, group: Group) -> CommitFuture {
        if opening != self.opening {
            return ready(Err(CommitError::Broken("it was opened again".into())));
        }
        let fault = self.faults.pop_front().unwrap_or(CommitFault::None);
        if !self.is_held && self.waiting.is_empty() {
            return ready(self.decide(group, fault));
        }
        let (answer, answered) = oneshot::channel();
        self.waiting.push_back(Waiting { group, fault, answer });
        Box::pin(async { answered.await.unwrap_or_else(|_| Err(lost())) })
    }

    fn release(&mut self, count: usize) {
        for _ in 0..count {
            let Some(Waiting { group, fault, answer }) = self.waiting.pop_front() else { return };
            let outcome = self.decide(group, fault);
            // Who asked may have gone.
            drop(answer.send(outcome));
        }
    }

    fn decide(&mut self, group: Group, fault: CommitFault) -> Result<Committed, CommitError> {
        if let Some(error) = &self.broken {
            return Err(error.clone());
        }
        match self.seen.fit(&group) {
            Fit::Continues => {}
            Fit::Gap(..) if self.was_full => return Err(CommitError::Full),
            misfit => return Err(self.stop(format!("the group does not fit the log: {misfit:?}"))),
        }
        match fault {
            CommitFault::None => {
                if !self.lies {
                    self.durable.push(group.clone());
                }
                Ok(Committed { end: self.seen.add(group) })
            }
            CommitFault::Full => {
                self.was_full = true;
                for waiting in self.waiting.drain(..) {
                    drop(waiting.answer.send(Err(CommitError::Full)));
                }
                Err(CommitError::Full)
            }
            CommitFault::Broken => Err(self.stop("it was told to".into())),
            CommitFault::Unknown { survives } => {
                if survives {
                    self.durable.push(group);
                }
                self.stop("a group before has an unknown outcome".into());
                Err(CommitError::Unknown("it was told to".into()))
            }
        }
    }

    fn stop(&mut self, why: String) -> CommitError {
        let error = CommitError::Broken(why);
        self.broken = Some(error.clone());
        error
    }

    pub(super) fn reopen(&mut self, survivors: usize) -> u64 {
        self.release(survivors);
        for waiting in self.waiting.drain(..) {
            drop(waiting.answer.send(Err(lost())));
        }
        let mut found = Log::default();
        // What was built upon groups that a lie lost is lost with them.
        self.durable.retain(|group| {
            let fits = found.fit(group) == Fit::Continues;
            if fits {
                found.add(group.clone());
            }
            fits
        });
        for (id, snapshot) in self.seen.snapshots() {
            found.save(id, snapshot);
        }
        self.seen = found;
        self.faults.clear();
        (self.is_held, self.was_full, self.broken) = (false, false, None);
        self.opening += 1;
        self.opening
    }
}

fn lost() -> CommitError {
    CommitError::Unknown("it was opened again before the answer".into())
}

fn ready(outcome: Result<Committed, CommitError>) -> CommitFuture {
    Box::pin(std::future::ready(outcome))
}
