//! What can go wrong between a client and its server.

use parlance_types::{Code, Retry};
use serde::Deserialize;

/// Why a call of the network layer failed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The URL is not `http://host[:port]`; this version of the network layer speaks no TLS.
    #[error("not an http:// URL: {0}")]
    Url(String),
    /// The server could not be reached, or the connection broke.
    #[error("could not reach the server")]
    Unreachable(#[from] std::io::Error),
    /// The connection broke in the middle of a request: its outcome is not known.
    #[error("http connection failed")]
    Http(#[from] hyper::Error),
    /// The server refused the request.
    #[error("server refused: {0}")]
    Refused(Refusal),
    /// The server did not upgrade the connection.
    #[error("no websocket")]
    Upgrade(#[from] parlance_websocket::handshake::ResponseError),
    /// The server broke the WebSocket protocol.
    #[error("broken websocket")]
    WebSocket(#[from] parlance_websocket::ProtocolError),
    /// The server sent something that is not in the protocol.
    #[error("server sent what is not understood: {0}")]
    Malformed(String),
    /// The connection will not come back by itself.
    #[error("connection is stopped")]
    Stopped,
}

/// An error answer of the HTTP interface.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Refusal {
    /// The permanent name of the error.
    pub code: String,
    /// What a person is told.
    #[serde(default)]
    pub message: String,
    /// The field at fault, if one is.
    #[serde(default)]
    pub field: Option<String>,
    /// How long to wait, if waiting helps.
    #[serde(default)]
    pub retry_after_ms: Option<u64>,
}

impl Refusal {
    /// The code, if this version knows it.
    #[must_use]
    pub fn known(&self) -> Option<Code> {
        Code::ALL.iter().copied().find(|code| code.as_str() == self.code)
    }

    /// Whether the same request may succeed later.
    #[must_use]
    pub fn retry(&self) -> Retry {
        self.known().map_or(Retry::Never, Code::retry)
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.code, self.message)
    }
}
