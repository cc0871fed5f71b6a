//! The protocol as bytes: frames as JSON and as Protocol Buffers in both directions, cursors as text, and the bodies of the REST paths.
//!
//! It refuses to know what frames lead to and how bytes travel. Invariants: no byte from outside makes it panic, whatever is wrong
//! is answered with the field at fault, and what is encoded here decodes here to the same value.

mod cursor;
pub mod docs;
mod error;
mod fuzz;
pub mod json;
pub mod protobuf;
pub mod rest;

pub use cursor::{
    CursorError, PollCursor, decode_cursor, decode_poll_cursor, encode_cursor, encode_poll_cursor,
};
pub use error::DecodeError;
pub use fuzz::{fuzz_client, fuzz_protobuf, fuzz_rest, fuzz_server};
