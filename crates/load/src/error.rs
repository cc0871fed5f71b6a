//! Why a drill could not be carried out. A check that fails is not an error: it is the drill's result.

use parlance_client::ClientError;

/// The drill could not run.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A socket, a file or a process.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// A request to set the scene failed.
    #[error("could not set the scene")]
    Client(#[from] ClientError),
    /// The server's answer lacks something.
    #[error("server's answer lacks {0}")]
    Answer(&'static str),
    /// The server sent what is not in the protocol, or closed a connection it should have kept.
    #[error("{0}")]
    Broken(String),
    /// A child process ended before it was ready; its last words.
    #[error("server did not start: {0}")]
    NotReady(String),
    /// Not a plain `http://host:port`.
    #[error("not an http:// address that resolves: {0}")]
    Address(String),
    /// The kernel's account of a process cannot be read.
    #[error("could not read {0} of the server process")]
    Proc(&'static str),
    /// A wait took longer than it may.
    #[error("gave up waiting for {0}")]
    Timeout(&'static str),
    /// An argument that does not fit the others.
    #[error("{0}")]
    Usage(&'static str),
    /// A recorded history or a log to replay cannot be read.
    #[error("{file}, line {line}: {what}")]
    Line {
        /// Which file.
        file: String,
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        what: String,
    },
}
