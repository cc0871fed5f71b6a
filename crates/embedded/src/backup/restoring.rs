//! Making a data directory of a backup.
//!
//! Every hash is compared before anything is made. The directory carries a mark until it is whole, and a server refuses it while it does.

use std::fs::File;
use std::io::{self, BufReader, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parlance_types::{Epoch, Micros};

use super::error::BackupError;
use super::folder::hash;
use super::ground::Ground;
use super::list::{List, Listed};
use super::rows_file::Reader;
use super::{ACCOUNTS, GoOn, ROWS};
use crate::accounts::Accounts;
use crate::conversations::{OpenError, Options, thaw};

/// A data directory that lacks only what [`Restored::finish`] is called after.
pub struct Restored {
    ground: Ground,
    /// Of the restored installation; no client knows it.
    pub epoch: Epoch,
    /// When the backup was made.
    pub made_at: Micros,
    pub bytes: u64,
    /// How many people have to sign in again, by devices.
    pub sessions_ended: usize,
}

impl Restored {
    /// From now on it is a data directory.
    pub fn finish(mut self) -> Result<(), BackupError> {
        let Self { ground, .. } = &mut self;
        let path = ground.path.clone();
        ground.unmark().map_err(BackupError::io(&path))?;
        ground.keep().map_err(BackupError::io(&path))
    }
}

/// Makes a data directory in `into`, which is made or empty, of the backup in `from`. All sessions end at `now`.
pub async fn restore(
    from: &Path,
    into: &Path,
    options: Options,
    now: Micros,
    go_on: Arc<GoOn>,
) -> Result<Restored, BackupError> {
    let (folder, place) = (from.to_owned(), into.to_owned());
    let work = move || {
        let list = List::read(&folder)?;
        let progress = &mut Progress { done: 0, total: 2 * list.bytes(), go_on };
        list.files.iter().try_for_each(|file| check(&folder, file, progress))?;
        let ground = Ground::take(&place)?;
        ground.has_room(2 * list.bytes())?;
        ground.mark().map_err(BackupError::io(&place))?;
        for file in list.files.iter().filter(|file| file.name != ROWS) {
            copy(&folder.join(&file.name), &place.join(&file.name), progress)?;
        }
        Ok::<_, BackupError>((list, ground))
    };
    let worked = tokio::task::spawn_blocking(work).await;
    let (list, ground) = worked.unwrap_or_else(|_| {
        Err(OpenError::damaged("the backup cannot be read: panicked").into())
    })?;
    let rows_at = from.join(ROWS);
    let rows =
        Reader::new(BufReader::new(File::open(&rows_at).map_err(BackupError::io(&rows_at))?));
    let rows = rows.map(move |row| row.map_err(BackupError::io(&rows_at)));
    let epoch = thaw(into, options, rows).await?;
    let accounts = Accounts::open(&into.join(ACCOUNTS)).await?;
    let ended = accounts.end_sessions(None, now).await;
    accounts.close().await;
    Ok(Restored {
        ground,
        epoch,
        made_at: list.made_at,
        bytes: list.bytes(),
        sessions_ended: ended?.len(),
    })
}

struct Progress {
    done: u64,
    total: u64,
    go_on: Arc<GoOn>,
}

impl Progress {
    fn add(&mut self, bytes: usize) -> io::Result<()> {
        self.done += bytes as u64;
        if (self.go_on)(self.done, self.total) {
            Ok(())
        } else {
            Err(io::ErrorKind::Interrupted.into())
        }
    }
}

fn check(folder: &Path, listed: &Listed, progress: &mut Progress) -> Result<(), BackupError> {
    let path = folder.join(&listed.name);
    let mut file = match File::open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(BackupError::damaged(&path, "is missing"));
        }
        file => file.map_err(BackupError::io(&path))?,
    };
    let mut hasher = blake3::Hasher::new();
    let bytes = hash(&mut file, &mut hasher, |piece| progress.add(piece.len()));
    let bytes = bytes.map_err(cancelled(&path))?;
    if bytes != listed.bytes || hasher.finalize().to_hex().as_str() != listed.blake3 {
        return Err(BackupError::damaged(&path, "is not as it was written"));
    }
    Ok(())
}

fn copy(from: &Path, to: &Path, progress: &mut Progress) -> Result<(), BackupError> {
    let mut file = File::open(from).map_err(BackupError::io(from))?;
    let mut write = || -> io::Result<()> {
        if let Some(folder) = to.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let mut out = File::options().write(true).create_new(true).mode(0o600).open(to)?;
        hash(&mut file, &mut blake3::Hasher::new(), |piece| {
            progress.add(piece.len())?;
            out.write_all(piece)
        })?;
        out.sync_all()
    };
    write().map_err(cancelled(to))
}

/// The only interruption that comes so far is that of [`Progress::add`].
fn cancelled(path: &Path) -> impl FnOnce(io::Error) -> BackupError {
    let path: PathBuf = path.to_owned();
    move |source| match source.kind() {
        io::ErrorKind::Interrupted => BackupError::Cancelled,
        _ => BackupError::Io { path, source },
    }
}
