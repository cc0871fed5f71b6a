//! An empty place that something is made in, as a whole or not at all.
//!
//! What cannot be removed, because the process was killed, is told by a mark in the place or by what is missing there.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::error::BackupError;

/// Stands in a data directory until everything else does.
const MARK: &str = "RESTORING";

pub(super) struct Ground {
    pub(super) path: PathBuf,
    /// The directory was not there before.
    is_new: bool,
    is_kept: bool,
}

/// Whether a data directory is the remains of a restoring that was cut short.
pub fn is_unfinished(data: &Path) -> bool {
    data.join(MARK).exists()
}

impl Ground {
    pub(super) fn take(path: &Path) -> Result<Self, BackupError> {
        let is_new = match fs::read_dir(path) {
            Ok(mut entries) => {
                if entries.next().is_some() {
                    return Err(BackupError::NotEmpty(path.to_owned()));
                }
                false
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                fs::create_dir_all(path).map_err(BackupError::io(path))?;
                true
            }
            Err(error) => return Err(BackupError::io(path)(error)),
        };
        Ok(Self { path: path.to_owned(), is_new, is_kept: false })
    }

    /// Refuses if less than `bytes` are free.
    pub(super) fn has_room(&self, bytes: u64) -> Result<(), BackupError> {
        let found = rustix::fs::statvfs(&self.path);
        let found = found.map_err(|error| BackupError::io(&self.path)(error.into()))?;
        let free = found.f_bavail.saturating_mul(found.f_frsize);
        if free >= bytes {
            return Ok(());
        }
        let (needed_mib, free_mib) = (bytes.div_ceil(1 << 20), free >> 20);
        Err(BackupError::NoRoom { path: self.path.clone(), needed_mib, free_mib })
    }

    pub(super) fn mark(&self) -> io::Result<()> {
        File::create_new(self.path.join(MARK))?.sync_all()?;
        self.sync()
    }

    pub(super) fn unmark(&self) -> io::Result<()> {
        self.sync()?;
        fs::remove_file(self.path.join(MARK))
    }

    /// Everything that is there stays.
    pub(super) fn keep(&mut self) -> io::Result<()> {
        self.sync()?;
        self.is_kept = true;
        Ok(())
    }

    /// Makes names durable, those of the folders inside and its own too.
    fn sync(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.path)? {
            let path = entry?.path();
            if path.is_dir() {
                File::open(path)?.sync_all()?;
            }
        }
        File::open(&self.path)?.sync_all()?;
        let around = self.path.parent().filter(|around| !around.as_os_str().is_empty());
        File::open(around.unwrap_or(Path::new(".")))?.sync_all()
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        if self.is_kept {
            return;
        }
        let removed = if self.is_new { fs::remove_dir_all(&self.path) } else { clear(&self.path) };
        if let Err(error) = removed {
            tracing::warn!(path = %self.path.display(), %error, "could not remove what is not finished");
        }
    }
}

/// Removes what is in a folder. The mark goes last.
fn clear(path: &Path) -> io::Result<()> {
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
        } else if entry.file_name() != MARK {
            fs::remove_file(entry.path())?;
        }
    }
    match fs::remove_file(path.join(MARK)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
