//! The client's half: builds the request and believes no response that does not prove that it was read.

use base64::Engine as _;

use super::head::{HeadBuffer, is_token, is_value};
use super::{BASE64, DEFLATE, HeadError, accept_key, has_token};

const EXTENSIONS: &str = "Sec-WebSocket-Extensions";

/// What to ask for.
#[derive(Clone, Copy, Debug)]
pub struct ClientRequest<'a> {
    /// With the port, if it is not the scheme's own.
    pub host: &'a str,
    /// With the query, if any.
    pub path: &'a str,
    /// Most preferred first.
    pub protocols: &'a [&'a str],
    pub headers: &'a [(&'a str, &'a str)],
    /// Random; it shows that the answer is to this request.
    pub nonce: [u8; 16],
}

/// Waits for the answer to one request.
#[derive(Debug)]
pub struct ClientHandshake {
    head: HeadBuffer,
    accept: String,
    protocols: Vec<String>,
    deflate: bool,
}

/// The server speaks WebSocket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    pub protocol: Option<String>,
    /// The server's messages may be compressed: [`crate::Decoder::with_deflate`].
    pub deflate: bool,
    /// Bytes of the last input that belonged to the head; frames follow.
    pub consumed: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResponseError {
    #[error("request has characters that may not stand in a head")]
    Request,
    #[error(transparent)]
    Head(#[from] HeadError),
    #[error("server answered with status {status}")]
    Refused { status: u16, retry_after_s: Option<u32> },
    #[error("response does not upgrade to websocket")]
    NotWebSocket,
    #[error("response answers another key")]
    Accept,
    #[error("response chooses a subprotocol that was not offered")]
    Protocol,
    #[error("response chooses an extension that was not offered")]
    Extension,
}

impl ClientHandshake {
    /// The handshake and the bytes to send.
    pub fn new(request: &ClientRequest<'_>) -> Result<(Self, Vec<u8>), ResponseError> {
        let ClientRequest { host, path, protocols, headers, nonce } = *request;
        let line_ok = path.starts_with('/') && !path.contains(' ') && is_value(path);
        let headers_ok = headers.iter().all(|(name, value)| is_token(name) && is_value(value));
        let protocols_ok = protocols.iter().all(|protocol| is_token(protocol));
        if !line_ok || !headers_ok || !protocols_ok || host.is_empty() || !is_value(host) {
            return Err(ResponseError::Request);
        }
        let key = BASE64.encode(nonce);
        let mut bytes = format!(
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
        );
        if !protocols.is_empty() {
            bytes.extend(["Sec-WebSocket-Protocol: ", &protocols.join(", "), "\r\n"]);
        }
        for (name, value) in headers {
            bytes.extend([name, ": ", value, "\r\n"]);
        }
        bytes.push_str("\r\n");
        let protocols = protocols.iter().copied().map(str::to_owned).collect();
        let accept = accept_key(key.as_bytes());
        let handshake = Self { head: HeadBuffer::default(), accept, protocols, deflate: false };
        Ok((handshake, bytes.into_bytes()))
    }

    /// The same, offering `permessage-deflate` without context takeover.
    pub fn with_deflate(request: &ClientRequest<'_>) -> Result<(Self, Vec<u8>), ResponseError> {
        let headers = [request.headers, &[(EXTENSIONS, DEFLATE)]].concat();
        let (handshake, bytes) = Self::new(&ClientRequest { headers: &headers, ..*request })?;
        Ok((Self { deflate: true, ..handshake }, bytes))
    }

    /// `None` until the head is complete.
    pub fn receive(&mut self, input: &[u8]) -> Result<Option<Accepted>, ResponseError> {
        let Some(consumed) = self.head.receive(input)? else { return Ok(None) };
        let head = self.head.parse()?;
        let status = parse_status(head.start_line)?;
        if status != 101 {
            let retry_after_s = head
                .headers
                .iter()
                .find(|(name, _)| name.eq_ignore_ascii_case("retry-after"))
                .and_then(|(_, value)| str::from_utf8(value).ok()?.parse().ok());
            return Err(ResponseError::Refused { status, retry_after_s });
        }
        let (protocol, deflate) = self.check(&head.headers)?;
        Ok(Some(Accepted { protocol, deflate, consumed }))
    }

    fn check(&self, headers: &[(&str, &[u8])]) -> Result<(Option<String>, bool), ResponseError> {
        let (mut websocket, mut upgrade, mut accepted) = (false, false, false);
        let (mut protocol, mut deflate) = (None, false);
        for &(name, value) in headers {
            if name.eq_ignore_ascii_case("upgrade") {
                websocket |= value.eq_ignore_ascii_case(b"websocket");
            } else if name.eq_ignore_ascii_case("connection") {
                upgrade |= has_token(value, "upgrade");
            } else if name.eq_ignore_ascii_case("sec-websocket-accept") {
                if value != self.accept.as_bytes() {
                    return Err(ResponseError::Accept);
                }
                accepted = true;
            } else if name.eq_ignore_ascii_case(EXTENSIONS) {
                // Word for word what was offered, once: anything else is another extension, or another way to use it.
                if !self.deflate || deflate || value != DEFLATE.as_bytes() {
                    return Err(ResponseError::Extension);
                }
                deflate = true;
            } else if name.eq_ignore_ascii_case("sec-websocket-protocol") {
                let known = self.protocols.iter().find(|offered| offered.as_bytes() == value);
                if protocol.is_some() || known.is_none() {
                    return Err(ResponseError::Protocol);
                }
                protocol = known.cloned();
            }
        }
        if !websocket || !upgrade {
            return Err(ResponseError::NotWebSocket);
        }
        if !accepted {
            return Err(ResponseError::Accept);
        }
        Ok((protocol, deflate))
    }
}

fn parse_status(start_line: &str) -> Result<u16, HeadError> {
    let mut words = start_line.splitn(3, ' ');
    match (words.next(), words.next()) {
        (Some("HTTP/1.1"), Some(status))
            if status.len() == 3 && status.bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            status.parse().map_err(|_| HeadError::Malformed)
        }
        _ => Err(HeadError::Malformed),
    }
}
