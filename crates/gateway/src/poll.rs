//! `GET /v1/poll`: the server's frames in answers to requests that wait for them. What the client has to say goes through REST.
//!
//! The machine, the queue and the bounds are those of every connection, which here lives on between two polls. **The next poll acknowledges
//! the last answer** by its cursor; one that was lost is given again, as it was. A connection that is gone, or on another node, loses nothing
//! either: the cursor is one, and a new connection lists what changed since. Of two polls of one connection the later one waits on, and
//! the earlier is answered at once with nothing.

mod polling;
mod polls;

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use parlance_core::Refusal;
use parlance_protocol::{DecodeError, decode_cursor, decode_poll_cursor};
use parlance_types::frame::Hello;
use parlance_types::{Code, limits};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Duration, Instant};

use crate::Gateway;
use crate::http::{ApiError, Params, Token};
pub(crate) use polls::Polls;

/// Polls that wait for the task of one connection to look at them.
const ASKS_MAX: usize = 4;

/// A poll.
#[derive(Debug)]
struct Ask {
    /// The number of the answer that has arrived.
    answer: u64,
    until: Instant,
    /// `None`: the connection knows of no such answer.
    reply: oneshot::Sender<Option<Bytes>>,
}

/// `GET /v1/poll`
pub(crate) async fn poll(
    State(gateway): State<Gateway>,
    token: Token,
    params: Params,
) -> Result<Response, ApiError> {
    let wait = params.number("wait")?.unwrap_or(limits::POLL_WAIT_SECONDS_DEFAULT);
    if wait > limits::POLL_WAIT_SECONDS_MAX {
        let message = format!("at most {} seconds", limits::POLL_WAIT_SECONDS_MAX);
        return Err(DecodeError::field("wait", message).into());
    }
    let until = Instant::now() + Duration::from_secs(wait);
    let cursor = params.text("cursor");
    if let Some(polled) = cursor.and_then(decode_poll_cursor)
        && let Some(asks) = gateway.polls.find(token.signed.session, polled.connection)
        && let Some(body) = ask(&asks, polled.answer, until).await?
    {
        return Ok(answer(body));
    }
    gateway.has_room()?;
    let cursor = cursor.map(decode_cursor).transpose();
    let cursor = cursor.map_err(|error| DecodeError::field("cursor", error.to_string()))?;
    let (asks, asked) = mpsc::channel(ASKS_MAX);
    let hello = Hello { token: token.text, cursor, presence: None };
    let tasks = gateway.tasks.clone();
    tasks.spawn(polling::run(gateway, hello, (asks.clone(), asked)));
    // Without a connection the session was just ended, or nothing can be listed now.
    let body = ask(&asks, 0, until).await?.ok_or_else(|| ApiError::code(Code::Unavailable))?;
    Ok(answer(body))
}

/// What the connection answers. `None`: it is gone, or knows of no such answer.
async fn ask(
    asks: &mpsc::Sender<Ask>,
    answer: u64,
    until: Instant,
) -> Result<Option<Bytes>, Refusal> {
    let (reply, body) = oneshot::channel();
    match asks.try_send(Ask { answer, until, reply }) {
        Ok(()) => Ok(body.await.ok().flatten()),
        Err(TrySendError::Closed(_)) => Ok(None),
        Err(TrySendError::Full(_)) => {
            Err(Refusal { retry_after_ms: Some(1_000), ..Refusal::new(Code::TooManyRequests) })
        }
    }
}

fn answer(body: Bytes) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (StatusCode::OK, headers, body).into_response()
}
