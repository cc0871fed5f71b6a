//! What a connection asked for: commands go to the engine at once, reads run beside the socket, listings one after the other.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::stream::{FuturesUnordered, Stream};
use parlance_core::Refusal;
use parlance_core::connection::{Input, Output, Page, Wish};
use parlance_engine::follow::{Followed, traced};
use parlance_engine::outlet::Outlet;
use parlance_engine::reply::{self, Reply};
use parlance_engine::{Engine, Listing};
use parlance_types::frame::{
    ClientFrame, ErrorFrame, Fetch, Heads, MarkRequest, RequestId, Send, ServerFrame, Sync,
    SyncFrom,
};
use parlance_types::{Code, Command, Stamp, Verdict, WatchRequest, limits};

use super::now_ms;
use super::queue::Outgoing;
use super::wire::goodbye;
use crate::command;

/// How long a connection is not read from for each command of it that was one too many.
const REFUSED_PAUSE_MS: u64 = 10;
/// The longest such pause: its pings must come through.
const PAUSE_MS_MAX: u64 = 5_000;

type Running = Pin<Box<dyn Future<Output = Done> + std::marker::Send>>;

/// What a request that ran beside the socket came to.
enum Done {
    Fetched(Bytes),
    Listed(Bytes, Page, Option<Listing>),
    ListingFailed(Bytes),
    /// The accounts that the command names were looked up.
    Stamped(RequestId, Box<Command>, Result<Stamp, Refusal>),
}

/// The requests of one connection.
pub(crate) struct Requests {
    engine: Arc<Engine>,
    outgoing: Arc<Outgoing>,
    /// Made when something runs, dropped when nothing does: an idle connection holds none.
    running: Option<Box<FuturesUnordered<Running>>>,
    listing: Option<Listing>,
    /// A command waits for its stamp; what came after it waits in `backlog`, since the order of commands is the client's.
    stamping: bool,
    backlog: VecDeque<ClientFrame>,
    /// Whoever sends on after `rate_limited` is read from more slowly: refusing costs something too, and that is others' time.
    paused_until_ms: u64,
}

