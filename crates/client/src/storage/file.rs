//! The default storage: one file, replaced as a whole. Owns the file and a lock beside it, so that no two clients are the same device.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use super::{Storage, Stored};

/// Keeps everything in one file that only its owner may read.
///
/// ```
/// use parlance_client::{FileStorage, Storage as _};
/// let folder = tempfile::tempdir()?;
/// let storage = FileStorage::open(folder.path().join("ada.json"))?;
/// assert!(storage.load()?.is_none(), "nobody signed in yet");
/// // Somebody else who wants to be the same device is told so.
/// assert!(FileStorage::open(folder.path().join("ada.json")).is_err());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct FileStorage {
    path: PathBuf,
    /// Held until it is dropped, or the process ends.
    _lock: File,
}

impl FileStorage {
    /// The file need not be there yet; its folder must be.
    pub fn open(path: impl Into<PathBuf>) -> io::Result<Self> {
        let path = path.into();
        let lock = private().truncate(false).open(beside(&path, "lock"))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path, _lock: lock }),
            Err(TryLockError::Error(error)) => Err(error),
            Err(TryLockError::WouldBlock) => {
                let message = format!("{} is in use by another client", path.display());
                Err(io::Error::new(ErrorKind::ResourceBusy, message))
            }
        }
    }
}

impl Storage for FileStorage {
    fn load(&self) -> io::Result<Option<Stored>> {
        let text = match std::fs::read_to_string(&self.path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            text => text?,
        };
        let malformed = |error| io::Error::new(ErrorKind::InvalidData, error);
        Stored::from_json(&text).map(Some).map_err(malformed)
    }

    fn store(&mut self, stored: &Stored) -> io::Result<()> {
        let new = beside(&self.path, "new");
        let mut file = private().truncate(true).open(&new)?;
        file.write_all(stored.to_json().as_bytes())?;
        // Before its name changes: a name without its bytes would be worse than the old file.
        file.sync_all()?;
        std::fs::rename(&new, &self.path)?;
        match self.path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => sync(folder),
            _ => sync(Path::new(".")),
        }
    }
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(end);
    name.into()
}

/// Makes names in a folder survive.
#[cfg(unix)]
fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn sync(_: &Path) -> io::Result<()> {
    Ok(())
}
