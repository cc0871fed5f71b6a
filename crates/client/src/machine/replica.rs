//! The client's copy of one conversation's log, as positions: what is held, what is known to exist, what arrived too early.
//!
//! **An event is applied only if it is the next one.** What is early waits; a gap that does not close within
//! [`HOLD`] is pulled. Whatever contradicts the chain starts a search for the common prefix.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use parlance_types::frame::{Now, Page, PageEntry};
use parlance_types::{Event, Hash, Seq};

use super::Update;
use super::trail::Trail;

/// How long a gap may close by itself.
pub(super) const HOLD: Duration = Duration::from_millis(300);
/// Early events kept; the rest is pulled again.
const EARLY_MAX: usize = 256;

/// What a page of a pull, or an answer to a probe, led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Done,
    /// There is more to pull, or another place to ask about.
    Again,
    /// The page contradicts the protocol.
    Broken,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Replica {
    trail: Trail,
    /// The last event known to exist.
    known: u64,
    early: BTreeMap<u64, Box<Event>>,
    /// When to pull what is missing.
    pull_due: Option<Instant>,
    /// The server may have another history: nothing is applied before its head was seen.
    doubted: bool,
    /// While the common prefix is searched.
    probe: Option<Probe>,
    pub(super) pulling: bool,
    /// How much of a log that is not held at all is wanted.
    backlog: u64,
}

/// Where a search for the common prefix stands: the points below `below` are still to be tried, newest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Probe {
    below: usize,
}

impl Replica {
    pub(super) fn new(trail: Trail, backlog: u64) -> Self {
        Self { known: trail.local(), trail, backlog, ..Self::default() }
    }

    /// A log of which nothing is held.
    pub(super) fn fresh(head: Seq, first: Seq, backlog: u64) -> Self {
        Self::new(Trail::starting_at(start(head, first, backlog)), backlog)
    }

    pub(super) const fn trail(&self) -> &Trail {
        &self.trail
    }

    pub(super) const fn local(&self) -> u64 {
        self.trail.local()
    }

    /// Something exists that is not held, or the copy is in doubt.
    pub(super) const fn is_behind(&self) -> bool {
        self.known > self.trail.local() || self.is_uncertain()
    }

    const fn is_uncertain(&self) -> bool {
        self.doubted || self.probe.is_some()
    }

    /// When to pull what is missing; `None`: nothing is, or it is being pulled.
    pub(super) fn pull_at(&self) -> Option<Instant> {
        if self.pulling || self.doubted || !self.is_behind() { None } else { self.pull_due }
    }

    /// What to ask for: an event to compare, or everything above.
    pub(super) fn question(&self) -> Question {
        match self.probe {
            Some(Probe { below }) if below > 0 => {
                Question::Compare(self.trail.points()[below - 1].0)
            }
            _ => Question::Above(self.trail.local()),
        }
    }

    /// A connection is gone: its gaps and questions are void. What is known to exist is learnt anew.
    pub(super) fn disconnected(&mut self) {
        self.early.clear();
        self.known = self.trail.local();
        self.pull_due = None;
        self.pulling = false;
        self.probe = None;
        self.doubted = false;
    }

    /// The server does not know where we were: what is held has to be compared with its head, whatever the numbers say.
    pub(super) const fn doubt(&mut self) {
        self.doubted = true;
    }

    /// The server says how far the log goes. `base`: what was held when the connection began.
    pub(super) fn head(
        &mut self,
        now: Instant,
        (seq, hash): (Seq, Hash),
        base: u64,
        updates: &mut Vec<Update>,
    ) {
        let differs = self.trail.hash_at(seq).is_some_and(|held| held != hash);
        // A head may be older than events that came live, but not older than what was held before.
        let beyond = seq.get() < base;
        let agrees = self.local() == seq.get() && self.trail.hash_at(seq) == Some(hash);
        let doubted = std::mem::take(&mut self.doubted) && !agrees;
        if doubted || differs || beyond {
            self.search(now);
        }
        self.settle(updates);
        self.exists(now, seq.get(), true);
    }

    /// The server's listing does not have this log. Whether one of the same name has begun since.
    pub(super) fn vanish(&mut self, now: Instant, updates: &mut Vec<Update>) -> bool {
        self.trail.cut(None);
        (self.doubted, self.probe) = (false, None);
        self.known = 0;
        self.settle(updates);
        self.exists(now, self.known, true);
        self.known > 0
    }

    /// Starts to look for the common prefix.
    pub(super) fn search(&mut self, now: Instant) {
        self.probe = Some(Probe { below: self.trail.points().len() });
        self.pull_due = Some(now);
    }

    /// There is an event `seq`. `at_once`: it will not come by itself.
    pub(super) fn exists(&mut self, now: Instant, seq: u64, at_once: bool) {
        self.known = self.known.max(seq);
        if self.is_behind() {
            let since = if at_once { now } else { now + HOLD };
            self.pull_due = Some(self.pull_due.map_or(since, |known| known.min(since)));
        }
    }

