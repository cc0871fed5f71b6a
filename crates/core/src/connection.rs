//! The life of a connection, without its socket: hello → authenticating → live ⇄ lagging → closing.
//!
//! It says what each frame means in each phase, what a passed deadline means, and how far the connection has everything.
//! Invariants: nothing is forwarded before the token was checked; **the position advances only while live and with no listing
//! open**; a listing's own position counts when its last page was sent. It refuses to know bytes, queues and who is asking.

use parlance_types::frame::{
    Bye, ClientFrame, ErrorFrame, Fetch, Hello, MarkRequest, RequestId, Send, Sync, SyncFrom,
};
use parlance_types::{
    CloseCode, Code, Position, PresenceRequest, SignalRequest, WatchRequest, limits,
};

mod signals;

use signals::Signals;

/// How long a client gets to answer a close.
const CLOSE_MS_MAX: u64 = 2_000;
/// When to ask again with fewer requests under way.
const TOO_MANY_RETRY_MS: u64 = 100;

/// The way in that a connection took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// Frames go both ways, and the client asks for what it wants.
    Socket,
    /// Frames only come down, for as long as it is open: the connection asks for heads itself, and shows that it lives.
    Stream,
    /// Frames only come down, when the client asks for them: between two polls nobody is there.
    Poll,
}

/// Something happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Any bytes arrived.
    Heard,
    /// A frame was read.
    Frame(ClientFrame),
    /// What arrived is not a frame, and why.
    Unreadable(ErrorFrame),
    /// The token is good.
    Authenticated {
        /// Where the client's own cursor stands, if it is of this epoch.
        resumed: Option<Position>,
        /// The first page of a listing goes with `ready`: where the listing is fixed, and whether pages remain.
        listing: Page,
    },
    /// The token is not good, or there is no room.
    TurnedAway(CloseCode),
    /// Everything up to here was fanned out.
    Covered(Position),
    /// The queue is full: a push was dropped.
    Overflowed,
    /// A page of a listing was sent.
    Listed(Page),
    /// A listing could not be read; its request was answered with an error.
    ListingFailed,
    /// A `fetch` or `watch` was answered.
    Fetched,
    /// A command was answered.
    Answered,
    /// The socket was written to, or would not take more.
    Wrote {
        /// It took at least one byte.
        progressed: bool,
        /// Some are left that it does not take now.
        blocked: bool,
    },
    /// A poll began to wait, or none waits any more.
    Polled {
        /// One waits.
        waits: bool,
    },
    /// The session was ended.
    Revoked,
    /// The server goes down.
    Leave {
        /// Come back after a random part of this.
        spread_ms: u64,
    },
    /// A deadline may have passed.
    Time,
}

/// A page of a listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// Where the listing is fixed.
    pub position: Position,
    /// Whether pages remain.
    pub more: bool,
}

/// What to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Nothing.
    Wait,
    /// Not now: give the frame again when [`Connection::reads`].
    Later(ClientFrame),
    /// Check the token, register, list the first page.
    Authenticate(Hello),
    /// Stamp and submit.
    Command(Send),
    /// Advance the account's marks.
    Mark(MarkRequest),
    /// Tell the other members, if they are few.
    Signal(SignalRequest),
    /// Say how the account is there.
    Presence(PresenceRequest),
    /// Tell how others are there, and answer.
    Watch(WatchRequest),
    /// Answer with a page of events.
    Fetch(Fetch),
    /// Answer with a page of heads. If it is a new listing, pushes are on from now.
    List(Sync),
    /// Answer a ping.
    Pong {
        /// The ping's.
        n: u64,
        /// How far the connection has everything; `None` before the first listing ended.
        position: Option<Position>,
    },
    /// Show that the connection lives, and how far it has everything.
    Beat(Option<Position>),
    /// Say that something was refused.
    Reply(ErrorFrame),
    /// Say that pushes are complete up to here and have stopped.
    Lag(Position),
    /// Say goodbye, write what is queued and close.
    Close(Bye),
    /// Drop the socket without a word: it takes none.
    Abandon,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Hello,
    Authenticating,
    Live,
    Lagging,
    Closing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Listing {
    None,
    /// A page is being made.
    Busy,
    /// A page was sent and the client may ask for the next.
    Open,
}

/// Heads that the connection asks for itself, where the client cannot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// The next page of the listing.
    NextPage,
    /// What changed since pushes stopped; `None`: everything.
    Since(Option<Position>),
}

/// A connection. Times are milliseconds of any clock that does not go back.
#[derive(Clone, Debug)]
pub struct Connection {
    door: Door,
    phase: Phase,
    heartbeat_ms: u64,
    /// Since when the phase lasts that has to end (hello, closing); when bytes were last heard, a beat was last sent or a poll last
    /// waited (live, lagging).
    since_ms: u64,
    /// A poll waits.
    polled: bool,
    /// Since when the socket takes no byte.
    blocked_ms: Option<u64>,
    listing: Listing,
    position: Option<Position>,
    fetches: usize,
    commands: usize,
    signals: Signals,
}

