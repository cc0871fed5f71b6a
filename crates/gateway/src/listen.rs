//! The listener: accepts, bounds, and hands each connection to HTTP, from which a socket may upgrade itself.

mod complaint;
mod entry;
mod opening;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::Gateway;
use crate::http;
pub(crate) use complaint::Complaints;
use entry::Entry;
use opening::Openings;

pub(crate) use opening::Opening;

/// Bytes of the head of a request.
const HEAD_BYTES_MAX: usize = 16 * 1024;
/// How long to wait after an accept failed, e.g. because there are no file descriptors: the others go on meanwhile.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Accepts connections until `stop`; several workers may share one listener. Connections go on after it returned.
pub async fn serve(gateway: Gateway, listener: TcpListener, stop: CancellationToken) {
    let mut door = Door::new(gateway);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => return,
        };
        match accepted {
            Ok((stream, peer)) => door.open(stream, peer),
            Err(error) => {
                if is_about_one(&error) {
                    continue;
                }
                door.refused(&error);
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// The peer went away before it was accepted: no reason to wait.
fn is_about_one(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset)
}

/// What one worker knows of the connections it takes.
struct Door {
    gateway: Gateway,
    router: axum::Router,
    openings: Openings,
}

impl Door {
    fn new(gateway: Gateway) -> Self {
        let router = http::router(gateway.clone());
        let openings = Openings::new(gateway.config.openings_max);
        Self { gateway, router, openings }
    }

    /// The system gave an error instead of a connection.
    fn refused(&self, error: &io::Error) {
        if let Some(times) = self.gateway.complaints.failing.lock().due() {
            let remedy = complaint::remedy(error);
            tracing::warn!(%error, times, "cannot accept connections; {remedy}");
        }
    }

    fn open(&mut self, stream: TcpStream, peer: SocketAddr) {
        if self.gateway.complaints.failing.lock().is_over() {
            tracing::info!("connections are accepted again");
        }
        let connections_max = self.gateway.config.connections_max;
        if self.gateway.tasks.len() >= connections_max {
            // Without a word to them: answering costs what is short.
            if let Some(times) = self.gateway.complaints.full.lock().due() {
                tracing::warn!(
                    connections_max,
                    times,
                    "connections are turned away: too many are open"
                );
            }
            return;
        }
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "could not set TCP_NODELAY");
        }
        let (opening, evicted) = self.openings.add();
        if evicted && let Some(times) = self.gateway.complaints.crowded.lock().due() {
            let openings_max = self.gateway.config.openings_max;
            tracing::warn!(
                openings_max,
                times,
                "connections that said nothing are closed for new ones"
            );
        }
        let (gateway, router) = (self.gateway.clone(), self.router.clone());
        self.gateway.tasks.spawn(async move {
            tokio::select! {
                () = enter(&gateway, router, stream, peer, &opening) => {}
                () = opening.evicted() => {}
            }
        });
    }
}

/// Carries a connection as long as it speaks HTTP.
async fn enter(
    gateway: &Gateway,
    router: axum::Router,
    mut stream: TcpStream,
    peer: SocketAddr,
    opening: &Arc<Opening>,
) {
    let Some(peer) = entry::client(gateway, &mut stream, peer).await else { return };
    let entry = Entry {
        router: TowerToHyperService::new(router),
        peer,
        gateway: gateway.clone(),
        opening: opening.clone(),
    };
    // Boxed: only one of them is, and a plain connection must not be as large as a secure one.
    match &gateway.tls {
        None => Box::pin(speak(gateway, stream, entry)).await,
        Some(tls) => {
            if let Some(stream) = Box::pin(entry::secure(gateway, tls, stream)).await {
                Box::pin(speak(gateway, stream, entry)).await;
            }
        }
    }
}

async fn speak<S>(gateway: &Gateway, stream: S, entry: Entry)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(gateway.config.head_timeout)
        .max_buf_size(HEAD_BYTES_MAX)
        .half_close(false);
    let connection = http.serve_connection(TokioIo::new(stream), entry).with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = gateway.leave.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "an HTTP connection ended early");
    }
}
