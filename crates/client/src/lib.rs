//! The Rust SDK of Parlance.
#![deny(missing_docs)]

mod error;
mod http;

pub use error::{ClientError, Refusal};
pub use http::{Http, HttpRequest};
