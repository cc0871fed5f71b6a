//! The listener: accepts, bounds, and hands each connection to HTTP, from which a socket may upgrade itself.

use std::io;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::Gateway;
use crate::http;

/// Bytes of the head of a request.
const HEAD_BYTES_MAX: usize = 16 * 1024;
/// How long to wait after an accept failed, e.g. because there are no file descriptors: the others go on meanwhile.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Accepts connections until `stop`; several workers may share one listener. Connections go on after it returned.
pub async fn serve(gateway: Gateway, listener: TcpListener, stop: CancellationToken) {
    let router = http::router(gateway.clone());
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => return,
        };
        match accepted {
            Ok((stream, _)) => open(&gateway, &router, stream),
            Err(error) => {
                if is_about_one(&error) {
                    continue;
                }
                tracing::warn!(%error, "could not accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// The peer went away before it was accepted: no reason to wait.
fn is_about_one(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset)
}

fn open(gateway: &Gateway, router: &axum::Router, stream: TcpStream) {
    let connections = gateway.tasks.len();
    if connections >= gateway.config.connections_max {
        // Without a word: answering costs what is short.
        return;
    }
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "could not set TCP_NODELAY");
    }
    let service = TowerToHyperService::new(router.clone());
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(gateway.config.head_timeout)
        .max_buf_size(HEAD_BYTES_MAX)
        .half_close(false);
    let leave = gateway.leave.clone();
    gateway.tasks.spawn(async move {
        let connection = http.serve_connection(TokioIo::new(stream), service).with_upgrades();
        let mut connection = Box::pin(connection);
        let result = tokio::select! {
            result = connection.as_mut() => result,
            () = leave.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = result {
            tracing::debug!(%error, "an HTTP connection ended early");
        }
    });
}
