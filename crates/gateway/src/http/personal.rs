//! What the owner of the account keeps of conversations.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use parlance_protocol::rest::{Message, PersonalSettings, PutSettings, RestBody, decode};
use parlance_types::frame::Place;
use parlance_types::{Action, PersonalChange};

use super::ApiError;
use super::conversations::id;
use super::messages::write;
use super::request::{Bearer, Body, Named, answer};
use crate::Gateway;

/// `GET /v1/conversations/{conversation}/settings`
pub(super) async fn settings(
    State(gateway): State<Gateway>,
    Bearer(signed): Bearer,
    Named(conversation): Named,
) -> Result<Response, ApiError> {
    let kept = gateway.engine.personal(signed.account, id(&conversation)?).await?;
    Ok(answer(StatusCode::OK, |out| PersonalSettings(kept).write(out)))
}

/// `PUT /v1/conversations/{conversation}/settings`
pub(super) async fn put_settings(
    State(gateway): State<Gateway>,
    Bearer(signed): Bearer,
    Named(conversation): Named,
    headers: HeaderMap,
    Body(body): Body,
) -> Result<Response, ApiError> {
    let PutSettings { message_id, based_on, personal } = decode(&body)?;
    let change = PersonalChange { conversation: id(&conversation)?, based_on, personal };
    let message = Message { message_id, action: Action::Personal(Box::new(change)) };
    write(&gateway, signed, Place::Account, &headers, message).await
}
