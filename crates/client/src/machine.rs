//! The client without its sockets: frames, time and randomness in; frames, and what became of the conversations, out.
//!
//! **A cursor is handed out only after everything that it covers.** An event is handed out only if it is the next one of its
//! conversation, and once.

mod backoff;
mod ephemera;
mod outbox;
mod outcome;
mod personal;
mod random;
mod replica;
mod session;
mod trail;

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::{Duration, Instant};

use parlance_types::frame::{
    Bye, ClientFrame, Cursor, Deleted, ErrorFrame, Fetch, FetchRange, Head, MarkFrame, MarkRequest,
    Now, Page, Person, RequestId,
};
use parlance_types::{
    AccountId, CloseCode, ConversationId, ConversationKind, DeviceId, Event, MessageId, Micros,
    PersonalAt, PresenceFrame, Seq, SignalFrame, limits,
};

use backoff::Backoff;
use ephemera::Ephemera;
use outbox::Outbox;
use personal::Known;
use random::Random;
use replica::{Question, Replica};

pub use outbox::Entry;
pub use trail::Trail;

/// Pulls under way at a time; the server allows [`limits::REQUESTS_MAX`] requests.
const PULLS_MAX: usize = 4;
/// How long the answer to `hello` may take.
const GREETING: Duration = Duration::from_secs(10);

/// What has to survive the process: written together with, or after, the events that were handed out before it was taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Saved {
    /// Where to resume.
    pub cursor: Option<Cursor>,
    /// How far each conversation is held.
    pub conversations: Vec<(ConversationId, Trail)>,
    /// What was not acknowledged yet.
    pub outbox: Vec<Entry>,
    /// What the account keeps of conversations.
    pub personal: Vec<(ConversationId, PersonalAt)>,
}

/// Choices of the caller.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Of a conversation that is not held at all, at most this many of the newest events are fetched.
    pub backlog: u64,
    /// Random, so that many clients do not come back at the same time.
    pub seed: u64,
}

/// What the caller has to do, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Open a socket, then call [`Machine::connected`] or [`Machine::disconnected`].
    Connect,
    /// Send this frame on it.
    Transmit(ClientFrame),
    /// Close the socket; [`Machine::disconnected`] need not be called.
    Disconnect,
    /// The token is no longer good: get another and call [`Machine::authenticate`].
    Reauthenticate,
    /// The server asked not to come back.
    Stop(CloseCode),
    /// Something happened that the application wants to know.
    Update(Update),
}

/// What became of conversations and messages. Events of a conversation come in order, each once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Update {
    /// The connection is live.
    Ready {
        /// Whose connection.
        account: AccountId,
        /// Which device.
        device: DeviceId,
        /// The server's clock.
        now: Micros,
    },
    /// The connection is gone; it comes back by itself.
    Offline,
    /// How somebody is shown.
    Person(Person),
    /// How a conversation looks in a list. Its marks replace what was known.
    Head(Box<Head>),
    /// What the account keeps of a conversation, as one of its devices wished it: replaces what was known.
    Personal {
        /// Of which.
        conversation: ConversationId,
        /// Since which event of the log of the own devices, and how.
        personal: Box<PersonalAt>,
    },
    /// The next event of its conversation, and how it looks today where that differs.
    Event {
        /// As logged.
        event: Box<Event>,
        /// Later changes that are counted in.
        now: Option<Now>,
    },
    /// The next event, whose content is gone.
    Deleted {
        /// Where.
        conversation: ConversationId,
        /// What is left.
        deleted: Deleted,
    },
    /// The next events may not be seen.
    Hidden {
        /// Where.
        conversation: ConversationId,
        /// From here
        seq: Seq,
        /// to here.
        up_to: Seq,
    },
    /// The server's history is another one above `prefix` (it was restored from a backup): drop what lies above; it is handed out
    /// anew as it is now. Own messages among the dropped may be sent again, with their ids, unless they are known as deleted.
    Truncated {
        /// Where.
        conversation: ConversationId,
        /// The last event that both histories have; `None`: drop everything.
        prefix: Option<Seq>,
    },
    /// A message is durable. Its event is handed out by itself.
    Sent {
        /// Its name.
        message_id: MessageId,
        /// Where it went.
        conversation: ConversationId,
        /// Its place.
        seq: Seq,
    },
    /// A message was refused for good, and is out of the outbox.
    Refused {
        /// What was to be sent.
        entry: Entry,
        /// Why; `None`: what it changed no longer exists.
        error: Option<ErrorFrame>,
    },
    /// How far others have come.
    Marks(MarkFrame),
    /// What somebody is about to say; over after [`limits::SIGNAL_MS`].
    Signal(SignalFrame),
    /// How somebody is there, or what this account's person chose on another device.
    Presence(PresenceFrame),
    /// The answer to [`Machine::history`].
    History(Box<Page>),
    /// A request was refused.
    Error(ErrorFrame),
    /// Everything up to here was handed out.
    Cursor(Cursor),
}

