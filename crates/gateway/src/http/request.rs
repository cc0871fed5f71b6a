//! What every handler does with a request first: who asks, and with which body.

use std::collections::HashMap;
use std::str::FromStr;

use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use parlance_engine::accounts::Signed;
use parlance_protocol::DecodeError;
use parlance_types::{AccountId, Code, IdError};
use serde::de::DeserializeOwned;

use super::ApiError;
use crate::Gateway;

pub(super) const JSON: &str = "application/json";

/// The access token of a request, and whom it names.
pub(crate) struct Token {
    pub(crate) text: Box<str>,
    pub(crate) signed: Signed,
}

impl FromRequestParts<Gateway> for Token {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, ApiError> {
        let (text, signed) = bearer(parts, gateway)?;
        Ok(Self { text: text.into(), signed })
    }
}

/// The session of the bearer token.
pub(super) struct Bearer(pub(super) Signed);

impl FromRequestParts<Gateway> for Bearer {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, ApiError> {
        bearer(parts, gateway).map(|(_, signed)| Self(signed))
    }
}

fn bearer<'a>(parts: &'a Parts, gateway: &Gateway) -> Result<(&'a str, Signed), ApiError> {
    let header = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = header
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let (_, token) = token.ok_or_else(|| refused(gateway, Code::Unauthenticated))?;
    let token = token.trim();
    let signed = gateway.engine.accounts().authenticate(token);
    signed.map(|signed| (token, signed)).map_err(|code| refused(gateway, code))
}

fn refused(gateway: &Gateway, code: Code) -> ApiError {
    gateway.engine.metrics().refused(code);
    ApiError::code(code)
}

/// The texts of the path's variables. What is not even text names nothing.
pub(super) struct Named<T = String>(pub(super) T);

impl<T: DeserializeOwned + Send> FromRequestParts<Gateway> for Named<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, ApiError> {
        let path = Path::<T>::from_request_parts(parts, gateway).await;
        path.map(|Path(text)| Self(text)).map_err(|_| ApiError::code(Code::NotFound))
    }
}

/// The id that a variable of the path holds; what is no id names nothing.
pub(super) fn id<T: FromStr>(text: &str) -> Result<T, ApiError> {
    text.parse().map_err(|_| ApiError::code(Code::NotFound))
}

/// The values behind the `?` of an address, by name; of two of one name the last.
pub(crate) struct Params(HashMap<String, String>);

impl FromRequestParts<Gateway> for Params {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &Gateway) -> Result<Self, ApiError> {
        let query = Query::<HashMap<String, String>>::try_from_uri(&parts.uri);
        query
            .map(|Query(params)| Self(params))
            .map_err(|_| DecodeError::field("?", "cannot be read as names and values").into())
    }
}

impl Params {
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// What a page of accounts begins behind, and how many it has of at most `max`.
    pub(super) fn page(&self, max: usize) -> Result<(Option<AccountId>, usize), ApiError> {
        let after = self.text("after").map(str::parse).transpose();
        let after =
            after.map_err(|error: IdError| DecodeError::field("after", error.to_string()))?;
        Ok((after, self.number("limit")?.unwrap_or(max).clamp(1, max)))
    }

    /// A number, or a refusal that names it.
    pub(crate) fn number<T: FromStr>(&self, name: &'static str) -> Result<Option<T>, ApiError> {
        let Some(text) = self.text(name) else { return Ok(None) };
        text.parse()
            .map(Some)
            .map_err(|_| DecodeError::field(name, "expected a whole number in its range").into())
    }
}

/// Cuts what was found, one more than `limit` if there is more, to a page. What the next one begins behind, if there is one.
pub(super) fn cut<T>(
    found: &mut Vec<T>,
    limit: usize,
    account: impl FnOnce(&T) -> AccountId,
) -> Option<AccountId> {
    let more = found.len() > limit;
    found.truncate(limit);
    found.last().filter(|_| more).map(account)
}

/// The bytes of a body within the limit.
pub(super) struct Body(pub(super) Bytes);

impl FromRequest<Gateway> for Body {
    type Rejection = ApiError;

    async fn from_request(request: Request, gateway: &Gateway) -> Result<Self, ApiError> {
        Bytes::from_request(request, gateway).await.map(Self).map_err(|rejection| match rejection {
            BytesRejection::FailedToBufferBody(error)
                if error.status() == StatusCode::PAYLOAD_TOO_LARGE =>
            {
                ApiError::code(Code::FrameTooLarge)
            }
            _ => ApiError::code(Code::MalformedFrame),
        })
    }
}

/// A JSON answer.
pub(crate) fn answer(status: StatusCode, encode: impl FnOnce(&mut BytesMut)) -> Response {
    let mut body = BytesMut::new();
    encode(&mut body);
    (status, [(header::CONTENT_TYPE, JSON)], body.freeze()).into_response()
}
