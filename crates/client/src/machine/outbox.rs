//! What is on its way to the server. **An entry stays, under the same message id, until the server says what became of it.**

use std::time::{Duration, Instant};

use parlance_types::frame::{Place, RequestId, Send};
use parlance_types::{Action, ConversationId, MessageId, Seq};

/// Sends that wait for their `ok` at a time.
const IN_FLIGHT_MAX: usize = 64;
/// How often an unknown outcome is asked about at once, before pausing.
const AT_ONCE_MAX: u32 = 2;

/// Something to write, as the caller may store it. Its name makes sending it again harmless.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The name that it keeps for ever.
    pub message_id: MessageId,
    /// Where it goes.
    pub place: Place,
    /// What is to happen there.
    pub action: Action,
}

#[derive(Clone, Debug)]
struct Pending {
    entry: Entry,
    state: State,
    attempts: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waiting(Option<Instant>),
    InFlight(RequestId),
}

/// Entries in the order in which they were made. Those of one place are not overtaken by later ones while they wait for a retry.
#[derive(Clone, Debug, Default)]
pub(super) struct Outbox {
    pending: Vec<Pending>,
}

impl Outbox {
    pub(super) fn restore(entries: Vec<Entry>) -> Self {
        let mut outbox = Self::default();
        for entry in entries {
            outbox.push(entry);
        }
        outbox
    }

    /// An id that is in the outbox already is the same message.
    pub(super) fn push(&mut self, entry: Entry) {
        if !self.pending.iter().any(|pending| pending.entry.message_id == entry.message_id) {
            self.pending.push(Pending { entry, state: State::Waiting(None), attempts: 0 });
        }
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.pending.iter().map(|pending| &pending.entry)
    }

    /// What may be sent now; each is in flight from here on.
    pub(super) fn due(
        &mut self,
        now: Instant,
        mut next_id: impl FnMut() -> RequestId,
    ) -> Vec<Send> {
        let in_flight = |p: &&Pending| matches!(p.state, State::InFlight(_));
        let mut room = IN_FLIGHT_MAX.saturating_sub(self.pending.iter().filter(in_flight).count());
        let mut blocked: Vec<Place> = Vec::new();
        let mut sends = Vec::new();
        for pending in &mut self.pending {
            let State::Waiting(not_before) = pending.state else { continue };
            if room == 0 {
                break;
            }
            if not_before.is_some_and(|time| time > now) || blocked.contains(&pending.entry.place) {
                blocked.push(pending.entry.place.clone());
                continue;
            }
            let id = next_id();
            pending.state = State::InFlight(id);
            room -= 1;
            sends.push(Send {
                id,
                place: pending.entry.place.clone(),
                message_id: Some(pending.entry.message_id),
                action: pending.entry.action.clone(),
            });
        }
        sends
    }

    /// When something that waits may be sent.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let waiting = self.pending.iter().filter_map(|pending| match pending.state {
            State::Waiting(not_before) => not_before,
            State::InFlight(_) => None,
        });
        waiting.min()
    }

    /// The server answered this request: the entry leaves.
    pub(super) fn answered(&mut self, id: RequestId) -> Option<Entry> {
        let index = self.in_flight(id)?;
        Some(self.pending.remove(index).entry)
    }

    /// The message was seen in the log: the entry leaves, wherever it stood.
    pub(super) fn seen(&mut self, message_id: MessageId) -> Option<Entry> {
        let index = self.pending.iter().position(|p| p.entry.message_id == message_id)?;
        Some(self.pending.remove(index).entry)
    }

    /// The request may succeed later: at once (for the first few times) or after `pause`, which is told the number of attempts.
    pub(super) fn retry(
        &mut self,
        id: RequestId,
        now: Instant,
        at_once: bool,
        pause: impl FnOnce(u32) -> Duration,
    ) -> bool {
        let Some(index) = self.in_flight(id) else { return false };
        let pending = &mut self.pending[index];
        let wait = !at_once || pending.attempts >= AT_ONCE_MAX;
        pending.state = State::Waiting(wait.then(|| now + pause(pending.attempts)));
        pending.attempts = pending.attempts.saturating_add(1);
        true
    }

    /// What was in flight on a connection that is gone has an unknown outcome: it is sent again.
    pub(super) fn disconnected(&mut self) {
        for pending in &mut self.pending {
            if matches!(pending.state, State::InFlight(_)) {
                pending.state = State::Waiting(None);
            }
        }
    }

    /// The log of a conversation ends at `prefix` now: what points beyond it points nowhere. Replies lose their reference, changes
    /// of events that are gone are given back.
    pub(super) fn cut(&mut self, conversation: ConversationId, prefix: Option<Seq>) -> Vec<Entry> {
        let mut gone = Vec::new();
        self.pending.retain_mut(|pending| {
            if pending.entry.place != Place::Conversation(conversation) {
                return true;
            }
            if let Action::Send { reply_to, seen, .. } = &mut pending.entry.action {
                *reply_to = reply_to.filter(|seq| Some(*seq) <= prefix);
                *seen = (*seen).min(prefix);
                return true;
            }
            let stays = pending.entry.action.target().is_none_or(|seq| Some(seq) <= prefix);
            if !stays {
                gone.push(pending.entry.clone());
            }
            stays
        });
        gone
    }

    fn in_flight(&self, id: RequestId) -> Option<usize> {
        self.pending.iter().position(|pending| pending.state == State::InFlight(id))
    }
}
