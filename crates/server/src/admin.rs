//! What an operator asks of a data directory: through the socket in it while a server has it open, otherwise by opening it.
//!
//! The socket is a file of the data directory and speaks to the user of the server and to root, nobody else. One line of JSON asks, lines of
//! JSON answer: progress, then an outcome. Passwords travel in it and are never logged.

mod ask;
mod door;
mod operator;

use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::watch;

pub(crate) use ask::ask;
pub(crate) use door::Door;
pub(crate) use operator::Operator;

/// Bytes of a line, either way.
const LINE_BYTES_MAX: u64 = 64 * 1024;

/// What can be asked for. It holds passwords, so there is no way to print it.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Request {
    CreateAccount { handle: String, name: Option<String>, password: String },
    ResetPassword { handle: String, password: String },
    Backup { directory: PathBuf },
}

/// A line of the answer.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Reply {
    /// How far it is, in bytes.
    Progress {
        done: u64,
        total: u64,
    },
    Done(Value),
    Refused(String),
}

/// What was asked for, with the progress of it.
type Progress = watch::Sender<(u64, u64)>;

/// Whether a server has this data directory open, and listens to operators.
pub(crate) fn is_served(data: &Path) -> bool {
    UnixStream::connect(socket_in(data)).is_ok()
}

/// Where the socket of a data directory is.
fn socket_in(data: &Path) -> PathBuf {
    data.join("admin.sock")
}
