//! Signing up, in and out, and new tokens.

use axum::extract::{Extension, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use parlance_engine::accounts::{self, Grant};
use parlance_protocol::DecodeError;
use parlance_protocol::rest::{
    BrowserTokens, Refresh, RestBody, Secret, SignIn, SignUp, Tokens, decode,
};
use parlance_types::Retry;

use super::ApiError;
use super::cookie::{self, Cookie};
use super::request::{Bearer, Body, Params, answer};
use crate::Gateway;
use crate::proxy::ClientAddress;

/// The answer to whoever signed in, with the refresh token in its body, or for a browser in a cookie.
fn tokens(gateway: &Gateway, status: StatusCode, grant: &Grant, in_cookie: bool) -> Response {
    let Grant { account, device, session, expires_in, .. } = *grant;
    let access_token = Secret::new(grant.access_token.expose());
    if in_cookie {
        let body = BrowserTokens { account, device, session, access_token, expires_in };
        let mut response = answer(status, |out| body.write(out));
        cookie::set(gateway, &mut response, grant.refresh_token.expose());
        return response;
    }
    let refresh_token = Secret::new(grant.refresh_token.expose());
    let body = Tokens { account, device, session, access_token, expires_in, refresh_token };
    answer(status, |out| body.write(out))
}

/// Whether the refresh token is to go into a cookie: `?cookie=true`.
fn wants_cookie(params: &Params, cookie: &Cookie) -> Result<bool, ApiError> {
    match params.text("cookie") {
        None | Some("false") => Ok(false),
        Some("true") => cookie.guard().map(|()| true),
        Some(_) => Err(DecodeError::field("cookie", "expected true or false").into()),
    }
}

/// `POST /v1/accounts`
pub(super) async fn sign_up(
    State(gateway): State<Gateway>,
    Extension(ClientAddress(from)): Extension<ClientAddress>,
    params: Params,
    cookie: Cookie,
    Body(body): Body,
) -> Result<Response, ApiError> {
    let in_cookie = wants_cookie(&params, &cookie)?;
    let SignUp { handle, password, name, device_name } = decode(&body)?;
    let wish = accounts::SignUp {
        handle: handle.as_str(),
        password: password.expose(),
        name: name.as_deref(),
        device_name: device_name.as_deref(),
        from: Some(from),
    };
    let grant = gateway.engine.accounts().sign_up(wish).await?;
    Ok(tokens(&gateway, StatusCode::CREATED, &grant, in_cookie))
}

/// `POST /v1/session`
pub(super) async fn sign_in(
    State(gateway): State<Gateway>,
    Extension(ClientAddress(from)): Extension<ClientAddress>,
    params: Params,
    cookie: Cookie,
    Body(body): Body,
) -> Result<Response, ApiError> {
    let in_cookie = wants_cookie(&params, &cookie)?;
    let SignIn { handle, password, device_name } = decode(&body)?;
    let wish = accounts::SignIn {
        handle: handle.as_str(),
        password: password.expose(),
        device_name: device_name.as_deref(),
        from,
    };
    let grant = gateway.engine.accounts().sign_in(wish).await?;
    Ok(tokens(&gateway, StatusCode::OK, &grant, in_cookie))
}

/// `POST /v1/session/refresh`: the token of the body, or without a body that of the cookie.
pub(super) async fn refresh(
    State(gateway): State<Gateway>,
    cookie: Cookie,
    Body(body): Body,
) -> Result<Response, ApiError> {
    let accounts = gateway.engine.accounts();
    let Some(token) = cookie.token.as_deref().filter(|_| body.is_empty()) else {
        let Refresh { refresh_token } = decode(&body)?;
        let grant = accounts.refresh(refresh_token.expose()).await?;
        return Ok(tokens(&gateway, StatusCode::OK, &grant, false));
    };
    cookie.guard()?;
    match accounts.refresh(token).await {
        Ok(grant) => Ok(tokens(&gateway, StatusCode::OK, &grant, true)),
        Err(refusal) if refusal.code.retry() == Retry::Reauthenticate => {
            // It will never be good for anything again.
            let mut response = ApiError::from(refusal).into_response();
            cookie::clear(&gateway, &mut response);
            Ok(response)
        }
        Err(refusal) => Err(refusal.into()),
    }
}

/// `DELETE /v1/session`
pub(super) async fn sign_out(
    State(gateway): State<Gateway>,
    Bearer(signed): Bearer,
    cookie: Cookie,
) -> Result<Response, ApiError> {
    gateway.engine.accounts().sign_out(signed).await?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    if cookie.token.is_some() {
        cookie::clear(&gateway, &mut response);
    }
    Ok(response)
}
