//! Frames in the encoding `parlance.v1.protobuf`: the same frames, fields and rules as in JSON, with the numbers of its schema.
//!
//! **One schema for both.** What is said all day is read and written straight (`encode`, `decode`). Everything else, and whatever is
//! wrong, goes by way of the JSON that says the same, so that what is checked, refused and named there is so here. Tests compare the two ways.
//! `docs/parlance.proto` is written from the table.

mod decode;
mod document;
mod encode;
mod read;
mod schema;
mod wire;
mod write;

use bytes::BytesMut;
use parlance_types::Code;
use parlance_types::frame::{ClientFrame, ServerFrame};

use crate::{DecodeError, json};
pub use document::document;
pub use encode::{
    encode_event, encode_heads, encode_mark, encode_presence, encode_server, encode_signal,
};

/// Takes the frames of a message from a client; what cannot be read is answered with the field at fault.
pub fn decode_client(bytes: &[u8], sink: &mut dyn FnMut(Result<ClientFrame, DecodeError>)) {
    match decode::plain(bytes) {
        Some(frames) => frames.into_iter().for_each(|frame| sink(Ok(frame))),
        None => decode_by_json(bytes, sink),
    }
}

fn decode_by_json(bytes: &[u8], sink: &mut dyn FnMut(Result<ClientFrame, DecodeError>)) {
    match read::message(&schema::CLIENT_FRAME, bytes) {
        Ok(text) => json::decode_client(text.as_bytes(), sink),
        Err(_) => sink(Err(malformed())),
    }
}

/// Reads a message from a server: its frames, those that are known here.
pub fn decode_server(bytes: &[u8]) -> Result<Vec<ServerFrame>, DecodeError> {
    let text = read::message(&schema::SERVER_FRAME, bytes).map_err(|_| malformed())?;
    json::decode_server(text.as_bytes())
}

/// Writes a frame of a client as a message.
pub fn encode_client(frame: &ClientFrame, out: &mut BytesMut) {
    let mut text = BytesMut::new();
    json::encode_client(frame, &mut text);
    write::message(&schema::CLIENT_FRAME, &text, out);
}

fn malformed() -> DecodeError {
    DecodeError::new(Code::MalformedFrame, "this is not a message of docs/parlance.proto")
}

#[cfg(test)]
mod tests;
