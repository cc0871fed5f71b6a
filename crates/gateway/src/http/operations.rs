//! What operators and load balancers ask.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::Gateway;

/// The process runs.
pub(super) async fn live() -> &'static str {
    "live\n"
}

/// The node should get traffic, or why not.
pub(super) async fn ready(State(gateway): State<Gateway>) -> Response {
    match gateway.ailment() {
        None => "ready\n".into_response(),
        Some(why) => {
            (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {why}\n")).into_response()
        }
    }
}

/// The figures, in the text format of Prometheus.
pub(super) async fn metrics(State(gateway): State<Gateway>) -> Response {
    let ready = u8::from(gateway.ailment().is_none());
    let figures = format!(
        "{}# HELP parlance_ready Whether the node should get traffic.\n# TYPE parlance_ready gauge\nparlance_ready {ready}\n",
        gateway.engine.figures(),
    );
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], figures).into_response()
}
