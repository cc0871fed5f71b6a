//! The header of the PROXY protocol (versions 1 and 2) with which a proxy of connections names the client of each.
//!
//! The decoder says how many bytes it needs next and never asks for one that is not the header's, so what follows it is left to whoever reads
//! on. Without sockets and without trust: who may send one is decided before.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::io::{AsyncRead, AsyncReadExt};

/// The longest line of version 1, its end included.
const LINE_BYTES_MAX: usize = 107;
/// Addresses and the extensions behind them, which are read and not looked at.
const BODY_BYTES_MAX: usize = 2_048;
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
/// The fixed part of version 2.
const HEAD_BYTES: usize = 16;
const LINE_BEGIN: &[u8] = b"PROXY ";

/// What the bytes so far are.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// At least so many bytes of the header are missing.
    Needs(usize),
    /// All of it is there. `None`: the proxy speaks for itself, or does not know for whom.
    Source(Option<SocketAddr>),
}

/// Why the bytes are no header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HeaderError {
    #[error("connection does not begin with a header of the PROXY protocol")]
    NotAHeader,
    #[error("header of the PROXY protocol is too long")]
    TooLong,
    #[error("header of the PROXY protocol has no readable address")]
    Address,
}

/// Reads the header and nothing after it. `None`: the peer speaks for itself.
pub(crate) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<SocketAddr>> {
    let mut bytes = Vec::with_capacity(LINE_BYTES_MAX);
    loop {
        match decode(&bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))? {
            Step::Source(source) => return Ok(source),
            Step::Needs(count) => {
                let known = bytes.len();
                bytes.resize(known + count, 0);
                stream.read_exact(&mut bytes[known..]).await?;
            }
        }
    }
}

fn decode(bytes: &[u8]) -> Result<Step, HeaderError> {
    // Both begin with at least as many bytes as the signature has.
    let Some(begin) = bytes.first_chunk::<{ SIGNATURE.len() }>() else {
        return Ok(Step::Needs(SIGNATURE.len() - bytes.len()));
    };
    if begin == SIGNATURE {
        return decode_binary(bytes);
    }
    if begin.starts_with(LINE_BEGIN) {
        return decode_line(bytes);
    }
    Err(HeaderError::NotAHeader)
}

/// `PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n` or `PROXY UNKNOWN …\r\n`.
fn decode_line(bytes: &[u8]) -> Result<Step, HeaderError> {
    let Some(line) = bytes.strip_suffix(b"\r\n") else {
        if bytes.contains(&b'\n') {
            return Err(HeaderError::NotAHeader);
        }
        if bytes.len() + 2 > LINE_BYTES_MAX {
            return Err(HeaderError::TooLong);
        }
        return Ok(Step::Needs(if bytes.ends_with(b"\r") { 1 } else { 2 }));
    };
    let line = str::from_utf8(line).map_err(|_| HeaderError::Address)?;
    let mut words = line.split(' ').skip(1);
    let mut word = || words.next().ok_or(HeaderError::Address);
    let family = word()?;
    if family == "UNKNOWN" {
        return Ok(Step::Source(None));
    }
    let (address, _, port) = (word()?, word()?, word()?);
    let address = match family {
        "TCP4" => address.parse().ok().map(IpAddr::V4),
        "TCP6" => address.parse().ok().map(IpAddr::V6),
        _ => None,
    };
    let address = address.ok_or(HeaderError::Address)?;
    let port = port.parse().map_err(|_| HeaderError::Address)?;
    Ok(Step::Source(Some(SocketAddr::new(address, port))))
}

fn decode_binary(bytes: &[u8]) -> Result<Step, HeaderError> {
    let Some(head) = bytes.first_chunk::<HEAD_BYTES>() else {
        return Ok(Step::Needs(HEAD_BYTES - bytes.len()));
    };
    let [.., version_command, family, high, low] = *head;
    let length = usize::from(u16::from_be_bytes([high, low]));
    if length > BODY_BYTES_MAX {
        return Err(HeaderError::TooLong);
    }
    let body = &bytes[HEAD_BYTES..];
    if body.len() < length {
        return Ok(Step::Needs(length - body.len()));
    }
    match version_command {
        // LOCAL: the proxy asks for itself, to see whether anybody is there.
        0x20 => Ok(Step::Source(None)),
        0x21 => source(family, body).map(Step::Source),
        _ => Err(HeaderError::NotAHeader),
    }
}

fn source(family: u8, body: &[u8]) -> Result<Option<SocketAddr>, HeaderError> {
    match family {
        // Unspecified.
        0x00 => Ok(None),
        0x11 => {
            let body = body.first_chunk::<12>().ok_or(HeaderError::Address)?;
            let [a, b, c, d, .., high, low, _, _] = *body;
            let port = u16::from_be_bytes([high, low]);
            Ok(Some(SocketAddr::from((Ipv4Addr::new(a, b, c, d), port))))
        }
        0x21 => {
            let body = body.first_chunk::<36>().ok_or(HeaderError::Address)?;
            let address = body.first_chunk::<16>().expect("shorter than the body");
            let port = u16::from_be_bytes([body[32], body[33]]);
            Ok(Some(SocketAddr::from((Ipv6Addr::from(*address), port))))
        }
        _ => Err(HeaderError::Address),
    }
}

/// A fuzz target: decodes `bytes` as they come, in the pieces that are asked for. Nothing beyond the header is asked for, and no header
/// is longer than its limit.
pub fn fuzz(bytes: &[u8]) {
    let mut known = 0;
    loop {
        match decode(&bytes[..known]) {
            Ok(Step::Needs(count)) => {
                assert!(count > 0, "asks for nothing");
                if bytes.len() - known < count {
                    return;
                }
                known += count;
                assert!(known <= HEAD_BYTES + BODY_BYTES_MAX, "asks for too much");
            }
            Ok(Step::Source(_)) => {
                assert!(bytes[..known].starts_with(SIGNATURE) || bytes[..known].ends_with(b"\r\n"));
                return;
            }
            Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests;