#[derive(Clone, Debug)]
enum Phase {
    /// Not connected until then.
    Waiting(Instant),
    Connecting,
    /// `hello` is sent; the answer has to come by then.
    Greeting(Instant),
    Live,
    /// Until there is a token.
    Unauthenticated,
    Stopped,
}

#[derive(Clone, Copy, Debug)]
enum Request {
    Pull(ConversationId),
    Sync,
    History,
    Watch,
}

/// The client of one account on one device.
#[derive(Debug)]
pub struct Machine {
    options: Options,
    random: Random,
    backoff: Backoff,
    phase: Phase,
    token: Option<Box<str>>,
    bye: Option<Bye>,
    cursor: Option<Cursor>,
    /// What [`Update::Cursor`] will tell once nothing is missing.
    candidate: Option<Cursor>,
    me: Option<(AccountId, DeviceId)>,
    replicas: HashMap<ConversationId, Replica>,
    /// Replicas that miss something.
    behind: HashSet<ConversationId>,
    listing: Option<Listing>,
    requests: HashMap<RequestId, Request>,
    last_request: RequestId,
    outbox: Outbox,
    known: Known,
    /// Own marks, the greatest of each: told again where the server does not have them.
    marks: HashMap<ConversationId, MarkRequest>,
    ephemera: Ephemera,
    heartbeat: Duration,
    heard: Instant,
    next_ping: Instant,
    outputs: VecDeque<Output>,
}

/// A listing that is not finished.
#[derive(Debug)]
struct Listing {
    /// What was held when it began; a head below that contradicts it.
    base: HashMap<ConversationId, u64>,
    /// The server does not know our cursor: everything held is in doubt until its head was seen.
    doubt: bool,
    seen: HashSet<ConversationId>,
    /// The server stopped to push meanwhile: what to list next.
    then: Option<Cursor>,
}

impl Machine {
    /// A client that goes on where `saved` ends. It connects once it has a token.
    #[must_use]
    pub fn new(saved: Saved, options: Options, now: Instant) -> Self {
        let replicas = saved
            .conversations
            .into_iter()
            .map(|(conversation, trail)| (conversation, Replica::new(trail, options.backlog)));
        Self {
            random: Random::new(options.seed),
            backoff: Backoff::default(),
            phase: Phase::Unauthenticated,
            token: None,
            bye: None,
            cursor: saved.cursor,
            candidate: None,
            me: None,
            replicas: replicas.collect(),
            behind: HashSet::new(),
            listing: None,
            requests: HashMap::new(),
            last_request: 0,
            outbox: Outbox::restore(saved.outbox),
            known: Known::restore(saved.personal),
            marks: HashMap::new(),
            ephemera: Ephemera::default(),
            heartbeat: Duration::from_millis(limits::HEARTBEAT_MS),
            heard: now,
            next_ping: now,
            outputs: VecDeque::new(),
            options,
        }
    }

    /// What to do next.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// What to store. `None` while there are outputs to [`Self::poll`]: storing a position before its events would lose them.
    #[must_use]
    pub fn saved(&self) -> Option<Saved> {
        if !self.outputs.is_empty() {
            return None;
        }
        let conversations =
            self.replicas.iter().map(|(id, replica)| (*id, replica.trail().clone()));
        Some(Saved {
            cursor: self.cursor,
            conversations: conversations.collect(),
            outbox: self.outbox.entries().cloned().collect(),
            personal: self.known.all(),
        })
    }

    /// Whether frames reach the server now.
    #[must_use]
    pub const fn is_live(&self) -> bool {
        matches!(self.phase, Phase::Live)
    }