/// When a client should send its first ping: a random part of the heartbeat (`fraction` of 2^32), so that a herd that came at
/// once does not ping at once.
pub const fn first_heartbeat_ms(heartbeat_ms: u64, fraction: u32) -> u64 {
    ((heartbeat_ms as u128 * fraction as u128) >> 32) as u64
}

impl Connection {
    /// A connection that just came in.
    pub fn new(door: Door, now_ms: u64, heartbeat_ms: u64) -> Self {
        Self {
            door,
            phase: Phase::Hello,
            heartbeat_ms,
            since_ms: now_ms,
            polled: false,
            blocked_ms: None,
            listing: Listing::None,
            position: None,
            fetches: 0,
            commands: 0,
            signals: Signals::default(),
        }
    }

    /// Whether to read from the socket.
    pub fn reads(&self) -> bool {
        match self.phase {
            Phase::Hello => true,
            Phase::Live | Phase::Lagging => self.commands < limits::COMMANDS_MAX,
            Phase::Authenticating | Phase::Closing => false,
        }
    }

    /// Whether events and other pushes are to be queued.
    pub fn pushes(&self) -> bool {
        self.phase == Phase::Live
    }

    /// How far the connection has everything.
    pub fn position(&self) -> Option<Position> {
        self.position
    }

    /// When to give [`Input::Time`] at the latest.
    pub fn deadline(&self) -> Option<u64> {
        let phase = match self.phase {
            Phase::Hello => Some(self.since_ms + limits::HELLO_MS_MAX),
            Phase::Closing => Some(self.since_ms + CLOSE_MS_MAX),
            Phase::Live | Phase::Lagging => self.next_beat(),
            Phase::Authenticating => None,
        };
        let stalled = self.blocked_ms.map(|since| since + limits::STALLED_MS_MAX);
        [phase, stalled].into_iter().flatten().min()
    }

    /// When somebody has to have been heard, or to be told something.
    fn next_beat(&self) -> Option<u64> {
        match self.door {
            // Who is not read cannot be silent.
            Door::Socket => self
                .reads()
                .then_some(self.since_ms + self.heartbeat_ms + limits::HEARTBEAT_GRACE_MS),
            Door::Stream => Some(self.since_ms + self.heartbeat_ms),
            Door::Poll => (!self.polled).then_some(self.since_ms + limits::POLL_ABSENT_MS_MAX),
        }
    }

    /// The heads to ask for now that everything queued was taken; only where the client cannot ask for them itself.
    pub fn wish(&self) -> Option<Wish> {
        match (self.door, self.phase, self.listing) {
            (Door::Socket, ..) | (_, _, Listing::Busy) => None,
            (_, Phase::Lagging, _) => Some(Wish::Since(self.position)),
            (_, Phase::Live, Listing::Open) => Some(Wish::NextPage),
            _ => None,
        }
    }

    /// Takes what happened and says what to do about it.
    pub fn handle(&mut self, now_ms: u64, input: Input) -> Output {
        match input {
            Input::Time => self.time(now_ms),
            Input::Wrote { progressed, blocked } => self.wrote(now_ms, progressed, blocked),
            _ if self.phase == Phase::Closing => Output::Wait,
            Input::Heard => self.heard(now_ms),
            Input::Frame(frame) => self.frame(now_ms, frame),
            Input::Unreadable(_) if self.phase == Phase::Hello => {
                self.close(now_ms, CloseCode::ProtocolViolation)
            }
            Input::Unreadable(error) => Output::Reply(error),
            Input::Authenticated { resumed, listing } => {
                self.phase = Phase::Live;
                self.since_ms = now_ms;
                self.position = self.position.max(resumed);
                self.listed(listing)
            }
            Input::TurnedAway(code) => self.close(now_ms, code),
            Input::Covered(position) => self.covered(position),
            Input::Overflowed => self.overflowed(),
            Input::Listed(page) => self.listed(page),
            Input::ListingFailed => {
                self.listing = Listing::Open;
                match self.door {
                    Door::Socket => Output::Wait,
                    // It cannot ask again, and would not know when.
                    Door::Stream | Door::Poll => self.close(now_ms, CloseCode::Overloaded),
                }
            }
            Input::Fetched => {
                self.fetches = self.fetches.saturating_sub(1);
                Output::Wait
            }
            Input::Answered => self.answered(now_ms),
            Input::Polled { waits } => {
                self.polled = waits;
                self.heard(now_ms)
            }
            Input::Revoked => self.close(now_ms, CloseCode::SessionRevoked),
            Input::Leave { spread_ms } => match self.close(now_ms, CloseCode::ShuttingDown) {
                Output::Close(bye) => Output::Close(Bye { spread_ms: Some(spread_ms), ..bye }),
                other => other,
            },
        }
    }

