//! Proxies in front of the server: which of them are believed, and for whom a connection or a request comes.
//!
//! It refuses to believe anybody who is not in the configured networks, whatever they send. **Law**: an address that limits are counted by is
//! either that of the socket or was named by a proxy of these networks.

pub(crate) mod header;

pub use header::fuzz as fuzz_proxy_header;

use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;
use ipnet::IpNet;

/// Proxies that a request may have passed; beyond, the last one that was looked at is taken for the client.
const HOPS_MAX: usize = 16;
const FORWARDED_FOR: &str = "x-forwarded-for";

/// The proxies that are believed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxies {
    /// Where they speak from.
    pub networks: Vec<IpNet>,
    /// Their connections begin with a header of the PROXY protocol.
    pub header: bool,
}

/// Where a request comes from, as an extension of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

impl Proxies {
    /// Whether this address is that of a proxy.
    pub fn trust(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.networks.iter().any(|network| network.contains(&address))
    }

    /// Whether a connection from there begins with a header that names another address.
    pub(crate) fn announce(&self, peer: SocketAddr) -> bool {
        self.header && self.trust(peer.ip())
    }

    /// Whom a request is for that came over a connection of `peer`: the last address that no proxy of ours has.
    ///
    /// Each proxy appends the address that it was asked from, so the list is read from its end, and no further than proxies are believed:
    /// what stands before that was written by a stranger.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> ClientAddress {
        let mut client = peer.to_canonical();
        if self.networks.is_empty() {
            return ClientAddress(client);
        }
        let named = headers.get_all(FORWARDED_FOR).into_iter().rev();
        let hops = named.flat_map(|value| value.as_bytes().rsplit(|byte| *byte == b','));
        for hop in hops.take(HOPS_MAX) {
            if !self.trust(client) {
                break;
            }
            let Some(address) = address(hop) else { break };
            client = address;
        }
        ClientAddress(client)
    }
}

/// `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]` or `[2001:db8::1]:80`.
fn address(text: &[u8]) -> Option<IpAddr> {
    let text = str::from_utf8(text).ok()?.trim();
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse().or_else(|_| text.parse::<SocketAddr>().map(|address| address.ip()));
    address.ok().map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests;
