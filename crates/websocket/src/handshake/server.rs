//! The server's half: judges a request's headers, chooses the subprotocol, answers.

use base64::Engine as _;

use super::head::HeadBuffer;
use super::{BASE64, HeadError, VERSION, accept_key, has_token, items};

/// A request that may be upgraded: answer 101 with these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upgrade<'p> {
    /// The value of `Sec-WebSocket-Accept`.
    pub accept: String,
    /// The first of the client's subprotocols that is ours too. If it offered some and this is `None`, a browser
    /// will close the connection.
    pub protocol: Option<&'p str>,
    /// The client offers `permessage-deflate` in a way that can be taken: answer [`DEFLATE`] and use it, or do neither.
    pub deflate: bool,
}

/// The value of `Sec-WebSocket-Extensions` that takes the offer: neither side keeps anything from one message to the next.
pub const DEFLATE: &str =
    "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpgradeError {
    #[error("header Upgrade does not ask for websocket")]
    NotWebSocket,
    #[error("header Connection does not name upgrade")]
    NotUpgrade,
    #[error("header Sec-WebSocket-Version is not 13")]
    Version,
    #[error("header Sec-WebSocket-Key is not 16 bytes in base64, once")]
    Key,
}

impl UpgradeError {
    /// The HTTP status to answer. 426 goes with `Upgrade: websocket` and `Sec-WebSocket-Version: 13`.
    pub const fn status(self) -> u16 {
        match self {
            Self::NotWebSocket | Self::NotUpgrade | Self::Version => 426,
            Self::Key => 400,
        }
    }
}

/// Judges the headers of a `GET` request over HTTP/1.1; method and path are the caller's. Names in any case.
pub fn check_upgrade<'h, 'p>(
    headers: impl IntoIterator<Item = (&'h str, &'h [u8])>,
    protocols: &[&'p str],
) -> Result<Upgrade<'p>, UpgradeError> {
    let (mut websocket, mut upgrade, mut protocol, mut deflate) = (false, false, None, false);
    let (mut versions, mut keys) = (Once::Absent, Once::Absent);
    for (name, value) in headers {
        if name.eq_ignore_ascii_case("upgrade") {
            websocket |= has_token(value, "websocket");
        } else if name.eq_ignore_ascii_case("connection") {
            upgrade |= has_token(value, "upgrade");
        } else if name.eq_ignore_ascii_case("sec-websocket-version") {
            versions = versions.and(value);
        } else if name.eq_ignore_ascii_case("sec-websocket-key") {
            keys = keys.and(value);
        } else if name.eq_ignore_ascii_case("sec-websocket-protocol") {
            protocol = protocol.or_else(|| first_common(value, protocols));
        } else if name.eq_ignore_ascii_case("sec-websocket-extensions") {
            deflate |= items(value).any(|offer| str::from_utf8(offer).is_ok_and(is_deflate));
        }
    }
    if !websocket {
        return Err(UpgradeError::NotWebSocket);
    }
    if !upgrade {
        return Err(UpgradeError::NotUpgrade);
    }
    if versions != Once::Is(VERSION) {
        return Err(UpgradeError::Version);
    }
    match keys {
        Once::Is(key) if is_key(key) => Ok(Upgrade { accept: accept_key(key), protocol, deflate }),
        _ => Err(UpgradeError::Key),
    }
}

/// An offer that can be taken: our window is always of the full size, so one that wants a smaller one cannot.
fn is_deflate(offer: &str) -> bool {
    let mut parts = offer.split(';').map(str::trim);
    if parts.next() != Some("permessage-deflate") {
        return false;
    }
    let mut seen = Vec::new();
    parts.all(|part| {
        let (name, value) = match part.split_once('=') {
            Some((name, value)) => (name.trim(), Some(value.trim().trim_matches('"'))),
            None => (part, None),
        };
        if seen.contains(&name) {
            return false;
        }
        seen.push(name);
        match (name, value) {
            (
                "server_no_context_takeover"
                | "client_no_context_takeover"
                | "client_max_window_bits",
                None,
            ) => true,
            ("server_max_window_bits", Some(bits)) => bits == "15",
            ("client_max_window_bits", Some(bits)) => {
                bits.parse().is_ok_and(|bits| (8..=15).contains(&bits))
            }
            _ => false,
        }
    })
}

/// Reads a request without an HTTP library: one path, one answer, then frames.
#[derive(Debug, Default)]
pub struct ServerHandshake {
    head: HeadBuffer,
}

/// The request was a good one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upgraded<'p> {
    /// To be sent before the first frame.
    pub response: Vec<u8>,
    pub path: String,
    pub protocol: Option<&'p str>,
    /// Bytes of the last input that belonged to the head; frames follow.
    pub consumed: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    #[error(transparent)]
    Head(#[from] HeadError),
    #[error("request is not GET over HTTP/1.1")]
    RequestLine,
    #[error(transparent)]
    Upgrade(#[from] UpgradeError),
}

impl RequestError {
    /// The whole response that refuses.
    pub fn response(self) -> Vec<u8> {
        let status = match self {
            Self::Head(HeadError::TooLong) => "431 Request Header Fields Too Large",
            Self::RequestLine => "405 Method Not Allowed\r\nAllow: GET",
            Self::Upgrade(error) if error.status() == 426 => {
                "426 Upgrade Required\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13"
            }
            Self::Head(HeadError::Malformed) | Self::Upgrade(_) => "400 Bad Request",
        };
        format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n").into_bytes()
    }
}

impl ServerHandshake {
    pub fn new() -> Self {
        Self::default()
    }

    /// `None` until the head is complete.
    pub fn receive<'p>(
        &mut self,
        input: &[u8],
        protocols: &[&'p str],
    ) -> Result<Option<Upgraded<'p>>, RequestError> {
        let Some(consumed) = self.head.receive(input)? else { return Ok(None) };
        let head = self.head.parse()?;
        let mut words = head.start_line.split(' ');
        let (Some("GET"), Some(path), Some("HTTP/1.1"), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(RequestError::RequestLine);
        };
        let path = path.to_owned();
        let Upgrade { accept, protocol, .. } = check_upgrade(head.headers, protocols)?;
        let mut response = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {accept}\r\n"
        );
        if let Some(protocol) = protocol {
            response.extend(["Sec-WebSocket-Protocol: ", protocol, "\r\n"]);
        }
        response.push_str("\r\n");
        Ok(Some(Upgraded { response: response.into_bytes(), path, protocol, consumed }))
    }
}

/// A header that must not be repeated.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Once<'h> {
    Absent,
    Is(&'h [u8]),
    Repeated,
}

impl<'h> Once<'h> {
    const fn and(self, value: &'h [u8]) -> Self {
        match self {
            Self::Absent => Self::Is(value),
            Self::Is(_) | Self::Repeated => Self::Repeated,
        }
    }
}

fn first_common<'p>(offered: &[u8], ours: &[&'p str]) -> Option<&'p str> {
    items(offered).find_map(|item| ours.iter().copied().find(|own| own.as_bytes() == item))
}

fn is_key(key: &[u8]) -> bool {
    BASE64.decode(key).is_ok_and(|bytes| bytes.len() == 16)
}
