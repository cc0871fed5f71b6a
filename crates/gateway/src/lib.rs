//! The doors: listener, upgrade, WebSocket connections, REST, and the pages for operators.
//!
//! It turns bytes into frames and frames into bytes, and holds for each connection a queue with a bound. It refuses to know stores and to decide
//! rights: the engine is asked, and what it answers is sent.

mod command;
mod connection;
mod http;
mod listen;
mod poll;
mod proxy;
mod socket;
mod state;
mod stream;
mod tls;

pub use listen::serve;
pub use proxy::{ClientAddress, Proxies, fuzz_proxy_header};
pub use state::{Gateway, GatewayConfig};
pub use tls::{CertificateError, CertificateFiles, Look, Tls, Validity};
