//! RFC 6455 as bytes: frames in, frames out, and the handshake around them.
//!
//! Owns: the framing rules of both sides, unmasking, UTF-8 across fragments, close codes, the upgrade.
//! Refuses to know: sockets, tasks, clocks, randomness (mask keys and nonces are arguments), JSON, Parlance.
//!
//! **What a decoder yields depends on the bytes alone, never on how reads cut them.** A connection that is
//! idle holds no buffer: it reads into a buffer of the thread and keeps only what a read cut in two.
//!
//! ```text
//! read(&mut thread_buffer)
//! let mut input = Input::new(&mut thread_buffer[..n]);
//! while let Some(message) = decoder.next(&mut input)? { … }   // Err(e): answer e.close_code(), stop
//! ```

mod close;
mod decoder;
mod deflate;
mod encoder;
mod error;
mod frame;
pub mod fuzz;
pub mod handshake;
mod mask;

pub use close::{Close, CloseCode};
pub use decoder::{Decoder, Input, Limits, Message, Role};
pub use deflate::write_deflated;
pub use encoder::{FrameWriter, write, write_close, write_text};
pub use error::ProtocolError;
pub use frame::{CONTROL_BYTES_MAX, HEADER_BYTES_MAX, Header, Opcode, header};
pub use mask::MaskKey;
