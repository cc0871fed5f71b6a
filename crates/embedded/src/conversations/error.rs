//! Why conversations cannot be opened: each text names the file and what can be done.

use std::io;
use std::path::{Path, PathBuf};

use parlance_journal as journal;
use thiserror::Error;

use super::rows::RowError;

#[derive(Debug, Error)]
pub enum OpenError {
    #[error("{} is in use by another process: stop that one, or choose another directory", .0.display())]
    InUse(PathBuf),
    #[error("{} cannot be written: give this user the right to write there, or choose another directory", .0.display())]
    ReadOnly(PathBuf),
    /// Names file and place. Nothing was changed.
    #[error(
        "stored conversations are damaged: {what}; nothing was changed, `parlance verify` tells how far it goes"
    )]
    Damaged { what: String },
    #[error("could not read or write {}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("could not start a thread")]
    Thread(#[source] io::Error),
}

impl OpenError {
    pub(crate) fn damaged(what: impl Into<String>) -> Self {
        Self::Damaged { what: what.into() }
    }

    pub(super) fn io(path: &Path, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                Self::ReadOnly(path.to_owned())
            }
            _ => Self::Io { path: path.to_owned(), source },
        }
    }

    pub(super) fn journal(directory: &Path, error: journal::OpenError) -> Self {
        match error {
            journal::OpenError::Locked => Self::InUse(directory.to_owned()),
            journal::OpenError::Damaged(damage) => {
                Self::damaged(format!("{}/{damage}", directory.display()))
            }
            journal::OpenError::Io { file, source } => Self::io(&directory.join(file), source),
            journal::OpenError::Thread(source) => Self::Thread(source),
            error @ journal::OpenError::SegmentBytes { .. } => {
                Self::io(directory, io::Error::new(io::ErrorKind::InvalidInput, error))
            }
        }
    }

    pub(crate) fn rows(directory: &Path, error: RowError) -> Self {
        match error {
            RowError::Locked => Self::InUse(directory.to_owned()),
            RowError::Io(source) => Self::io(directory, source),
            RowError::Damaged(what) => Self::damaged(format!("{}: {what}", directory.display())),
        }
    }

    pub(super) fn read(directory: &Path, error: journal::ReadError) -> Self {
        match error {
            journal::ReadError::Damaged(damage) => {
                Self::damaged(format!("{}/{damage}", directory.display()))
            }
            journal::ReadError::Io { file, source } => Self::io(&directory.join(file), source),
            error @ journal::ReadError::Trimmed { .. } => {
                Self::damaged(format!("{}: {error}", directory.display()))
            }
        }
    }
}
