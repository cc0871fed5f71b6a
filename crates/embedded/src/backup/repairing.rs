//! Making a data directory of what can be read of a damaged one.
//!
//! The damaged one is only read: it is the copy that is kept, and nothing is lost by trying. As in a restoring, what is made carries a mark until
//! it is whole.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use parlance_ports::AccountError;

use super::ACCOUNTS;
use super::error::BackupError;
use super::ground::Ground;
use crate::accounts::{self, Accounts};
use crate::conversations::{Options, Salvaged, salvage};

/// A data directory that lacks only its keys, and what [`Repaired::finish`] is called after.
pub struct Repaired {
    ground: Ground,
    pub conversations: Salvaged,
}

impl Repaired {
    /// From now on it is a data directory.
    pub fn finish(mut self) -> Result<(), BackupError> {
        let path = self.ground.path.clone();
        self.ground.unmark().map_err(BackupError::io(&path))?;
        self.ground.keep().map_err(BackupError::io(&path))
    }
}

/// Makes a data directory in `into`, which is made or empty, of what can be read in `from`, which no process may have open. What was made is
/// removed with the value, unless it was finished.
pub async fn repair(from: &Path, into: &Path, options: Options) -> Result<Repaired, BackupError> {
    let (old, new) = (from.to_owned(), into.to_owned());
    let work = move || {
        let ground = Ground::take(&new)?;
        ground.has_room(bytes_in(&old).map_err(BackupError::io(&old))?)?;
        ground.mark().map_err(BackupError::io(&new))?;
        let conversations = salvage(&old, &new, options)?;
        copy_accounts(&old, &new)?;
        Ok::<_, BackupError>(Repaired { ground, conversations })
    };
    let worked = tokio::task::spawn_blocking(work).await;
    let repaired = worked.unwrap_or_else(|_| {
        let source = io::Error::other("what is there cannot be read: panicked");
        Err(BackupError::Io { path: from.to_owned(), source })
    })?;
    // Opening does what is to be done after a crash; whether they are whole is asked of what that comes to.
    let path = into.join(ACCOUNTS);
    Accounts::open(&path).await?.close().await;
    match accounts::verify(&path).await?.first() {
        None => Ok(repaired),
        Some(problem) => Err(AccountError::Damaged(problem.what.clone()).into()),
    }
}

fn copy_accounts(from: &Path, to: &Path) -> Result<(), BackupError> {
    for name in [ACCOUNTS.to_owned(), format!("{ACCOUNTS}-wal")] {
        let (from, to) = (from.join(&name), to.join(&name));
        match fs::copy(&from, &to) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && name != ACCOUNTS => {}
            copied => {
                copied.map_err(BackupError::io(&from))?;
                fs::File::open(&to)
                    .and_then(|file| file.sync_all())
                    .map_err(BackupError::io(&to))?;
            }
        }
    }
    Ok(())
}

/// What a copy of everything takes.
fn bytes_in(folder: &Path) -> io::Result<u64> {
    let mut folders: Vec<PathBuf> = vec![folder.to_owned()];
    let mut bytes = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let found = entry.metadata()?;
            if found.is_dir() {
                folders.push(entry.path());
            } else {
                bytes += found.len();
            }
        }
    }
    Ok(bytes)
}
