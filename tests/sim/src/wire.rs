//! The server's end of a connection: a short queue before a slow network, beside the connection machine of `parlance-core`.
//!
//! Whatever leaves through it is shown to the judge first. It refuses to know what clients make of it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use parking_lot::Mutex;
use parlance_core::connection::{Connection, Door, Input, Output, Page as ListingPage};
use parlance_engine::Watermark;
use parlance_engine::outlet::{Outlet, Peer, Push, Shared};
use parlance_types::frame::{
    ClientFrame, Cursor, Heads, Hello, Listing, Page, Ready, RequestId, ServerFrame, Sync, SyncFrom,
};
use parlance_types::{Command, ConversationId, Epoch, Micros, Position};

use crate::judge::Judge;
use crate::mutant::Mutation;
use crate::node::Listed;

/// The last event of each conversation that the other end has or was told of.
pub(crate) type Known = BTreeMap<ConversationId, u64>;

pub(crate) struct Wire {
    peer: Peer,
    epoch: Epoch,
    /// `None`: no cursors here.
    watermark: Option<Arc<Watermark>>,
    judge: Arc<Judge>,
    mutation: Option<Mutation>,
    line: Mutex<Line>,
}

struct Line {
    machine: Connection,
    queue: VecDeque<ServerFrame>,
    /// Pushes beyond which the connection lags.
    capacity: usize,
    greeted: bool,
    closed: bool,
    known: Known,
    asked: BTreeMap<RequestId, Command>,
    pushes: u64,
}

impl Wire {
    pub(crate) fn new(
        peer: Peer,
        epoch: Epoch,
        watermark: Option<Arc<Watermark>>,
        judge: Arc<Judge>,
        (capacity, mutation): (usize, Option<Mutation>),
    ) -> Self {
        let line = Line {
            machine: Connection::new(Door::Socket, 0, 30_000),
            queue: VecDeque::new(),
            capacity,
            greeted: false,
            closed: false,
            known: Known::new(),
            asked: BTreeMap::new(),
            pushes: 0,
        };
        Self { peer, epoch, watermark, judge, mutation, line: Mutex::new(line) }
    }

    /// The client says hello; `known` is what it claims with its cursor.
    pub(crate) fn hello(&self, cursor: Option<Cursor>, known: Known) {
        let mut line = self.line.lock();
        line.known = known;
        line.machine.handle(
            0,
            Input::Frame(ClientFrame::Hello(Hello { token: "".into(), cursor, presence: None })),
        );
    }

    /// Answers hello.
    pub(crate) fn greet(&self, listed: Listed, now: Micros) {
        let mut line = self.line.lock();
        line.greeted = true;
        let (resumed, position) = (listed.resumed, listed.position);
        let listing = self.listed(&mut line, listed);
        let ready = Ready {
            connection: self.peer.connection,
            session: self.peer.session,
            account: self.peer.account,
            device: self.peer.device,
            node: "".into(),
            epoch: self.epoch,
            heartbeat_ms: 30_000,
            now,
            resumed,
            listing,
        };
        line.queue.push_front(ServerFrame::Ready(Box::new(ready)));
        let page = ListingPage { position, more: false };
        line.machine.handle(0, Input::Authenticated { resumed: None, listing: page });
    }

    /// A client that lags asks for what changed. True: list it, pushes are on again.
    pub(crate) fn sync(&self, id: RequestId, cursor: Option<Cursor>) -> bool {
        let from = cursor.map_or(SyncFrom::Start, SyncFrom::Cursor);
        let frame = ClientFrame::Sync(Sync { id, from, limit: 100 });
        matches!(self.line.lock().machine.handle(0, Input::Frame(frame)), Output::List(_))
    }

    /// Answers a sync; `None`: it could not be read.
    pub(crate) fn synced(&self, id: RequestId, listed: Option<Listed>) {
        let mut line = self.line.lock();
        let Some(listed) = listed else {
            line.machine.handle(0, Input::ListingFailed);
            return;
        };
        let page = ListingPage { position: listed.position, more: false };
        let listing = self.listed(&mut line, listed);
        line.queue.push_back(ServerFrame::Heads(Box::new(Heads { id: Some(id), listing })));
        line.machine.handle(0, Input::Listed(page));
    }

    fn listed(&self, line: &mut Line, listed: Listed) -> Listing {
        for head in &listed.heads {
            line.know(head.conversation, head.seq.get());
        }
        let cursor = Cursor { epoch: self.epoch, position: listed.position };
        let cursor = self.watermark.is_some().then_some(cursor);
        if cursor.is_some() {
            self.judge.cursor(self.peer.account, listed.position, &line.known);
        }
        Listing { heads: listed.heads, cursor, ..Listing::default() }
    }

