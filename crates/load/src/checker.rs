//! Judges what clients saw. **Knows nothing of how the server works**: only that every conversation has one dense order, the same for
//! all with the same hashes, that what was acknowledged is in it, and that nothing is in it twice.
//!
//! The server salts its digests and keeps the salt, so nobody outside can recompute a link of the chain; the hashes are compared
//! across observers and across reconnections instead.

use std::collections::BTreeSet;

use hashbrown::{HashMap, HashSet};
use parlance_types::{ConversationId, MessageId};
use serde::{Deserialize, Serialize};

/// Who saw something: a device of the drill.
pub type Observer = u32;

/// What an observer saw of one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sight {
    /// Who.
    pub observer: Observer,
    /// Where.
    pub conversation: ConversationId,
    /// At which place.
    pub seq: u64,
    /// Its name.
    pub message_id: MessageId,
    /// The chain there.
    pub hash: [u8; 16],
}

/// How many observations break a rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// Acknowledged but not in the log, or in the log and never seen by one who follows it to its end.
    pub lost: u64,
    /// Seen twice by one observer, or written at two places.
    pub duplicated: u64,
    /// Seen before what precedes it, or another event or another hash at the same place.
    pub reordered: u64,
    /// Distinct events.
    pub events: u64,
    /// Events as seen, each by each observer.
    pub sights: u64,
}

/// What is known so far.
#[derive(Debug, Default)]
pub struct Checker {
    logs: HashMap<ConversationId, Log>,
    verdict: Verdict,
    /// The first few faults in words.
    faults: Vec<String>,
}

/// Faults kept in words; the rest are only counted.
const FAULTS_MAX: usize = 10;

#[derive(Debug, Default)]
struct Log {
    /// By `seq - 1`.
    entries: Vec<Option<Entry>>,
    ids: HashSet<MessageId>,
    observers: HashMap<Observer, Progress>,
    /// Acknowledged before anybody saw it.
    acked: Vec<(u64, Entry)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    message_id: MessageId,
    hash: [u8; 16],
}

#[derive(Debug)]
struct Progress {
    /// Everything up to here was seen, or lies before the time of this observer.
    seen: u64,
    ahead: BTreeSet<u64>,
    /// Need not see the end: it left, or was left behind on purpose.
    excused: bool,
}

impl Verdict {
    /// Nothing is wrong.
    #[must_use]
    pub const fn passed(&self) -> bool {
        self.lost == 0 && self.duplicated == 0 && self.reordered == 0
    }
}

impl Checker {
    /// `observer` will see every event of `conversation` above `after`, in order and once.
    pub fn follow(&mut self, observer: Observer, conversation: ConversationId, after: u64) {
        let log = self.logs.entry(conversation).or_default();
        let progress = Progress { seen: after, ahead: BTreeSet::new(), excused: false };
        log.observers.entry(observer).or_insert(progress);
    }

    /// `observer` need not come to the end.
    pub fn excuse(&mut self, observer: Observer, conversation: ConversationId) {
        let log = self.logs.entry(conversation).or_default();
        if let Some(progress) = log.observers.get_mut(&observer) {
            progress.excused = true;
        }
    }

    /// An observer saw an event: live, in a page, or as the `ok` in its place.
    pub fn saw(&mut self, sight: &Sight) {
        self.verdict.sights += 1;
        let log = self.logs.entry(sight.conversation).or_default();
        let entry = Entry { message_id: sight.message_id, hash: sight.hash };
        let content = log.note(sight.seq, entry, &mut self.verdict);
        let progress = log.observers.get_mut(&sight.observer);
        let order = progress.and_then(|p| p.advance(sight.seq, &mut self.verdict));
        if let Some(fault) = content.or(order) {
            self.report(sight, fault);
        }
    }

    /// What `observer` saw up to here without a gap: where a reconnecting device goes on.
    #[must_use]
    pub fn seen(&self, observer: Observer, conversation: ConversationId) -> u64 {
        self.logs
            .get(&conversation)
            .and_then(|log| log.observers.get(&observer))
            .map_or(0, |progress| progress.seen)
    }

    /// The same event told again on purpose (an answer to a retry, an overlapping page): it must be the same.
    pub fn saw_again(&mut self, sight: &Sight) {
        let log = self.logs.entry(sight.conversation).or_default();
        let entry = Entry { message_id: sight.message_id, hash: sight.hash };
        if let Some(fault) = log.note(sight.seq, entry, &mut self.verdict) {
            self.report(sight, fault);
        }
    }