impl Requests {
    pub(crate) fn new(
        engine: Arc<Engine>,
        outgoing: Arc<Outgoing>,
        listing: Option<Listing>,
    ) -> Self {
        Self {
            engine,
            outgoing,
            running: None,
            listing,
            stamping: false,
            backlog: VecDeque::new(),
            paused_until_ms: 0,
        }
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    pub(crate) fn outgoing(&self) -> &Arc<Outgoing> {
        &self.outgoing
    }

    /// What was read cannot be worked on yet.
    pub(crate) fn must_pause(&self) -> bool {
        self.stamping || self.paused_until_ms().is_some()
    }

    /// When reading goes on that pauses because of what was refused.
    pub(crate) fn paused_until_ms(&self) -> Option<u64> {
        let until = self.paused_until_ms;
        (until > 0 && until > now_ms()).then_some(until)
    }

    /// Takes the frames of one message. True if the caller owes a flush.
    pub(crate) fn receive(&mut self, payload: &[u8]) -> bool {
        let mut owed = false;
        self.outgoing.wire().decode(payload, &mut |frame| {
            self.engine.metrics().frames.increment();
            owed |= match frame {
                Ok(frame) if self.stamping || !self.backlog.is_empty() => {
                    self.backlog.push_back(frame);
                    false
                }
                Ok(frame) => self.frame(frame),
                Err(error) => match self.outgoing.handle(Input::Unreadable(error.into_frame())) {
                    Output::Reply(error) => self.refuse(error),
                    _ => false,
                },
            };
        });
        owed
    }

    /// Takes the frames that had to wait, as far as they may.
    pub(crate) fn go_on(&mut self) {
        let mut owed = false;
        let waiting = self.backlog.len();
        for _ in 0..waiting {
            if self.stamping {
                break;
            }
            let Some(frame) = self.backlog.pop_front() else { break };
            let left = self.backlog.len();
            owed |= self.frame(frame);
            if self.backlog.len() > left {
                // Not yet: it went to the end, and its place is the front.
                self.backlog.rotate_right(1);
                break;
            }
        }
        if owed {
            self.outgoing.flush();
        }
    }

    /// Asks for the heads that the connection wants, where its client cannot ask.
    pub(crate) fn ask_for_heads(&mut self) {
        let Some(wish) = self.outgoing.wish() else { return };
        let from = match wish {
            Wish::NextPage => match self.listing.as_ref().and_then(Listing::more) {
                Some(more) => SyncFrom::More(more),
                None => return,
            },
            Wish::Since(Some(position)) => SyncFrom::Cursor(self.outgoing.cursor(position)),
            Wish::Since(None) => SyncFrom::Start,
        };
        let sync = Sync { id: 0, from, limit: limits::PAGE_HEADS_DEFAULT };
        self.frame(ClientFrame::Sync(sync));
    }

    fn refuse(&self, error: ErrorFrame) -> bool {
        self.engine.metrics().refused(error.code);
        self.outgoing.send(self.outgoing.encode(&ServerFrame::Error(traced(error))))
    }

    /// What is answered only if it is refused.
    fn say_if_refused(&self, result: Result<(), Refusal>) -> bool {
        result.is_err_and(|refusal| self.refuse(reply::refused(None, &refusal)))
    }

    fn frame(&mut self, frame: ClientFrame) -> bool {
        if let ClientFrame::Ping { .. } = frame {
            self.outgoing.cover();
        }
        match self.outgoing.handle(Input::Frame(frame)) {
            Output::Command(send) => self.send(send),
            Output::Mark(mark) => {
                let outlet = self.outgoing.clone();
                let MarkRequest { conversation, delivered, read } = mark;
                self.say_if_refused(self.engine.mark(outlet, conversation, delivered, read))
            }
            Output::Signal(signal) => {
                self.say_if_refused(self.engine.signal(self.outgoing.clone(), signal))
            }
            Output::Presence(presence) => {
                self.engine.say_presence(self.outgoing.peer(), &presence);
                false
            }
            Output::Watch(watch) => self.watch(watch),
            Output::Fetch(fetch) => self.fetch(fetch),
            Output::List(sync) => self.sync(sync),
            Output::Pong { n, position } => {
                let cursor = position.map(|position| self.outgoing.cursor(position));
                self.outgoing.send(self.outgoing.encode(&ServerFrame::Pong { n, cursor }))
            }
            Output::Reply(error) => self.refuse(error),
            Output::Later(frame) => {
                self.backlog.push_back(frame);
                false
            }
            Output::Wait
            | Output::Authenticate(_)
            | Output::Lag(_)
            | Output::Beat(_)
            | Output::Close(_)
            | Output::Abandon => false,
        }
    }

    fn send(&mut self, send: Send) -> bool {
        let id = send.id;
        let peer = self.outgoing.peer();
        let command = match command::from_send(send, peer.account, Some(peer.device)) {
            Ok(command) => command,
            Err(refusal) => return self.refuse_command(id, &refusal),
        };
        if let Some(stamp) = self.engine.stamp_now(&command) {
            self.submit(id, command, stamp);
            return false;
        }
        self.stamping = true;
        let engine = self.engine.clone();
        let command = Box::new(command);
        self.run(Box::pin(async move {
            let stamp = engine.stamp(&command).await;
            Done::Stamped(id, command, stamp)
        }));
        false
    }

    /// Answers a command that never reached the engine.
    fn refuse_command(&self, id: RequestId, refusal: &Refusal) -> bool {
        self.engine.metrics().refused(refusal.code);
        self.outgoing.reply(&ServerFrame::Error(reply::refused(Some(id), refusal)))
    }

    fn submit(&mut self, id: RequestId, command: Command, stamp: Stamp) {
        if let Verdict::RateLimited { .. } = stamp.verdict {
            let now = now_ms();
            let later = self.paused_until_ms.max(now) + REFUSED_PAUSE_MS;
            self.paused_until_ms = later.min(now + PAUSE_MS_MAX);
        }
        let outlet = self.outgoing.clone();
        let followed = Followed::command(outlet.peer(), id, &command);
        self.engine.submit(command, stamp, Reply::Socket { outlet, id, followed });
    }

    fn fetch(&mut self, fetch: Fetch) -> bool {
        let (engine, account) = (self.engine.clone(), self.outgoing.peer().account);
        self.beside(fetch.id, async move {
            engine.fetch(account, fetch).await.map(|page| ServerFrame::Page(Box::new(page)))
        })
    }

    fn watch(&mut self, watch: WatchRequest) -> bool {
        let (engine, outgoing) = (self.engine.clone(), self.outgoing.clone());
        let id = watch.id;
        self.beside(id, async move {
            engine.watch(outgoing, watch).await.map(|()| ServerFrame::Done { id })
        })
    }

    /// Works on request `id` beside the socket.
    fn beside(
        &mut self,
        id: RequestId,
        work: impl Future<Output = Result<ServerFrame, Refusal>> + std::marker::Send + 'static,
    ) -> bool {
        let wire = self.outgoing.wire();
        self.run(Box::pin(async move {
            let refused = |refusal| ServerFrame::Error(reply::refused(Some(id), &refusal));
            Done::Fetched(wire.encode(&work.await.unwrap_or_else(refused)))
        }));
        false
    }

    fn sync(&mut self, sync: Sync) -> bool {
        let account = self.outgoing.peer().account;
        let held = self.listing.take();
        let listing = match (&sync.from, held) {
            (SyncFrom::More(more), Some(listing)) if listing.more().as_ref() == Some(more) => {
                Some(listing)
            }
            (SyncFrom::More(_), held) => {
                self.listing = held;
                self.outgoing.handle(Input::ListingFailed);
                let error = ErrorFrame::new(Some(sync.id), Code::InvalidField);
                return self.refuse(ErrorFrame { field: Some("sync.more".into()), ..error });
            }
            _ => None,
        };
        let engine = self.engine.clone();
        let wire = self.outgoing.wire();
        self.run(Box::pin(async move {
            match list(&engine, account, &sync, listing).await {
                Ok((heads, listing)) => {
                    let page =
                        Page { position: listing.position(), more: heads.listing.more.is_some() };
                    let rest = page.more.then_some(listing);
                    Done::Listed(wire.encode(&ServerFrame::Heads(Box::new(heads))), page, rest)
                }
                Err(refusal) => {
                    let error = reply::refused(Some(sync.id), &refusal);
                    Done::ListingFailed(wire.encode(&ServerFrame::Error(error)))
                }
            }
        }));
        false
    }

    fn run(&mut self, running: Running) {
        self.running.get_or_insert_default().push(running);
    }

    /// As [`Requests::poll`]; ready if something was answered.
    pub(crate) fn poll_answered(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.poll(cx) { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Goes on with what runs. True if something was answered and the loop must look again.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> bool {
        let mut answered = false;
        while let Some(running) = &mut self.running {
            match Pin::new(&mut **running).poll_next(cx) {
                Poll::Ready(Some(done)) => {
                    answered = true;
                    self.complete(done);
                }
                Poll::Ready(None) => self.running = None,
                Poll::Pending => break,
            }
        }
        if answered {
            self.outgoing.flush();
        }
        answered
    }

    fn complete(&mut self, done: Done) {
        match done {
            Done::Fetched(bytes) => {
                self.outgoing.send(bytes);
                self.outgoing.handle(Input::Fetched);
            }
            Done::Listed(bytes, page, listing) => {
                self.listing = listing;
                self.outgoing.send(bytes);
                self.outgoing.handle(Input::Listed(page));
            }
            Done::ListingFailed(bytes) => {
                self.outgoing.send(bytes);
                if let Output::Close(bye) = self.outgoing.handle(Input::ListingFailed) {
                    self.outgoing.close(goodbye(self.outgoing.wire(), &bye));
                }
            }
            Done::Stamped(id, command, stamp) => {
                self.stamping = false;
                match stamp {
                    Ok(stamp) => self.submit(id, *command, stamp),
                    Err(refusal) => {
                        self.refuse_command(id, &refusal);
                    }
                }
            }
        }
    }
}

async fn list(
    engine: &Engine,
    account: parlance_types::AccountId,
    sync: &Sync,
    listing: Option<Listing>,
) -> Result<(Heads, Listing), Refusal> {
    let mut listing = match listing {
        Some(listing) => listing,
        None => {
            let since = match sync.from {
                SyncFrom::Cursor(cursor) if engine.covers(cursor) => Some(cursor.position),
                _ => None,
            };
            engine.list(account, since).await?
        }
    };
    let page = engine.next_page(&mut listing, sync.limit).await?;
    Ok((Heads { id: Some(sync.id), listing: page }, listing))
}
