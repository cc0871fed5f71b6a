//! Frames in the encoding `parlance.v1.json`: a frame is an object with one key, its name; a message is a frame or an array.
//!
//! Rules for what comes in: fields that are not known are ignored, frames and kinds that are not known are refused; a key that
//! stands twice in one object is refused; `null` is the same as leaving the field out; text is checked where it is read.
//! What goes out leaves out what is absent, empty or false.

pub(crate) mod body;
mod decode_client;
pub(crate) mod decode_server;
pub(crate) mod encode_client;
pub(crate) mod encode_event;
pub(crate) mod encode_server;
mod entity;
mod ephemera;
pub(crate) mod personal;
pub(crate) mod read;
pub(crate) mod shapes;
pub(crate) mod write;

pub use decode_client::decode_client;
pub use decode_server::decode_server;
pub use encode_client::encode_client;
pub use encode_event::encode_event;
pub use encode_server::{encode_heads, encode_mark, encode_presence, encode_server, encode_signal};

#[cfg(test)]
pub(crate) mod tests;
