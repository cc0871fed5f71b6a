//! The Rust SDK of Parlance.
#![deny(missing_docs)]

mod error;
mod http;
mod machine;

pub use error::{ClientError, Refusal};
pub use http::{Http, HttpRequest};
pub use machine::{Entry, Machine, Options, Output, Saved, Trail, Update};