    /// The server answered that this is durable.
    pub fn acked(&mut self, sight: &Sight) {
        let log = self.logs.entry(sight.conversation).or_default();
        let entry = Entry { message_id: sight.message_id, hash: sight.hash };
        if !log.holds(sight.seq, entry) {
            log.acked.push((sight.seq, entry));
        }
    }

    /// The judgement over everything, and the first faults in words.
    #[must_use]
    pub fn finish(mut self) -> (Verdict, Vec<String>) {
        for (conversation, log) in std::mem::take(&mut self.logs) {
            let lost = log.lost();
            self.verdict.lost += lost;
            if lost > 0 && self.faults.len() < FAULTS_MAX {
                self.faults.push(format!("{conversation}: {lost} lost"));
            }
        }
        (self.verdict, self.faults)
    }

    /// Nothing is missing now: whoever follows a log has seen all of it, and what was acknowledged is in it.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.logs.values().all(Log::is_complete)
    }

    fn report(&mut self, sight: &Sight, fault: &str) {
        if self.faults.len() < FAULTS_MAX {
            let Sight { observer, conversation, seq, message_id, .. } = sight;
            self.faults.push(format!(
                "observer {observer}, {conversation}, seq {seq}, {message_id}: {fault}"
            ));
        }
    }
}

impl Log {
    /// Remembers the event of a place, or compares it with what others saw there.
    fn note(&mut self, seq: u64, entry: Entry, verdict: &mut Verdict) -> Option<&'static str> {
        let Some(index) = usize::try_from(seq).ok().and_then(|seq| seq.checked_sub(1)) else {
            verdict.reordered += 1;
            return Some("there is no seq 0");
        };
        if index >= self.entries.len() {
            self.entries.resize(index + 1, None);
        }
        match self.entries[index] {
            None => {
                self.entries[index] = Some(entry);
                verdict.events += 1;
                if !self.ids.insert(entry.message_id) {
                    verdict.duplicated += 1;
                    return Some("this message was written before, at another seq");
                }
                None
            }
            Some(known) if known == entry => None,
            Some(known) if known.message_id == entry.message_id => {
                verdict.reordered += 1;
                Some("somebody else was told another hash at this seq")
            }
            Some(_) => {
                verdict.reordered += 1;
                Some("somebody else saw another message at this seq")
            }
        }
    }

    fn holds(&self, seq: u64, entry: Entry) -> bool {
        let index = usize::try_from(seq).unwrap_or(usize::MAX).wrapping_sub(1);
        self.entries.get(index) == Some(&Some(entry))
    }

    fn is_complete(&self) -> bool {
        let end = self.entries.len() as u64;
        self.observers.values().all(|progress| progress.excused || progress.seen >= end)
            && self.acked.iter().all(|(seq, entry)| self.holds(*seq, *entry))
    }

    fn lost(&self) -> u64 {
        let mut lost = BTreeSet::new();
        let observers = || self.observers.values().filter(|progress| !progress.excused);
        for &(seq, entry) in &self.acked {
            if !self.holds(seq, entry) {
                lost.insert((u32::MAX, seq));
            }
        }
        let end = self.entries.len() as u64;
        let start = observers().map(|progress| progress.seen).min().unwrap_or(end);
        for (&observer, progress) in self.observers.iter().filter(|(_, p)| !p.excused) {
            for seq in (progress.seen.max(start) + 1)..=end {
                if !progress.ahead.contains(&seq) {
                    lost.insert((observer, seq));
                }
            }
        }
        lost.len() as u64
    }
}

impl Progress {
    fn advance(&mut self, seq: u64, verdict: &mut Verdict) -> Option<&'static str> {
        if seq == self.seen + 1 {
            self.seen = seq;
            while self.ahead.remove(&(self.seen + 1)) {
                self.seen += 1;
            }
            None
        } else if seq <= self.seen || !self.ahead.insert(seq) {
            verdict.duplicated += 1;
            Some("this observer has seen it before")
        } else {
            verdict.reordered += 1;
            Some("this observer has not seen what precedes it")
        }
    }
}

#[cfg(test)]
mod tests;
