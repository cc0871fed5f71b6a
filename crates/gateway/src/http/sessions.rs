//! What an owner does with an account: its sessions, its password, its name.

use axum::extract::{Extension, State};
use axum::http::StatusCode;
use axum::response::Response;
use parlance_engine::accounts::SessionView;
use parlance_protocol::DecodeError;
use parlance_protocol::rest::{self, MeChange, PasswordChange, RestBody, decode};

use super::ApiError;
use super::people::oneself;
use super::request::{Bearer, Body, Named, Params, answer, id};
use crate::Gateway;
use crate::proxy::ClientAddress;

/// `GET /v1/sessions`
pub(super) async fn list(
    State(gateway): State<Gateway>,
    Bearer(signed): Bearer,
) -> Result<Response, ApiError> {
    let sessions = gateway.engine.sessions(signed).await?;
    let sessions = sessions.into_iter().map(|view| {
        let SessionView { session, device, device_name, created_at, used_at, current } = view;
        rest::Session { session, device, device_name, created_at, used_at, current }
    });
    let body = rest::Sessions(sessions.collect());
    Ok(answer(StatusCode::OK, |out| body.write(out)))
}

/// `DELETE /v1/sessions/{session}`
pub(super) async fn end(
    State(gateway): State<Gateway>,
    Bearer(signed): Bearer,
    Named(session): Named,
) -> Result<StatusCode, ApiError> {
    gateway.engine.accounts().end_session(signed, id(&session)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /v1/sessions`, and with `?others=true` all but the one that asks.
pub(super) async fn end_all(
    State(gateway): State<Gateway>,
    Bearer(signed): Bearer,
    params: Params,
) -> Result<StatusCode, ApiError> {
    let accounts = gateway.engine.accounts();
    match params.text("others") {
        None | Some("false") => accounts.sign_out_everywhere(signed).await?,
        Some("true") => accounts.sign_out_elsewhere(signed).await?,
        Some(_) => return Err(DecodeError::field("others", "expected true or false").into()),
    }
    Ok(StatusCode::NO_CONTENT)
}

/// `PUT /v1/me/password`
pub(super) async fn change_password(
    State(gateway): State<Gateway>,
    Bearer(signed): Bearer,
    Extension(ClientAddress(from)): Extension<ClientAddress>,
    Body(body): Body,
) -> Result<StatusCode, ApiError> {
    let PasswordChange { password, new_password } = decode(&body)?;
    let accounts = gateway.engine.accounts();
    accounts.change_password(signed, password.expose(), new_password.expose(), from).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `PATCH /v1/me`
pub(super) async fn change_me(
    State(gateway): State<Gateway>,
    Bearer(signed): Bearer,
    Body(body): Body,
) -> Result<Response, ApiError> {
    let MeChange { name } = decode(&body)?;
    let accounts = gateway.engine.accounts();
    let person = match name {
        Some(name) => Some(accounts.rename(signed.account, name).await?),
        None => accounts.person(signed.account).await?,
    };
    oneself(signed, person)
}