    /// Nothing is missing and nothing waits to be sent.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.is_live()
            && self.listing.is_none()
            && self.behind.is_empty()
            && self.outbox.entries().next().is_none()
    }

    /// Puts something into the outbox. Doing it again changes nothing.
    pub fn send(&mut self, now: Instant, entry: Entry) {
        self.outbox.push(entry);
        self.pump(now);
    }

    /// Tells how far the account has come. Greater ones of the past are kept.
    pub fn mark(&mut self, mark: MarkRequest) {
        let known = self.marks.entry(mark.conversation).or_insert(mark);
        known.delivered = known.delivered.max(mark.delivered).max(mark.read);
        known.read = known.read.max(mark.read);
        let frame = ClientFrame::Mark(*known);
        if self.is_live() {
            self.transmit(frame);
        }
    }

    /// Asks for the events below `before`; answered by [`Update::History`], or not if the connection goes.
    pub fn history(&mut self, conversation: ConversationId, before: Option<Seq>, limit: usize) {
        if self.is_live() {
            let id = self.request(Request::History);
            let range = FetchRange::Before { before };
            self.transmit(ClientFrame::Fetch(Fetch { id, conversation, range, limit }));
        }
    }

    /// When [`Self::tick`] has something to do.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        match self.phase {
            Phase::Waiting(until) | Phase::Greeting(until) => Some(until),
            Phase::Connecting | Phase::Unauthenticated | Phase::Stopped => None,
            Phase::Live => {
                let pulls = self.behind.iter().filter_map(|id| self.replicas.get(id)?.pull_at());
                let first =
                    pulls.chain(self.outbox.deadline()).chain(self.ephemera.deadline()).min();
                let alive = self.next_ping.min(self.heard + self.silence_max());
                Some(first.map_or(alive, |first| first.min(alive)))
            }
        }
    }

    /// Time has passed.
    pub fn tick(&mut self, now: Instant) {
        match self.phase {
            Phase::Waiting(until) if now >= until => {
                self.phase = Phase::Connecting;
                self.outputs.push_back(Output::Connect);
            }
            Phase::Greeting(until) if now >= until => self.hang_up(now),
            Phase::Live if now >= self.heard + self.silence_max() => self.hang_up(now),
            Phase::Live => {
                self.watch_if_due(now);
                if now >= self.next_ping {
                    self.next_ping = now + self.heartbeat;
                    self.transmit(ClientFrame::Ping { n: 1 });
                }
                self.pump(now);
            }
            _ => {}
        }
    }

    /// Sends what may be sent, pulls what is missing, hands out the cursor when nothing is.
    fn pump(&mut self, now: Instant) {
        if !self.is_live() {
            return;
        }
        let last = &mut self.last_request;
        let sends = self.outbox.due(now, || {
            *last += 1;
            *last
        });
        for send in sends {
            self.transmit(ClientFrame::Send(send));
        }
        self.pull(now);
        if self.behind.is_empty()
            && self.listing.is_none()
            && let Some(cursor) = self.candidate.take()
            && self.cursor != Some(cursor)
        {
            self.cursor = Some(cursor);
            self.update(Update::Cursor(cursor));
        }
    }

    fn pull(&mut self, now: Instant) {
        let pulls = |requests: &HashMap<RequestId, Request>| {
            requests.values().filter(|request| matches!(request, Request::Pull(_))).count()
        };
        let mut room = PULLS_MAX.saturating_sub(pulls(&self.requests));
        let due: Vec<ConversationId> = self
            .behind
            .iter()
            .copied()
            .filter(|id| self.replicas[id].pull_at().is_some_and(|at| at <= now))
            .collect();
        for conversation in due {
            if room == 0 {
                return;
            }
            room -= 1;
            let id = self.request(Request::Pull(conversation));
            let replica = self.replicas.get_mut(&conversation).expect("what is behind exists");
            replica.pulling = true;
            let (range, limit) = match replica.question() {
                Question::Above(after) => (FetchRange::After { after }, limits::PAGE_EVENTS_MAX),
                Question::Compare(seq) => (FetchRange::After { after: seq.get() - 1 }, 1),
            };
            self.transmit(ClientFrame::Fetch(Fetch { id, conversation, range, limit }));
        }
    }

    /// Lets `change` work on a replica and keeps the book of those that miss something.
    fn with_replica<T>(
        &mut self,
        conversation: ConversationId,
        change: impl FnOnce(&mut Replica, &mut Vec<Update>) -> T,
    ) -> Option<T> {
        let replica = self.replicas.get_mut(&conversation)?;
        let mut updates = Vec::new();
        let result = change(replica, &mut updates);
        if replica.is_behind() {
            self.behind.insert(conversation);
        } else {
            self.behind.remove(&conversation);
        }
        for update in updates {
            self.follow(&update);
            self.update(update);
        }
        Some(result)
    }

    /// What an update means for the outbox.
    fn follow(&mut self, update: &Update) {
        match update {
            Update::Event { event, .. } if Some(event.sender) == self.account() => {
                self.take_event(event);
                if let Some(entry) = self.outbox.seen(event.message_id) {
                    let (conversation, seq) = (event.conversation, event.seq);
                    let message_id = entry.message_id;
                    self.update(Update::Sent { message_id, conversation, seq });
                }
            }
            Update::Truncated { conversation, prefix } => {
                if conversation.kind() == Some(ConversationKind::Account) {
                    self.forget_beyond(*prefix);
                }
                for entry in self.outbox.cut(*conversation, *prefix) {
                    self.update(Update::Refused { entry, error: None });
                }
            }
            _ => {}
        }
    }

    fn account(&self) -> Option<AccountId> {
        self.me.map(|(account, _)| account)
    }

    fn silence_max(&self) -> Duration {
        self.heartbeat + Duration::from_millis(limits::HEARTBEAT_GRACE_MS)
    }

    fn request(&mut self, request: Request) -> RequestId {
        self.last_request += 1;
        self.requests.insert(self.last_request, request);
        self.last_request
    }

    fn transmit(&mut self, frame: ClientFrame) {
        self.outputs.push_back(Output::Transmit(frame));
    }

    fn update(&mut self, update: Update) {
        self.outputs.push_back(Output::Update(update));
    }
}

#[cfg(test)]
pub(crate) mod tests;
