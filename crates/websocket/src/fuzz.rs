//! Fuzz targets: plain functions over outside bytes. They panic only if an invariant of this crate is broken.

use crate::handshake::{
    ClientHandshake, ClientRequest, RequestError, ResponseError, ServerHandshake,
};
use crate::{Decoder, Input, Limits, ProtocolError, Role};

const LIMITS: Limits = Limits { message_bytes_max: 1 << 16, fragments_max: 64 };

/// Decodes `bytes`, without and with compression, at once, byte by byte, and in pieces that the bytes choose: all must agree.
pub fn fuzz_decode(bytes: &[u8], role: Role) {
    for deflate in [false, true] {
        let decoder = || {
            let decoder = Decoder::new(role, LIMITS);
            if deflate { decoder.with_deflate() } else { decoder }
        };
        let whole = decode(bytes, decoder(), |_| usize::MAX);
        assert_eq!(whole, decode(bytes, decoder(), |_| 1), "byte by byte");
        let pieces = decode(bytes, decoder(), |next| usize::from(next % 19) + 1);
        assert_eq!(whole, pieces, "in pieces");
    }
}

/// Reads `bytes` as the head of a request and of a response, at once and byte by byte: both must agree.
pub fn fuzz_handshake(bytes: &[u8]) {
    let piece = bytes.len().max(1);
    assert_eq!(serve(bytes, piece), serve(bytes, 1));
    assert_eq!(connect(bytes, piece), connect(bytes, 1));
}

type Head<T> = Option<(T, usize)>;

fn serve(bytes: &[u8], piece: usize) -> Result<Head<(String, Option<&'static str>)>, RequestError> {
    let mut handshake = ServerHandshake::new();
    for (index, part) in bytes.chunks(piece).enumerate() {
        if let Some(done) = handshake.receive(part, &["one", "two"])? {
            return Ok(Some(((done.path, done.protocol), index * piece + done.consumed)));
        }
    }
    Ok(None)
}

fn connect(bytes: &[u8], piece: usize) -> Result<Head<Option<String>>, ResponseError> {
    let (mut handshake, _) = ClientHandshake::new(&ClientRequest {
        host: "host",
        path: "/",
        protocols: &["one", "two"],
        headers: &[],
        nonce: [0; 16],
    })?;
    for (index, part) in bytes.chunks(piece).enumerate() {
        if let Some(done) = handshake.receive(part)? {
            return Ok(Some((done.protocol, index * piece + done.consumed)));
        }
    }
    Ok(None)
}

type Outcome = (Vec<String>, Option<ProtocolError>);

fn decode(bytes: &[u8], mut decoder: Decoder, piece: impl Fn(u8) -> usize) -> Outcome {
    let mut bytes = bytes.to_vec();
    let mut rest = bytes.as_mut_slice();
    let mut messages = Vec::new();
    while let Some(&next) = rest.first() {
        let (part, after) = rest.split_at_mut(piece(next).min(rest.len()));
        rest = after;
        let mut input = Input::new(part);
        loop {
            match decoder.next(&mut input) {
                Ok(Some(message)) => messages.push(format!("{message:?}")),
                Ok(None) => break,
                Err(error) => return (messages, Some(error)),
            }
        }
        assert!(input.is_empty(), "what a call leaves unread is lost");
    }
    (messages, None)
}
