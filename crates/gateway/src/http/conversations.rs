//! Conversations: the list, one, and a new group.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use parlance_core::identity;
use parlance_protocol::rest::{Group, Reform, RestBody, decode};
use parlance_protocol::{DecodeError, decode_cursor};
use parlance_types::{Action, Code, Command, ConversationId, limits};

use super::ApiError;
use super::request::{Bearer, Body, Named, Params, answer, id};
use super::writer::{Writer, decided};
use crate::Gateway;

/// `GET /v1/conversations`
pub(super) async fn list(
    State(gateway): State<Gateway>,
    Bearer(signed): Bearer,
    params: Params,
) -> Result<Response, ApiError> {
    let engine = &gateway.engine;
    let cursor = params.text("cursor").and_then(|text| decode_cursor(text).ok());
    let since = cursor.filter(|cursor| engine.covers(*cursor));
    let limit = params.number("limit")?.unwrap_or(limits::PAGE_HEADS_DEFAULT);
    let since = since.map(|cursor| cursor.position);
    let page = engine.list_after(signed.account, since, params.text("more"), limit).await?;
    let page =
        page.ok_or_else(|| DecodeError::field("more", "is not what a page of this list gave"))?;
    Ok(answer(StatusCode::OK, |out| page.write(out)))
}

/// `GET /v1/conversations/{conversation}`
pub(super) async fn one(
    State(gateway): State<Gateway>,
    Bearer(signed): Bearer,
    Named(conversation): Named,
) -> Result<Response, ApiError> {
    head(&gateway, signed.account, id(&conversation)?, StatusCode::OK).await
}

async fn head(
    gateway: &Gateway,
    account: parlance_types::AccountId,
    conversation: ConversationId,
    status: StatusCode,
) -> Result<Response, ApiError> {
    let head = gateway.engine.head(account, conversation).await?;
    let head = head.ok_or_else(|| ApiError::code(Code::NotFound))?;
    Ok(answer(status, |out| head.write(out)))
}

/// `POST /v1/conversations`: the same key again is the same group.
pub(super) async fn create(
    State(gateway): State<Gateway>,
    Bearer(signed): Bearer,
    Body(body): Body,
) -> Result<Response, ApiError> {
    let Group { key, title, members, settings } = decode(&body)?;
    let conversation = identity::group(signed.account, &key);
    let command = Command {
        conversation,
        sender: signed.account,
        device: Some(signed.device),
        message_id: identity::group_message_id(signed.account, &key),
        action: Action::Create { title, members, settings },
    };
    let created = decided(&gateway.engine.perform(command).await?)?;
    let status = if created.duplicate { StatusCode::OK } else { StatusCode::CREATED };
    head(&gateway, signed.account, conversation, status).await
}

/// `PATCH /v1/conversations/{conversation}`: title, description or settings.
pub(super) async fn reform(
    writer: Writer,
    Named(conversation): Named,
    Body(body): Body,
) -> Result<Response, ApiError> {
    let Reform { message_id, action } = decode(&body)?;
    writer.change(&conversation, message_id, action).await
}
