//! What can go wrong between a client and its server.

use parlance_types::frame::ErrorFrame;

/// Why a call of the network layer failed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The URL is not `https://host[:port]`, nor `http`, `wss` or `ws`.
    #[error("not an https:// or http:// URL: {0}")]
    Url(String),
    /// This machine trusts nobody: TLS needs its certificates, or those of the file that `SSL_CERT_FILE` names.
    #[error("no certificates to trust on this machine{0}")]
    NoTrust(String),
    /// The server could not be reached, or the connection broke.
    #[error("could not reach the server")]
    Unreachable(#[from] std::io::Error),
    /// The connection broke in the middle of a request: its outcome is not known.
    #[error("http connection failed")]
    Http(#[from] hyper::Error),
    /// The server refused the request; the code says whether trying again helps.
    #[error("server refused: {}", .0.code)]
    Refused(Box<ErrorFrame>),
    /// The server did not upgrade the connection.
    #[error("no websocket")]
    Upgrade(#[from] parlance_websocket::handshake::ResponseError),
    /// The server broke the WebSocket protocol.
    #[error("broken websocket")]
    WebSocket(#[from] parlance_websocket::ProtocolError),
    /// The server sent something that is not in the protocol.
    #[error("server sent what is not understood: {0}")]
    Malformed(String),
    /// What has to survive could not be kept, or what was kept could not be read.
    #[error("could not keep the state of the client")]
    Storage(#[source] std::io::Error),
    /// What is kept there belongs to another account.
    #[error("the storage belongs to account {0}")]
    OtherAccount(parlance_types::AccountId),
    /// The server asked this connection not to come back.
    #[error("connection is stopped")]
    Stopped,
}

impl ClientError {
    /// Whether somebody was there: another door may lead further then.
    pub(crate) fn reached(&self) -> bool {
        use std::io::ErrorKind::{
            ConnectionRefused, HostUnreachable, NetworkUnreachable, NotFound,
        };
        let absent = [ConnectionRefused, HostUnreachable, NetworkUnreachable, NotFound];
        !matches!(self, Self::Unreachable(error) if absent.contains(&error.kind()))
    }
}

impl From<parlance_protocol::DecodeError> for ClientError {
    fn from(error: parlance_protocol::DecodeError) -> Self {
        Self::Malformed(error.to_string())
    }
}
