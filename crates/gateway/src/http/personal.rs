//! What the owner of the account keeps of conversations.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use parlance_protocol::rest::{Message, PersonalSettings, PutSettings, RestBody, decode};
use parlance_types::frame::Place;
use parlance_types::{Action, PersonalChange};

use super::ApiError;
use super::request::{Bearer, Body, Named, answer, id};
use super::writer::Writer;
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
    writer: Writer,
    Named(conversation): Named,
    Body(body): Body,
) -> Result<Response, ApiError> {
    let PutSettings { message_id, based_on, personal } = decode(&body)?;
    let change = PersonalChange { conversation: id(&conversation)?, based_on, personal };
    let message = Message { message_id, action: Action::Personal(Box::new(change)) };
    writer.write(Place::Account, message).await
}
