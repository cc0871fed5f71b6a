//! What operators and load balancers ask.

use axum::extract::{MatchedPath, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tracing::Instrument;

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

/// Counts every answer, and gives a request a span while somebody listens. It names the path as the router knows it: what stands in
/// its place, and behind a `?`, may be private.
pub(super) async fn follow(
    State(gateway): State<Gateway>,
    path: Option<MatchedPath>,
    request: Request,
    next: Next,
) -> Response {
    let answer = if tracing::enabled!(tracing::Level::DEBUG) {
        let path = path.as_ref().map_or("unknown", MatchedPath::as_str);
        let span = tracing::debug_span!("request", method = %request.method(), path);
        let answer = next.run(request).instrument(span.clone()).await;
        span.in_scope(|| tracing::debug!(status = answer.status().as_u16(), "answered"));
        answer
    } else {
        next.run(request).await
    };
    gateway.engine.metrics().answered(answer.status().as_u16());
    answer
}

/// The figures, in the text format of Prometheus.
pub(super) async fn metrics(State(gateway): State<Gateway>) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], gateway.figures()).into_response()
}
