//! Frames in the encoding `parlance.v1.protobuf`: the same frames, fields and rules as in JSON, with the numbers of its schema.
//!
//! **One schema for both**: a message is read as the JSON that says the same and then as JSON is, so whatever is checked, refused and named
//! there is so here; what is written is JSON first, and the table gives its fields their numbers. It refuses to know what any frame means.
//! `docs/parlance.proto` is written from the table.

mod document;
mod read;
mod schema;
mod wire;
mod write;

use bytes::BytesMut;
use parlance_types::Code;
use parlance_types::frame::{ClientFrame, ServerFrame};

use crate::{DecodeError, json};
pub use document::document;

/// Takes the frames of a message from a client; what cannot be read is answered with the field at fault.
pub fn decode_client(bytes: &[u8], sink: &mut dyn FnMut(Result<ClientFrame, DecodeError>)) {
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

/// Writes a frame of a server as a message.
pub fn encode_server(frame: &ServerFrame, out: &mut BytesMut) {
    encode_server_json(|text| json::encode_server(frame, text), out);
}

/// Writes what `encode` writes as the JSON of a frame of a server.
pub fn encode_server_json(encode: impl FnOnce(&mut BytesMut), out: &mut BytesMut) {
    let mut text = BytesMut::new();
    encode(&mut text);
    write::message(&schema::SERVER_FRAME, &text, out);
}

fn malformed() -> DecodeError {
    DecodeError::new(Code::MalformedFrame, "this is not a message of docs/parlance.proto")
}

#[cfg(test)]
mod tests;
