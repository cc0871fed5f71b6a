//! The task of a connection by long polling: hands what is queued to the poll that waits, and keeps each answer until the next poll.

use bytes::{Bytes, BytesMut};
use parlance_core::connection::{Door, Input, Output};
use parlance_engine::outlet::Outlet;
use parlance_protocol::PollCursor;
use parlance_protocol::rest::write_polled;
use parlance_types::frame::Hello;
use parlance_types::{CloseCode, Position, limits};
use tokio::sync::mpsc;
use tokio::time::sleep_until;

use super::Ask;
use crate::Gateway;
use crate::connection::{LOOK_AGAIN_MS, Requests, Wire, admit, goodbye, instant, now_ms};

/// Runs a connection from its first poll to its end.
pub(super) async fn run(
    gateway: Gateway,
    hello: Hello,
    (asks, asked): (mpsc::Sender<Ask>, mpsc::Receiver<Ask>),
) {
    let metrics = gateway.engine.metrics().clone();
    metrics.opened(Door::Poll);
    let position = hello.cursor.filter(|cursor| gateway.engine.covers(*cursor));
    let position = position.map(|cursor| cursor.position).unwrap_or_default();
    if let Ok(requests) = Box::pin(admit(&gateway, Door::Poll, hello)).await {
        let outgoing = requests.outgoing().clone();
        let peer = outgoing.peer();
        gateway.polls.add(peer.session, peer.connection, asks);
        let polling = Polling {
            requests,
            asked,
            waiting: None,
            position,
            answer: 0,
            kept: None,
            evicted: false,
            left: false,
        };
        polling.live(&gateway).await;
        gateway.polls.remove(peer.session, peer.connection);
        gateway.engine.hub().unregister(peer.account, peer.connection);
        outgoing.abandon();
    }
    metrics.ended(Door::Poll);
}

/// An authenticated connection.
struct Polling {
    requests: Requests,
    asked: mpsc::Receiver<Ask>,
    waiting: Option<Ask>,
    /// What the client has everything up to once it has all answers so far.
    position: Position,
    /// The number of the last answer that said something.
    answer: u64,
    /// That answer, until it is known to have arrived.
    kept: Option<Bytes>,
    /// Nobody can ask any more, since the session has newer connections.
    evicted: bool,
    /// It has said that the server goes down.
    left: bool,
}

/// What a turn of the loop found.
enum Turn {
    Asked(Option<Ask>),
    /// Whoever waited is gone.
    Gone,
    Woken,
    Time,
    Leave,
}

impl Polling {
    async fn live(mut self, gateway: &Gateway) {
        loop {
            self.requests.go_on();
            self.requests.ask_for_heads();
            let need = self.requests.outgoing().need();
            if need.write && self.waiting.is_some() {
                self.answer();
                continue;
            }
            if need.done {
                return;
            }
            let output = if need.revoked {
                self.requests.outgoing().handle(Input::Revoked)
            } else {
                match self.turn(gateway, need.deadline_ms).await {
                    Turn::Woken => Output::Wait,
                    Turn::Asked(Some(ask)) => self.ask(ask),
                    Turn::Asked(None) => {
                        self.evicted = true;
                        let code = CloseCode::Overloaded;
                        self.requests.outgoing().handle(Input::TurnedAway(code))
                    }
                    Turn::Gone => {
                        self.waiting = None;
                        self.requests.outgoing().handle(Input::Polled { waits: false })
                    }
                    Turn::Time => {
                        if self
                            .waiting
                            .as_ref()
                            .is_some_and(|ask| ask.until <= tokio::time::Instant::now())
                        {
                            self.answer();
                        }
                        self.requests.outgoing().handle(Input::Time)
                    }
                    Turn::Leave => {
                        self.left = true;
                        let spread_ms = gateway.config.drain.as_millis() as u64;
                        self.requests.outgoing().handle(Input::Leave { spread_ms })
                    }
                }
            };
            match output {
                // Nobody is there to be told: the next poll finds out.
                Output::Close(_) if self.waiting.is_none() => return,
                Output::Close(bye) => self.requests.outgoing().close(goodbye(Wire::Json, &bye)),
                Output::Abandon => return,
                _ => {}
            }
        }
    }

    async fn turn(&mut self, gateway: &Gateway, deadline_ms: Option<u64>) -> Turn {
        let outgoing = self.requests.outgoing().clone();
        let due = instant(deadline_ms.unwrap_or_else(|| now_ms() + LOOK_AGAIN_MS));
        let due = self.waiting.as_ref().map_or(due, |ask| due.min(ask.until));
        let Self { requests, asked, waiting, evicted, left, .. } = self;
        let gone = async {
            match waiting {
                Some(ask) => ask.reply.closed().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = std::future::poll_fn(|cx| requests.poll_answered(cx)) => Turn::Woken,
            () = outgoing.wake.notified() => Turn::Woken,
            ask = asked.recv(), if !*evicted => Turn::Asked(ask),
            () = gone => Turn::Gone,
            () = sleep_until(due) => Turn::Time,
            () = gateway.leave.cancelled(), if !*left => Turn::Leave,
        }
    }

    /// Takes a poll: it waits, or gets again what it did not get, or learns that this is not known here.
    fn ask(&mut self, ask: Ask) -> Output {
        if let Some(earlier) = self.waiting.take() {
            let nothing = self.body(&[]);
            drop(earlier.reply.send(Some(nothing)));
        }
        let waits = ask.answer == self.answer;
        if waits {
            self.kept = None;
            self.waiting = Some(ask);
        } else {
            let lost = ask.answer.checked_add(1) == Some(self.answer);
            // Whoever is gone by now comes back for it.
            drop(ask.reply.send(self.kept.clone().filter(|_| lost)));
        }
        self.requests.outgoing().handle(Input::Polled { waits })
    }

    /// Answers whoever waits with what is queued.
    fn answer(&mut self) {
        let Some(ask) = self.waiting.take() else { return };
        let taken = self.requests.outgoing().take(limits::POLL_BYTES_MAX);
        self.position = taken.position.unwrap_or(self.position).max(self.position);
        if !taken.frames.is_empty() {
            self.answer += 1;
        }
        let body = self.body(&taken.frames);
        if !taken.frames.is_empty() {
            self.kept = Some(body.clone());
        }
        drop(ask.reply.send(Some(body)));
        self.requests.outgoing().handle(Input::Polled { waits: false });
    }

    fn body(&self, frames: &[Bytes]) -> Bytes {
        let outgoing = self.requests.outgoing();
        let cursor = PollCursor {
            cursor: outgoing.cursor(self.position),
            connection: outgoing.peer().connection,
            answer: self.answer,
        };
        let mut out = BytesMut::new();
        write_polled(frames.iter().map(|frame| &frame[..]), cursor, &mut out);
        out.freeze()
    }
}
