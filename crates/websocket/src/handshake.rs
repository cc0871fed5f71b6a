//! The HTTP upgrade, as values: what a request must say, what a response must say, and the bytes of both.
//!
//! A server behind an HTTP library calls [`check_upgrade`]; without one, [`ServerHandshake`] reads the head itself.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ring::digest;

mod client;
mod head;
mod server;

pub use client::{Accepted, ClientHandshake, ClientRequest, ResponseError};
pub use head::{HEAD_BYTES_MAX, HeadError};
pub use server::{
    DEFLATE, RequestError, ServerHandshake, Upgrade, UpgradeError, Upgraded, check_upgrade,
};

const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const VERSION: &[u8] = b"13";

/// The value of `Sec-WebSocket-Accept` that answers a key.
pub fn accept_key(key: &[u8]) -> String {
    let mut context = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
    context.update(key);
    context.update(GUID);
    BASE64.encode(context.finish())
}

/// The items of a comma-separated header value.
fn items(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).filter(|item| !item.is_empty())
}

fn has_token(value: &[u8], token: &str) -> bool {
    items(value).any(|item| item.eq_ignore_ascii_case(token.as_bytes()))
}
