//! A connection's way in: whom it is for, then HTTP, and with the first request the end of being new.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::service::Service;
use hyper::{Request, Response};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpStream;

use super::opening::Opening;
use crate::Gateway;
use crate::proxy::{Proxies, header};

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
        self.router.call(request)
    }
}