    /// A pull was refused: what was to be had is not to be had (now).
    pub(super) const fn give_up(&mut self) {
        self.pulling = false;
        self.probe = None;
        self.known = self.trail.local();
        self.pull_due = None;
    }

    /// Asks again later.
    pub(super) const fn pause(&mut self, until: Instant) {
        self.pulling = false;
        self.pull_due = Some(until);
    }

    /// An event came, at whatever place.
    pub(super) fn arrive(&mut self, now: Instant, event: Box<Event>, updates: &mut Vec<Update>) {
        let seq = event.seq;
        if seq.get() <= self.local() && !self.is_uncertain() {
            if self.trail.hash_at(seq).is_none_or(|held| held == event.hash) {
                return;
            }
            self.search(now);
        }
        if !self.is_uncertain() && seq.get() == self.local() + 1 {
            self.apply(event, None, updates);
            self.settle(updates);
        } else if self.early.len() < EARLY_MAX {
            self.early.insert(seq.get(), event);
        }
        self.exists(now, seq.get(), false);
    }

    /// An answer to [`Self::question`].
    pub(super) fn answered(
        &mut self,
        now: Instant,
        page: Page,
        updates: &mut Vec<Update>,
    ) -> Outcome {
        self.pulling = false;
        let outcome = match self.probe {
            Some(probe) => self.compared(probe, &page, updates),
            None => self.pulled(page, updates),
        };
        self.settle(updates);
        self.pull_due = self.is_behind().then_some(now);
        outcome
    }

    fn compared(&mut self, probe: Probe, page: &Page, updates: &mut Vec<Update>) -> Outcome {
        let point = probe.below.checked_sub(1).map(|index| self.trail.points()[index]);
        let theirs = page.events.first().and_then(|entry| match entry {
            PageEntry::Event { event, .. } => Some((event.seq, event.hash)),
            PageEntry::Deleted(deleted) => Some((deleted.seq, deleted.hash)),
            PageEntry::Hidden { .. } => None,
        });
        if point.is_some() && point != theirs {
            self.probe = Some(Probe { below: probe.below - 1 });
            return Outcome::Again;
        }
        self.probe = None;
        let prefix = point.map(|(seq, _)| seq);
        if self.local() > prefix.map_or(0, Seq::get) {
            self.trail.cut(prefix);
            if prefix.is_none() {
                self.trail.skip_to(start(page.head, page.first, self.backlog));
            }
            updates.push(Update::Truncated { conversation: page.conversation, prefix });
        }
        self.known = self.known.max(page.head.get());
        Outcome::Again
    }

    fn pulled(&mut self, page: Page, updates: &mut Vec<Update>) -> Outcome {
        let (head, first, more) = (page.head.get(), page.first.get(), page.next.is_some());
        let before = self.local();
        for entry in page.events {
            let (seq, up_to) = match &entry {
                PageEntry::Event { event, .. } => (event.seq.get(), event.seq.get()),
                PageEntry::Deleted(deleted) => (deleted.seq.get(), deleted.seq.get()),
                PageEntry::Hidden { seq, up_to } => (seq.get(), up_to.get()),
            };
            if up_to <= self.local() {
                continue;
            }
            if seq > self.local() + 1 && seq > first {
                return Outcome::Broken;
            }
            match entry {
                PageEntry::Event { event, now } => self.apply(event, now, updates),
                PageEntry::Deleted(deleted) => {
                    self.trail.advance(deleted.seq, deleted.hash);
                    updates.push(Update::Deleted { conversation: page.conversation, deleted });
                }
                PageEntry::Hidden { seq, up_to } => {
                    self.trail.skip_to(up_to.get());
                    updates.push(Update::Hidden { conversation: page.conversation, seq, up_to });
                }
            }
        }
        // What is promised and does not come, page after page, would be asked for for ever.
        self.known =
            if more && self.local() > before { self.known.max(head) } else { self.local() };
        if self.is_behind() { Outcome::Again } else { Outcome::Done }
    }

    fn apply(&mut self, event: Box<Event>, now: Option<Now>, updates: &mut Vec<Update>) {
        self.trail.advance(event.seq, event.hash);
        updates.push(Update::Event { event, now });
    }

    /// Applies what was early and is next now.
    fn settle(&mut self, updates: &mut Vec<Update>) {
        if self.is_uncertain() {
            return;
        }
        while let Some(entry) = self.early.first_entry() {
            if *entry.key() > self.trail.local() + 1 {
                break;
            }
            let event = entry.remove();
            if event.seq.get() > self.trail.local() {
                self.apply(event, None, updates);
            }
        }
        let early = self.early.last_key_value().map_or(0, |(seq, _)| *seq);
        self.known = self.known.max(early).max(self.trail.local());
        if !self.is_behind() {
            self.pull_due = None;
        }
    }
}

/// What lies at or below this is not wanted.
fn start(head: Seq, first: Seq, backlog: u64) -> u64 {
    head.get().saturating_sub(backlog).max(first.get() - 1)
}

/// What a replica asks the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Question {
    /// The event at this place, to compare its hash.
    Compare(Seq),
    /// Everything above.
    Above(u64),
}