    fn frame(&mut self, now_ms: u64, frame: ClientFrame) -> Output {
        match (self.phase, frame) {
            (Phase::Hello, ClientFrame::Hello(hello)) => {
                self.phase = Phase::Authenticating;
                Output::Authenticate(hello)
            }
            (Phase::Hello, _) => self.close(now_ms, CloseCode::ProtocolViolation),
            (_, frame) if !self.reads() => Output::Later(frame),
            (_, ClientFrame::Hello(_)) => {
                Output::Reply(ErrorFrame::new(None, Code::AlreadyAuthenticated))
            }
            (_, ClientFrame::Send(send)) => {
                self.commands += 1;
                Output::Command(send)
            }
            (_, ClientFrame::Mark(mark)) => Output::Mark(mark),
            (_, ClientFrame::Signal(signal)) if self.signals.pass(now_ms, signal) => {
                Output::Signal(signal)
            }
            // Of no more use: what is said so often is known already.
            (_, ClientFrame::Signal(_)) => Output::Wait,
            (_, ClientFrame::Presence(presence)) => Output::Presence(presence),
            (_, ClientFrame::Watch(watch)) => self.watch(watch),
            (_, ClientFrame::Fetch(fetch)) => self.fetch(fetch),
            (_, ClientFrame::Sync(sync)) => self.sync(sync),
            (_, ClientFrame::Ping { n }) => Output::Pong { n, position: self.position },
        }
    }

    fn fetch(&mut self, fetch: Fetch) -> Output {
        if self.requests() >= limits::REQUESTS_MAX {
            return too_many(fetch.id);
        }
        self.fetches += 1;
        Output::Fetch(fetch)
    }

    fn watch(&mut self, watch: WatchRequest) -> Output {
        if self.requests() >= limits::REQUESTS_MAX {
            return too_many(watch.id);
        }
        self.fetches += 1;
        Output::Watch(watch)
    }

    fn sync(&mut self, sync: Sync) -> Output {
        if self.listing == Listing::Busy || self.requests() >= limits::REQUESTS_MAX {
            return too_many(sync.id);
        }
        let goes_on = matches!(sync.from, SyncFrom::More(_));
        if goes_on && self.listing == Listing::None {
            let field = Some("sync.more".into());
            return Output::Reply(ErrorFrame {
                field,
                ..ErrorFrame::new(Some(sync.id), Code::InvalidField)
            });
        }
        if !goes_on {
            // Live first, heads second.
            self.phase = Phase::Live;
        }
        self.listing = Listing::Busy;
        Output::List(sync)
    }

    /// Requests that are worked on.
    fn requests(&self) -> usize {
        self.fetches + usize::from(self.listing == Listing::Busy)
    }

    fn heard(&mut self, now_ms: u64) -> Output {
        if matches!(self.phase, Phase::Live | Phase::Lagging) {
            self.since_ms = now_ms;
        }
        Output::Wait
    }

    fn answered(&mut self, now_ms: u64) -> Output {
        let read = self.reads();
        self.commands = self.commands.saturating_sub(1);
        if self.reads() && !read {
            // The silence until now was the server's choice.
            self.since_ms = now_ms;
        }
        Output::Wait
    }

    fn covered(&mut self, position: Position) -> Output {
        if self.phase == Phase::Live && self.listing == Listing::None {
            self.position = self.position.max(Some(position));
        }
        Output::Wait
    }

    fn overflowed(&mut self) -> Output {
        if self.phase != Phase::Live {
            return Output::Wait;
        }
        self.phase = Phase::Lagging;
        Output::Lag(self.position.unwrap_or_default())
    }

    fn listed(&mut self, page: Page) -> Output {
        if page.more {
            self.listing = Listing::Open;
        } else {
            self.listing = Listing::None;
            self.position = self.position.max(Some(page.position));
        }
        Output::Wait
    }

    fn wrote(&mut self, now_ms: u64, progressed: bool, blocked: bool) -> Output {
        self.blocked_ms = match (blocked, progressed, self.blocked_ms) {
            (false, _, _) => None,
            (true, false, Some(since)) => Some(since),
            (true, _, _) => Some(now_ms),
        };
        Output::Wait
    }

    fn time(&mut self, now_ms: u64) -> Output {
        if self.blocked_ms.is_some_and(|since| now_ms >= since + limits::STALLED_MS_MAX) {
            self.phase = Phase::Closing;
            return Output::Abandon;
        }
        if self.deadline().is_none_or(|deadline| now_ms < deadline) {
            return Output::Wait;
        }
        match self.phase {
            Phase::Hello => self.close(now_ms, CloseCode::HelloTimeout),
            Phase::Live | Phase::Lagging if self.door == Door::Stream => {
                self.since_ms = now_ms;
                Output::Beat(self.position)
            }
            Phase::Live | Phase::Lagging => self.close(now_ms, CloseCode::Silent),
            Phase::Closing => Output::Abandon,
            Phase::Authenticating => Output::Wait,
        }
    }

    fn close(&mut self, now_ms: u64, code: CloseCode) -> Output {
        self.phase = Phase::Closing;
        self.since_ms = now_ms;
        Output::Close(Bye { code, retry_after_ms: None, spread_ms: None })
    }
}

fn too_many(id: RequestId) -> Output {
    let retry_after_ms = Some(TOO_MANY_RETRY_MS);
    Output::Reply(ErrorFrame { retry_after_ms, ..ErrorFrame::new(Some(id), Code::TooManyRequests) })
}

#[cfg(test)]
mod tests;