    pub(crate) fn ping(&self, n: u64) {
        let mut line = self.line.lock();
        self.cover(&mut line);
        let Output::Pong { n, position } =
            line.machine.handle(0, Input::Frame(ClientFrame::Ping { n }))
        else {
            return;
        };
        let cursor = position.map(|position| Cursor { epoch: self.epoch, position });
        let cursor = cursor.filter(|_| self.watermark.is_some());
        if let Some(cursor) = cursor {
            self.judge.cursor(self.peer.account, cursor.position, &line.known);
        }
        line.queue.push_back(ServerFrame::Pong { n, cursor });
    }

    fn cover(&self, line: &mut Line) {
        if let Some(watermark) = &self.watermark {
            line.machine.handle(0, Input::Covered(watermark.get()));
        }
    }

    pub(crate) fn page(&self, page: Page) {
        self.line.lock().queue.push_back(ServerFrame::Page(Box::new(page)));
    }

    /// Remembers what request `id` asked, for the judge.
    pub(crate) fn ask(&self, id: RequestId, command: Command) {
        self.line.lock().asked.insert(id, command);
    }

    /// Takes up to `count` frames off the queue.
    pub(crate) fn pump(&self, count: usize) -> Vec<ServerFrame> {
        let mut line = self.line.lock();
        if !line.greeted {
            return Vec::new();
        }
        let count = count.min(line.queue.len());
        line.queue.drain(..count).collect()
    }

    pub(crate) fn close(&self) {
        let mut line = self.line.lock();
        line.closed = true;
        line.queue.clear();
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.line.lock().closed
    }
}

impl Line {
    fn know(&mut self, conversation: ConversationId, seq: u64) {
        let known = self.known.entry(conversation).or_default();
        *known = seq.max(*known);
    }

    fn lag(&mut self) -> Option<Position> {
        match self.machine.handle(0, Input::Overflowed) {
            Output::Lag(position) => Some(position),
            _ => None,
        }
    }
}

impl Outlet for Wire {
    fn peer(&self) -> Peer {
        self.peer
    }

    fn push(&self, frame: &Shared<'_>) -> bool {
        let mut line = self.line.lock();
        if line.closed || (line.greeted && !line.machine.pushes()) {
            return false;
        }
        if line.greeted && line.queue.len() >= line.capacity {
            self.cover(&mut line);
            if let Some(position) = line.lag() {
                if self.watermark.is_some() {
                    self.judge.cursor(self.peer.account, position, &line.known);
                }
                let cursor = Cursor { epoch: self.epoch, position };
                line.queue.push_back(ServerFrame::Lag { cursor });
            }
            return false;
        }
        line.pushes += 1;
        if self.mutation == Some(Mutation::LosePushes) && line.pushes.is_multiple_of(5) {
            return false;
        }
        let frame = match frame.push() {
            Push::Event(event) => {
                self.judge.pushed(self.peer.account, event);
                line.know(event.conversation, event.seq.get());
                ServerFrame::Event(Box::new(event.clone()))
            }
            Push::Mark(frame) => {
                self.judge.marked(frame);
                ServerFrame::Mark(frame.clone())
            }
            Push::Signal(frame) => ServerFrame::Signal(*frame),
            Push::Presence(frame) => ServerFrame::Presence(frame.clone()),
            Push::Heads(heads) => {
                self.judge.gained(heads);
                for head in &heads.listing.heads {
                    line.know(head.conversation, head.seq.get());
                }
                ServerFrame::Heads(Box::new(heads.clone()))
            }
        };
        line.queue.push_back(frame);
        false
    }

    fn reply(&self, frame: &ServerFrame) -> bool {
        let mut line = self.line.lock();
        if let ServerFrame::Ok(ok) = frame
            && let Some(asked) = line.asked.get(&ok.id)
        {
            self.judge.answered(asked, ok);
            if !ok.duplicate {
                line.know(ok.conversation, ok.seq.get());
            }
        }
        if !line.closed {
            line.queue.push_back(frame.clone());
        }
        false
    }

    fn flush(&self) {}

    fn revoke(&self) {
        self.close();
    }
}

/// A mutant's outlet: what is for one account goes to the connection of another.
pub(crate) struct Misdirected {
    pub(crate) wire: Arc<Wire>,
    pub(crate) claimed: Peer,
}

impl Outlet for Misdirected {
    fn peer(&self) -> Peer {
        self.claimed
    }

    fn push(&self, frame: &Shared<'_>) -> bool {
        self.wire.push(frame)
    }

    fn reply(&self, frame: &ServerFrame) -> bool {
        self.wire.reply(frame)
    }

    fn flush(&self) {}

    fn revoke(&self) {}
}
