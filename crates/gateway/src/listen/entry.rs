//! A connection's way in: whom it is for, then HTTP, and with the first request the end of being new.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::service::Service;
use hyper::{Request, Response};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use super::opening::Opening;
use crate::Gateway;
use crate::proxy::{Proxies, header};
use crate::tls::Tls;

/// Whom a new connection is for, once its proxy has said so. `None`: what came was no header, or did not come.
pub(super) async fn client(
    gateway: &Gateway,
    stream: &mut TcpStream,
    peer: SocketAddr,
) -> Option<IpAddr> {
    if !gateway.config.proxies.announce(peer) {
        return Some(peer.ip());
    }
    match tokio::time::timeout(gateway.config.head_timeout, header::read(stream)).await {
        Ok(Ok(source)) => Some(source.unwrap_or(peer).ip()),
        Ok(Err(error)) => {
            tracing::debug!(%error, "a proxy did not say whom a connection is for");
            None
        }
        Err(_) => None,
    }
}

/// A secure connection over this one. `None`: the handshake failed, or did not end in time.
pub(super) async fn secure(
    gateway: &Gateway,
    tls: &Tls,
    stream: TcpStream,
) -> Option<TlsStream<TcpStream>> {
    let handshake = tls.acceptor.accept(stream);
    match tokio::time::timeout(gateway.config.handshake_timeout, handshake).await {
        Ok(Ok(stream)) => Some(stream),
        Ok(Err(error)) => {
            tracing::debug!(%error, "a TLS handshake failed");
            None
        }
        Err(_) => None,
    }
}

/// Marks each request with the address of its client.
pub(super) struct Entry {
    pub(super) router: TowerToHyperService<axum::Router>,
    pub(super) peer: IpAddr,
    pub(super) gateway: Gateway,
    pub(super) opening: Arc<Opening>,
}

impl Entry {
    fn proxies(&self) -> &Proxies {
        &self.gateway.config.proxies
    }
}

impl Service<Request<Incoming>> for Entry {
    type Response = Response<axum::body::Body>;
    type Error = std::convert::Infallible;
    type Future = <TowerToHyperService<axum::Router> as Service<Request<Incoming>>>::Future;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        self.opening.speak();
        let client = self.proxies().client(self.peer, request.headers());
        request.extensions_mut().insert(client);
        request.extensions_mut().insert(self.opening.clone());
        self.router.call(request)
    }
}
