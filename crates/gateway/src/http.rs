//! REST: every path with the method it takes, the shape of errors, and the pages for operators.

mod accounts;
mod conversations;
mod cookie;
mod error;
mod members;
mod messages;
mod operations;
mod people;
mod personal;
mod request;
mod sessions;
mod ties;
mod writer;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{delete, get, patch, post, put};
use parlance_engine::accounts::Tie;
use parlance_types::{Code, limits};

pub(crate) use error::ApiError;
pub(crate) use request::{Params, Token, answer};

use crate::{Gateway, poll, socket, stream};

/// The paths of `docs/protocol.md`.
pub(crate) fn router(gateway: Gateway) -> Router {
    Router::new()
        .route("/v1/socket", get(socket::upgrade))
        .route("/v1/events", get(stream::events))
        .route("/v1/poll", get(poll::poll))
        .route("/v1/tickets", post(stream::ticket))
        .route("/v1/accounts", post(accounts::sign_up))
        .route("/v1/session", post(accounts::sign_in).delete(accounts::sign_out))
        .route("/v1/session/refresh", post(accounts::refresh))
        .route("/v1/sessions", get(sessions::list).delete(sessions::end_all))
        .route("/v1/sessions/{session}", delete(sessions::end))
        .route("/v1/me", get(people::me).patch(sessions::change_me))
        .route("/v1/me/password", put(sessions::change_password))
        .route("/v1/people", get(people::find))
        .route("/v1/people/{account}", get(people::one))
        .route("/v1/contacts", ties::all(Tie::Contact))
        .route("/v1/contacts/{account}", ties::one(Tie::Contact))
        .route("/v1/blocks", ties::all(Tie::Block))
        .route("/v1/blocks/{account}", ties::one(Tie::Block))
        .route("/v1/directs/{account}/messages", post(messages::send_direct))
        .route("/v1/conversations", get(conversations::list).post(conversations::create))
        .merge(conversation())
        .route("/live", get(operations::live))
        .route("/ready", get(operations::ready))
        .route("/metrics", get(operations::metrics))
        .fallback(|| async { ApiError::code(Code::UnknownPath) })
        .method_not_allowed_fallback(|| async { ApiError::code(Code::MethodNotAllowed) })
        .layer(from_fn_with_state(gateway.clone(), operations::follow))
        .layer(DefaultBodyLimit::max(limits::REQUEST_BYTES_MAX))
        .with_state(gateway)
}

/// What is about one conversation.
fn conversation() -> Router<Gateway> {
    Router::new()
        .route(
            "/v1/conversations/{conversation}",
            get(conversations::one).patch(conversations::reform),
        )
        .route(
            "/v1/conversations/{conversation}/settings",
            get(personal::settings).put(personal::put_settings),
        )
        .route("/v1/conversations/{conversation}/members", get(members::list).post(members::add))
        .route(
            "/v1/conversations/{conversation}/members/{account}",
            patch(members::role).delete(members::remove),
        )
        .route("/v1/conversations/{conversation}/mark", put(members::mark))
        .route("/v1/conversations/{conversation}/marks", get(members::marks))
        .route(
            "/v1/conversations/{conversation}/messages",
            get(messages::page).post(messages::send),
        )
        .route(
            "/v1/conversations/{conversation}/messages/{seq}",
            get(messages::one).patch(messages::edit).delete(messages::delete),
        )
        .route(
            "/v1/conversations/{conversation}/messages/{seq}/reactions/{emoji}",
            put(messages::react).delete(messages::unreact),
        )
        .route("/v1/conversations/{conversation}/messages/{seq}/versions", get(messages::versions))
}
