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

/// Counts every answer.
pub(super) async fn count(State(gateway): State<Gateway>, answer: Response) -> Response {
    gateway.engine.metrics().answered(answer.status().as_u16());
    answer
}

/// The figures, in the text format of Prometheus.
pub(super) async fn metrics(State(gateway): State<Gateway>) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], gateway.figures()).into_response()
}
