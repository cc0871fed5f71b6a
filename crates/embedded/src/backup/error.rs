//! Why there is no backup, or nothing was restored.

use std::io;
use std::path::{Path, PathBuf};

use parlance_ports::AccountError;
use thiserror::Error;

use crate::conversations::OpenError;

#[derive(Debug, Error)]
pub enum BackupError {
    #[error("{} is not empty: choose another directory, or empty it", .0.display())]
    NotEmpty(PathBuf),
    #[error("{} has not enough room: {needed_mib} MiB are needed, {free_mib} MiB are free; make room, or choose another directory", path.display())]
    NoRoom { path: PathBuf, needed_mib: u64, free_mib: u64 },
    #[error("it was cancelled")]
    Cancelled,
    #[error("{} is not a backup: it has no backup.json; one that was cut short has none either", .0.display())]
    NotABackup(PathBuf),
    #[error("the backup was written by a newer version (format {0}); use that one")]
    Newer(u32),
    /// Nothing of it was used.
    #[error("the backup is damaged: {}: {what}", file.display())]
    Damaged { file: PathBuf, what: String },
    #[error("could not read or write {}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Conversations(#[from] OpenError),
    #[error(transparent)]
    Accounts(#[from] AccountError),
}

impl BackupError {
    pub(super) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { path: path.to_owned(), source }
    }

    pub(super) fn damaged(file: &Path, what: impl Into<String>) -> Self {
        Self::Damaged { file: file.to_owned(), what: what.into() }
    }
}
