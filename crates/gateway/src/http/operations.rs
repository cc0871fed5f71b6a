//! What operators and load balancers ask.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::Gateway;

/// The process runs.
pub(super) async fn live() -> &'static str {
    "live\n"
}

/// The node should get traffic.
pub(super) async fn ready(State(gateway): State<Gateway>) -> Response {
    if gateway.is_ready() {
        "ready\n".into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready\n").into_response()
    }
}

/// The figures, in the text format of Prometheus.
pub(super) async fn metrics(State(gateway): State<Gateway>) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], gateway.engine.figures())
        .into_response()
}
