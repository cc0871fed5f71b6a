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
    let certificate = gateway.tls.as_ref().map_or_else(String::new, |tls| {
        let until = tls.validity().until;
        format!(
            "# HELP parlance_certificate_expires_seconds When the certificate ends, in seconds since 1970.\n# TYPE parlance_certificate_expires_seconds gauge\nparlance_certificate_expires_seconds {until}\n"
        )
    });
    let figures = format!(
        "{}# HELP parlance_ready Whether the node should get traffic.\n# TYPE parlance_ready gauge\nparlance_ready {ready}\n{certificate}",
        gateway.engine.figures(),
    );
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], figures).into_response()
}
