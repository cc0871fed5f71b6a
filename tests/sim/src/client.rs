//! A simple honest client: it keeps what it gets, fetches what it lacks, and asks again until it is answered.
//!
//! It shares nothing with the SDK. It refuses to know time and network: the world tells it what arrived.

mod acts;
mod replica;

use std::sync::Arc;

use parlance_types::frame::{
    Cursor, ErrorFrame, Fetch, FetchRange, Head, Ok as OkFrame, Page, RequestId, ServerFrame,
};
use parlance_types::{AccountId, Code, Command, ConversationId, DeviceId};

use crate::cast;
use crate::random::Random;
use crate::wire::Wire;

pub(crate) use acts::Act;
pub(crate) use replica::{Held, Replica, Talk};

/// Events in a page that it asks for.
const PAGE: usize = 6;
/// After so long without an answer it asks again.
const PATIENCE_MS: u64 = 1_500;
/// Commands that it remembers after they were answered, to send some of them again.
const DONE_MAX: usize = 40;

/// What a client sends on a connection.
#[derive(Clone, Debug)]
pub(crate) enum Up {
    Hello(Option<Cursor>),
    Command(RequestId, Command),
    Mark(ConversationId, u64, u64),
    Fetch(Fetch),
    Sync(Option<Cursor>),
    Ping,
}

/// A command that waits for its answer.
#[derive(Clone, Debug)]
struct Pending {
    command: Command,
    request: RequestId,
    /// When to send it, or to send it again.
    due_ms: u64,
}

pub(crate) struct Link {
    pub(crate) wire: Arc<Wire>,
    pub(crate) number: u64,
    pub(crate) ready: bool,
    /// A fetch under way, and when it was sent.
    fetching: Option<(ConversationId, u64)>,
    /// A sync under way was sent then.
    syncing: Option<u64>,
}

pub(crate) struct Device {
    pub(crate) number: usize,
    pub(crate) account: AccountId,
    pub(crate) id: DeviceId,
    pub(crate) replica: Replica,
    pub(crate) cursor: Option<Cursor>,
    /// What is on its disk: replica and cursor are stored together.
    saved: (Replica, Option<Cursor>),
    pub(crate) link: Option<Link>,
    outbox: Vec<Pending>,
    done: Vec<Command>,
    next_request: RequestId,
    /// How far its clock is behind.
    pub(crate) skew_ms: u64,
    lagging: bool,
}

impl Device {
    pub(crate) fn new(account: usize, number: usize, random: &mut Random) -> Self {
        Self {
            number: account,
            account: cast::account(account),
            id: cast::device(account, number),
            replica: Replica::default(),
            cursor: None,
            saved: (Replica::default(), None),
            link: None,
            outbox: Vec::new(),
            done: Vec::new(),
            next_request: 1,
            skew_ms: if random.percent(30) { random.below(200_000) } else { 0 },
            lagging: false,
        }
    }

    /// The connection is there; its first frame.
    pub(crate) fn connect(&mut self, wire: Arc<Wire>, number: u64) -> Up {
        self.link = Some(Link { wire, number, ready: false, fetching: None, syncing: None });
        self.lagging = false;
        Up::Hello(self.cursor)
    }

    pub(crate) fn disconnect(&mut self) {
        self.link = None;
        for pending in &mut self.outbox {
            pending.due_ms = 0;
        }
    }

    /// The app is killed: what was not stored is gone. The outbox is stored before anything of it is sent.
    pub(crate) fn crash(&mut self) {
        self.disconnect();
        (self.replica, self.cursor) = self.saved.clone();
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.link.as_ref().is_some_and(|link| link.ready)
    }

    /// Whether everything was answered and nothing is known to be missing.
    pub(crate) fn is_settled(&self) -> bool {
        let gaps = self.replica.talks.values().any(Talk::has_gap);
        self.is_ready() && self.outbox.is_empty() && !gaps && !self.lagging
    }

    pub(crate) fn unanswered(&self) -> usize {
        self.outbox.len()
    }

    pub(crate) fn wish(&mut self, command: Command) {
        let request = self.request();
        self.outbox.push(Pending { command, request, due_ms: 0 });
    }

    fn request(&mut self) -> RequestId {
        self.next_request += 1;
        self.next_request
    }

    /// What it has to send now.
    pub(crate) fn due(&mut self, now_ms: u64) -> Vec<Up> {
        if !self.is_ready() {
            return Vec::new();
        }
        let mut ups = Vec::new();
        for pending in self.outbox.iter_mut().filter(|pending| pending.due_ms <= now_ms) {
            pending.due_ms = now_ms + PATIENCE_MS;
            ups.push(Up::Command(pending.request, pending.command.clone()));
        }
        ups.extend(self.repair(now_ms));
        if self.lagging {
            ups.extend(self.sync(now_ms));
        }
        ups
    }

