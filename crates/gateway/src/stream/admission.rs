//! Who may open an event stream, and where it goes on.

use axum::extract::{FromRequestParts, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use parlance_core::Refusal;
use parlance_protocol::rest::{RestBody, Secret, StreamTicket};
use parlance_protocol::{DecodeError, decode_cursor};
use parlance_types::frame::Cursor;
use parlance_types::{Code, limits};

use crate::Gateway;
use crate::connection::now_ms;
use crate::http::{ApiError, Params, Token, answer};

/// The access token of the header, or the one that a ticket in the address stands for.
pub(crate) struct Admission(pub(super) Box<str>);

impl FromRequestParts<Gateway> for Admission {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, ApiError> {
        let params = Params::from_request_parts(parts, gateway).await?;
        let Some(ticket) = params.text("ticket") else {
            return Token::from_request_parts(parts, gateway).await.map(|token| Self(token.text));
        };
        let token = gateway.tickets.redeem(ticket, now_ms());
        let accounts = gateway.engine.accounts();
        let token = token.ok_or(Code::Unauthenticated);
        let token = token.and_then(|token| accounts.authenticate(&token).map(|_| token));
        token.map(Self).map_err(|code| {
            gateway.engine.metrics().refused(code);
            Refusal::field(code, "ticket").into()
        })
    }
}

/// The cursor to go on from. What the browser heard last is newer than what the address says.
pub(crate) struct Resume(pub(super) Option<Cursor>);

impl FromRequestParts<Gateway> for Resume {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, ApiError> {
        const HEADER: &str = "Last-Event-ID";
        let params = Params::from_request_parts(parts, gateway).await?;
        let header = parts.headers.get(HEADER).map(|value| value.to_str().unwrap_or("?"));
        let (name, text) = match (header, params.text("cursor")) {
            (Some(text), _) if !text.is_empty() => (HEADER, text),
            (_, Some(text)) => ("cursor", text),
            _ => return Ok(Self(None)),
        };
        let cursor = decode_cursor(text);
        cursor
            .map(|cursor| Self(Some(cursor)))
            .map_err(|error| DecodeError::field(name, error.to_string()).into())
    }
}

/// `POST /v1/tickets`
pub(crate) async fn ticket(
    State(gateway): State<Gateway>,
    token: Token,
) -> Result<Response, ApiError> {
    let ticket = gateway.tickets.issue(token.signed.account, &token.text, now_ms());
    let ticket = ticket.ok_or(Refusal {
        retry_after_ms: Some(limits::STREAM_TICKET_MS),
        ..Refusal::new(Code::Unavailable)
    })?;
    let body =
        StreamTicket { ticket: Secret::new(ticket), expires_in: limits::STREAM_TICKET_MS / 1_000 };
    Ok(answer(StatusCode::CREATED, |out| body.write(out)))
}
