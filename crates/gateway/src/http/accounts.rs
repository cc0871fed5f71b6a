//! Signing up, in and out, and new tokens.

use axum::extract::{Extension, State};
use axum::http::StatusCode;
use axum::response::Response;
use parlance_engine::accounts::{self, Grant};
use parlance_protocol::rest::{Refresh, RestBody, Secret, SignIn, SignUp, Tokens, decode};

use super::ApiError;
use super::request::{Bearer, Body, answer};
use crate::Gateway;
use crate::proxy::ClientAddress;

fn tokens(status: StatusCode, grant: &Grant) -> Response {
    let body = Tokens {
        account: grant.account,
        device: grant.device,
        session: grant.session,
        access_token: Secret::new(grant.access_token.expose()),
        expires_in: grant.expires_in,
        refresh_token: Secret::new(grant.refresh_token.expose()),
    };
    answer(status, |out| body.write(out))
}

/// `POST /v1/accounts`
pub(super) async fn sign_up(
    State(gateway): State<Gateway>,
    Extension(ClientAddress(from)): Extension<ClientAddress>,
    Body(body): Body,
) -> Result<Response, ApiError> {
    let SignUp { handle, password, name, device_name } = decode(&body)?;
    let wish = accounts::SignUp {
        handle: handle.as_str(),
        password: password.expose(),
        name: name.as_deref(),
        device_name: device_name.as_deref(),
        from: Some(from),
    };
    let grant = gateway.engine.accounts().sign_up(wish).await?;
    Ok(tokens(StatusCode::CREATED, &grant))
}

/// `POST /v1/session`
pub(super) async fn sign_in(
    State(gateway): State<Gateway>,
    Extension(ClientAddress(from)): Extension<ClientAddress>,
    Body(body): Body,
) -> Result<Response, ApiError> {
    let SignIn { handle, password, device_name } = decode(&body)?;
    let wish = accounts::SignIn {
        handle: handle.as_str(),
        password: password.expose(),
        device_name: device_name.as_deref(),
        from,
    };
    let grant = gateway.engine.accounts().sign_in(wish).await?;
    Ok(tokens(StatusCode::OK, &grant))
}

/// `POST /v1/session/refresh`
pub(super) async fn refresh(
    State(gateway): State<Gateway>,
    Body(body): Body,
) -> Result<Response, ApiError> {
    let Refresh { refresh_token } = decode(&body)?;
    let grant = gateway.engine.accounts().refresh(refresh_token.expose()).await?;
    Ok(tokens(StatusCode::OK, &grant))
}

/// `DELETE /v1/session`
pub(super) async fn sign_out(
    State(gateway): State<Gateway>,
    Bearer(signed): Bearer,
) -> Result<StatusCode, ApiError> {
    gateway.engine.accounts().sign_out(signed).await?;
    Ok(StatusCode::NO_CONTENT)
}