    /// Fetches the first gap.
    fn repair(&mut self, now_ms: u64) -> Option<Up> {
        let gap = self.replica.talks.iter().find(|(_, talk)| talk.has_gap());
        let (conversation, after) = gap.map(|(id, talk)| (*id, talk.have()))?;
        let id = self.request();
        let link = self.link.as_mut()?;
        if link.fetching.is_some_and(|(_, since)| now_ms < since + PATIENCE_MS) {
            return None;
        }
        link.fetching = Some((conversation, now_ms));
        Some(Up::Fetch(Fetch { id, conversation, range: FetchRange::After { after }, limit: PAGE }))
    }

    fn sync(&mut self, now_ms: u64) -> Option<Up> {
        let link = self.link.as_mut()?;
        if link.syncing.is_some_and(|since| now_ms < since + PATIENCE_MS) {
            return None;
        }
        link.syncing = Some(now_ms);
        Some(Up::Sync(self.cursor))
    }

    /// A frame arrived.
    pub(crate) fn receive(&mut self, frame: ServerFrame, now_ms: u64) -> Vec<Up> {
        match frame {
            ServerFrame::Ready(ready) => {
                if let Some(link) = &mut self.link {
                    link.ready = true;
                }
                let ups = self.heads(&ready.listing.heads);
                self.store(ready.listing.cursor);
                return ups;
            }
            ServerFrame::Heads(heads) => {
                if heads.id.is_some() {
                    self.lagging = false;
                    if let Some(link) = &mut self.link {
                        link.syncing = None;
                    }
                }
                let ups = self.heads(&heads.listing.heads);
                self.store(heads.listing.cursor);
                return ups;
            }
            ServerFrame::Event(event) => self.replica.event(self.account, &event),
            ServerFrame::Ok(ok) => self.answered(&ok),
            ServerFrame::Error(error) => self.refused(&error, now_ms),
            ServerFrame::Page(page) => self.page(&page),
            ServerFrame::Lag { cursor } => {
                self.lagging = true;
                self.store(Some(cursor));
            }
            ServerFrame::Pong { cursor, .. } => self.store(cursor),
            ServerFrame::Mark(_)
            | ServerFrame::Signal(_)
            | ServerFrame::Presence(_)
            | ServerFrame::Done { .. }
            | ServerFrame::Bye(_) => {}
        }
        Vec::new()
    }

    /// Takes heads; where its own marks are ahead it says them again.
    fn heads(&mut self, heads: &[Head]) -> Vec<Up> {
        let mut again = Vec::new();
        for head in heads {
            self.replica.head(head);
            let own = self.replica.talks.get(&head.conversation).map_or((0, 0), |talk| talk.marks);
            let shown = head.marks.iter().find(|marks| marks.account == self.account);
            let seq = |seq: Option<parlance_types::Seq>| seq.map_or(0, parlance_types::Seq::get);
            let shown = shown.map_or((0, 0), |marks| (seq(marks.delivered), seq(marks.read)));
            if own.0 > shown.0 || own.1 > shown.1 {
                again.push(Up::Mark(head.conversation, own.0, own.1));
            }
        }
        again
    }

    /// Stores a cursor, after everything that came before it.
    fn store(&mut self, cursor: Option<Cursor>) {
        if cursor.is_some() {
            self.cursor = cursor;
            self.saved = (self.replica.clone(), cursor);
        }
    }

    pub(crate) fn answered(&mut self, ok: &OkFrame) {
        let Some(command) = self.finish(ok.id) else { return };
        self.replica.ok(&command, ok);
    }

    fn finish(&mut self, request: RequestId) -> Option<Command> {
        let at = self.outbox.iter().position(|pending| pending.request == request)?;
        let command = self.outbox.remove(at).command;
        if self.done.len() < DONE_MAX {
            self.done.push(command.clone());
        }
        Some(command)
    }

    pub(crate) fn refused(&mut self, error: &ErrorFrame, now_ms: u64) {
        let Some(request) = error.id else { return };
        match error.code {
            Code::OutcomeUnknown
            | Code::Unavailable
            | Code::StorageFull
            | Code::ShuttingDown
            | Code::Internal => {
                let asked = self.outbox.iter_mut().find(|pending| pending.request == request);
                if let Some(pending) = asked {
                    pending.due_ms = now_ms + 200;
                }
            }
            _ => {
                self.finish(request);
            }
        }
    }

    fn page(&mut self, page: &Page) {
        self.replica.page(self.account, page);
        if let Some(link) = &mut self.link
            && link.fetching.is_some_and(|(conversation, _)| conversation == page.conversation)
        {
            link.fetching = None;
        }
    }
}
