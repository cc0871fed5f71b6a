//! The Rust SDK of Parlance.
//!
//! [`Machine`] is the client without its sockets: frames, time and randomness in; frames and [`Update`]s out. [`Client`] and
//! [`Connection`] put it on the network with tokio, over TLS for `https://`, through the [`Door`] that the application chooses. Or drive
//! the machine over a transport of your own.
//!
//! See `examples/send.rs` for a whole program.
#![deny(missing_docs)]

mod carrier;
mod client;
mod connection;
mod endpoint;
mod error;
mod fallback;
mod http;
mod machine;
mod saved;
mod socket;
mod storage;

pub use carrier::Door;
pub use client::Client;
pub use connection::Connection;
pub use error::ClientError;
pub use http::{Http, HttpRequest};
pub use machine::{Entry, Machine, Options, Output, Saved, Trail, Update};
/// What signing up and in takes and gives.
pub use parlance_protocol::rest::{Secret, SignIn, SignUp, Tokens};
pub use storage::{FileStorage, Storage, Stored};
