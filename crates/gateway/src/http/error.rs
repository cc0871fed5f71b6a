//! Errors over HTTP: the same shape as the `error` frame, with the status of the code.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::BytesMut;
use parlance_core::Refusal;
use parlance_engine::follow::traced;
use parlance_engine::reply;
use parlance_protocol::{DecodeError, json};
use parlance_types::Code;
use parlance_types::frame::{ErrorFrame, ServerFrame};

use super::request::JSON;

/// Why a request was refused.
#[derive(Debug)]
pub(crate) struct ApiError(pub(crate) ErrorFrame);

impl ApiError {
    pub(crate) fn code(code: Code) -> Self {
        Self(ErrorFrame::new(None, code))
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        Self(reply::refused(None, &refusal))
    }
}

impl From<DecodeError> for ApiError {
    fn from(error: DecodeError) -> Self {
        Self(error.into_frame())
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let code = self.0.code;
        let status =
            StatusCode::from_u16(code.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let wait = self.0.retry_after_ms.or((status.as_u16() == 503).then_some(1_000));
        let mut body = BytesMut::new();
        json::encode_server(&ServerFrame::Error(traced(self.0)), &mut body);
        let mut response = (status, [(header::CONTENT_TYPE, JSON)], body.freeze()).into_response();
        if let Some(ms) = wait {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(ms.div_ceil(1_000)));
        }
        if status == StatusCode::UNAUTHORIZED {
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
