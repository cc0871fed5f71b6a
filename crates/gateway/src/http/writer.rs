//! Whoever writes into conversations: every write takes its name from the body, or else from the header `Idempotency-Key`.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use parlance_engine::accounts::Signed;
use parlance_engine::reply::{Answer, Outcome};
use parlance_protocol::DecodeError;
use parlance_protocol::rest::{Message, RestBody};
use parlance_types::frame::{Place, Send};
use parlance_types::{Action, Code, MessageId};

use super::ApiError;
use super::request::{Bearer, answer, id};
use crate::{Gateway, command};

/// The account behind a request that writes.
pub(super) struct Writer {
    gateway: Gateway,
    pub(super) signed: Signed,
    key: Option<HeaderValue>,
}

impl FromRequestParts<Gateway> for Writer {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, ApiError> {
        let Bearer(signed) = Bearer::from_request_parts(parts, gateway).await?;
        let key = parts.headers.get("idempotency-key").cloned();
        Ok(Self { gateway: gateway.clone(), signed, key })
    }
}

impl Writer {
    pub(super) async fn write(self, place: Place, message: Message) -> Result<Response, ApiError> {
        let Message { message_id, action } = message;
        let message_id = match message_id {
            Some(id) => Some(id),
            None => self.key.as_ref().map(idempotency_key).transpose()?,
        };
        let send = Send { id: 0, place, message_id, action };
        let command = command::from_send(send, self.signed.account, Some(self.signed.device))?;
        let decided = decided(&self.gateway.engine.perform(command).await?)?;
        let status = if decided.duplicate { StatusCode::OK } else { StatusCode::CREATED };
        Ok(answer(status, |out| decided.frame(0).write(out)))
    }

    /// Writes a change that is not the first thing in its conversation.
    pub(super) async fn change(
        self,
        conversation: &str,
        message_id: Option<MessageId>,
        action: Action,
    ) -> Result<Response, ApiError> {
        let place = Place::Conversation(id(conversation)?);
        self.write(place, Message { message_id, action }).await
    }
}

fn idempotency_key(value: &HeaderValue) -> Result<MessageId, ApiError> {
    let id = value.to_str().ok().and_then(|text| text.parse().ok());
    id.ok_or_else(|| DecodeError::field("Idempotency-Key", "expected a lower-case UUIDv7").into())
}

/// What was decided, or why nothing was.
pub(super) fn decided(outcome: &Outcome) -> Result<Answer, ApiError> {
    match outcome {
        Outcome::Decided(answer) => Ok(*answer),
        Outcome::Refused(refusal) => Err(refusal.clone().into()),
        Outcome::Accepted => Err(ApiError::code(Code::Unavailable)),
        Outcome::OutcomeUnknown => Err(ApiError::code(Code::OutcomeUnknown)),
    }
}
