//! `GET /v1/events`: the server's frames as Server-Sent Events. What the client has to say goes through REST.
//!
//! The machine, the queue and the bounds are those of every connection. The connection asks for its heads itself: the pages of its
//! listing follow each other, and after `lag` it goes on when the client has taken what there was. An `id` is sent whenever everything up
//! to a cursor was taken, so that `Last-Event-ID` resumes there.

mod admission;
mod text;
mod ticket;

use std::convert::Infallible;
use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use parlance_core::connection::{Door, Input, Output};
use parlance_engine::outlet::Outlet;
use parlance_engine::random;
use parlance_types::frame::{Bye, Cursor, Hello, ServerFrame};
use tokio::sync::mpsc;
use tokio::time::{Duration, sleep_until, timeout};

use crate::Gateway;
use crate::connection::{LOOK_AGAIN_MS, Need, Requests, Wire, admit, goodbye, instant, now_ms};
use crate::http::ApiError;
use crate::listen::Opening;
use admission::{Admission, Resume};
use text::Text;

pub(crate) use admission::ticket;
pub(crate) use ticket::StreamTickets;

/// Bytes of a piece of the answer.
const PIECE_BYTES: usize = 64 * 1024;
/// How long a client has to take what is left when the stream ends.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
/// Clients of a server that went away without a word come back spread over this.
const RETRY_MS: std::ops::Range<u64> = 1_000..5_000;

/// `GET /v1/events`
pub(crate) async fn events(
    State(gateway): State<Gateway>,
    Extension(entrance): Extension<Arc<Opening>>,
    Admission(token): Admission,
    Resume(cursor): Resume,
) -> Result<Response, ApiError> {
    gateway.has_room()?;
    let (pieces, body) = mpsc::channel(1);
    let tasks = gateway.tasks.clone();
    tasks.spawn(run(gateway, Hello { token, cursor, presence: None }, pieces, entrance));
    let body = stream::unfold(body, async |mut body: mpsc::Receiver<Bytes>| {
        let piece = body.recv().await?;
        Some((Ok::<_, Infallible>(piece), body))
    });
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        // Proxies that gather answers would gather this one for ever.
        (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
    ];
    Ok((headers, Body::from_stream(body)).into_response())
}

/// Runs a connection from its request to its end.
async fn run(gateway: Gateway, hello: Hello, pieces: mpsc::Sender<Bytes>, entrance: Arc<Opening>) {
    let metrics = gateway.engine.metrics().clone();
    metrics.opened(Door::Stream);
    if let Some(stream) = Box::pin(open(&gateway, hello, pieces)).await {
        let outgoing = stream.requests.outgoing().clone();
        let abandoned = stream.live(&gateway).await;
        gateway.engine.hub().unregister(outgoing.peer().account, outgoing.peer().connection);
        outgoing.abandon();
        if abandoned {
            entrance.end();
        }
    }
    metrics.ended(Door::Stream);
}

async fn open(gateway: &Gateway, hello: Hello, pieces: mpsc::Sender<Bytes>) -> Option<Stream> {
    match admit(gateway, Door::Stream, hello).await {
        Ok(requests) => {
            let retry_ms = Some(RETRY_MS.start + random_below(RETRY_MS.end - RETRY_MS.start));
            Some(Stream { requests, pieces, said: None, retry_ms })
        }
        // The token ended between the request and here.
        Err(bye) => {
            let mut text = Text::default();
            text.frame(&goodbye(Wire::Json, &bye?));
            drop(pieces.send(text.into_bytes()).await);
            None
        }
    }
}

/// An authenticated event stream.
struct Stream {
    requests: Requests,
    pieces: mpsc::Sender<Bytes>,
    /// The cursor of the last `id`.
    said: Option<Cursor>,
    /// When to come back if the stream breaks: goes with the first piece.
    retry_ms: Option<u64>,
}

/// What a turn of the loop found.
enum Turn {
    Room,
    Gone,
    Woken,
    Time,
    Leave,
}

impl Stream {
    /// Until the end. True if the client has to be cut off.
    async fn live(mut self, gateway: &Gateway) -> bool {
        loop {
            self.requests.go_on();
            self.requests.ask_for_heads();
            let need = self.requests.outgoing().need();
            if need.done {
                return false;
            }
            let output = if need.revoked {
                self.requests.outgoing().handle(Input::Revoked)
            } else {
                match self.turn(gateway, need).await {
                    Turn::Room | Turn::Woken => Output::Wait,
                    Turn::Gone => return false,
                    Turn::Time => {
                        self.requests.outgoing().cover();
                        self.requests.outgoing().handle(Input::Time)
                    }
                    Turn::Leave => {
                        let spread_ms = gateway.config.drain.as_millis() as u64;
                        self.requests.outgoing().handle(Input::Leave { spread_ms })
                    }
                }
            };
            match output {
                Output::Close(bye) => return self.say_goodbye(&bye).await,
                Output::Abandon => return true,
                Output::Beat(position) => {
                    let outgoing = self.requests.outgoing();
                    let cursor = position.map(|position| outgoing.cursor(position));
                    outgoing.send(outgoing.encode(&ServerFrame::Pong { n: 0, cursor }));
                    outgoing.flush();
                }
                _ => {}
            }
        }
    }

    async fn turn(&mut self, gateway: &Gateway, need: Need) -> Turn {
        let outgoing = self.requests.outgoing().clone();
        let due = need.deadline_ms.unwrap_or_else(|| now_ms() + LOOK_AGAIN_MS);
        let pieces = self.pieces.clone();
        tokio::select! {
            () = std::future::poll_fn(|cx| self.requests.poll_answered(cx)) => Turn::Woken,
            () = outgoing.wake.notified() => Turn::Woken,
            room = pieces.reserve(), if need.write => match room {
                Ok(room) => {
                    room.send(self.piece());
                    Turn::Room
                }
                Err(_) => Turn::Gone,
            },
            () = pieces.closed() => Turn::Gone,
            () = sleep_until(instant(due)) => Turn::Time,
            () = gateway.leave.cancelled() => Turn::Leave,
        }
    }

    /// What is queued, as text.
    fn piece(&mut self) -> Bytes {
        let outgoing = self.requests.outgoing();
        let taken = outgoing.take(PIECE_BYTES);
        let mut text = Text::default();
        if let Some(ms) = self.retry_ms.take() {
            text.retry(ms);
        }
        for frame in &taken.frames {
            text.frame(frame);
        }
        if let Some(position) = taken.position {
            let cursor = outgoing.cursor(position);
            if self.said.replace(cursor) != Some(cursor) {
                text.id(cursor);
            }
        }
        text.into_bytes()
    }

    /// Says `bye`, and when to come back. True if the client has to be cut off, since it does not take it.
    async fn say_goodbye(mut self, bye: &Bye) -> bool {
        let wait = bye.retry_after_ms.unwrap_or(0) + random_below(bye.spread_ms.unwrap_or(0));
        if wait > 0 {
            self.retry_ms = Some(wait);
        }
        self.requests.outgoing().close(goodbye(Wire::Json, bye));
        let pieces = self.pieces.clone();
        let said = async {
            while self.requests.outgoing().need().write {
                let Ok(room) = pieces.reserve().await else { return };
                room.send(self.piece());
            }
        };
        timeout(CLOSE_TIMEOUT, said).await.is_err()
    }
}

fn random_below(bound: u64) -> u64 {
    let random = u64::from(u32::from_be_bytes(random()));
    (random * bound) >> u32::BITS
}
