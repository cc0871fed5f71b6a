//! The folder that a backup is written to. What it has when it is dropped before its end is removed.
//!
//! Files are synced in small pieces, so that the journal's own syncs never wait behind a whole backup, and while somebody is served the thread
//! rests after each.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::GoOn;
use super::error::BackupError;
use super::ground::Ground;
use super::list::Listed;

/// Bytes between two syncs.
const SYNC_BYTES: u64 = 256 << 10;
/// A piece of so much work takes at least so long while somebody is served: 10 MiB a second, and an eighth of the disk's time.
const TURN: Duration = Duration::from_millis(25);
const RESTS: u32 = 8;
/// What a rest takes at most.
const REST_MAX: Duration = Duration::from_millis(500);
/// Bytes of a file that are read at once.
const PIECE: usize = 256 * 1024;

/// How much room and speed a backup may take.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    /// Bytes of the disk that stay free.
    pub keep_free: u64,
    /// Somebody is served meanwhile.
    pub is_serving: bool,
}

pub(super) struct Folder {
    ground: Ground,
    room: Room,
    go_on: Arc<GoOn>,
    files: Vec<Listed>,
    open: Option<Open>,
    done: u64,
    total: u64,
}

/// The file that is being written.
struct Open {
    name: String,
    path: PathBuf,
    file: File,
    hasher: blake3::Hasher,
    bytes: u64,
    unsynced: u64,
    since: Instant,
}

impl Folder {
    /// Takes an empty place for about `total` bytes.
    pub(super) fn take(
        path: &Path,
        total: u64,
        room: Room,
        go_on: Arc<GoOn>,
    ) -> Result<Self, BackupError> {
        let ground = Ground::take(path)?;
        ground.has_room(total.saturating_add(room.keep_free))?;
        Ok(Self { ground, room, go_on, files: Vec::new(), open: None, done: 0, total })
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.ground.path.join(name)
    }

    /// Adds to the file `name`, which is made unless it was the last one to be added to.
    pub(super) fn append(&mut self, name: &str, bytes: &[u8]) -> Result<(), BackupError> {
        if self.open.as_ref().is_none_or(|open| open.name != name) {
            self.close()?;
            self.open = Some(self.create(name)?);
        }
        let Some(open) = &mut self.open else { return Ok(()) };
        open.file.write_all(bytes).map_err(BackupError::io(&open.path))?;
        open.hasher.update(bytes);
        open.bytes += bytes.len() as u64;
        open.unsynced += bytes.len() as u64;
        if open.unsynced >= SYNC_BYTES {
            open.file.sync_data().map_err(BackupError::io(&open.path))?;
            open.unsynced = 0;
            let worked = open.since.elapsed();
            self.breathe(bytes.len() as u64, worked)?;
        } else {
            self.done += bytes.len() as u64;
        }
        Ok(())
    }

    /// Takes a file into the list that somebody else wrote here.
    pub(super) fn adopt(&mut self, name: &str) -> Result<(), BackupError> {
        self.close()?;
        let path = self.path(name);
        let mut file = File::open(&path).map_err(BackupError::io(&path))?;
        file.sync_all().map_err(BackupError::io(&path))?;
        let mut hasher = blake3::Hasher::new();
        let bytes = hash(&mut file, &mut hasher, |_| Ok(())).map_err(BackupError::io(&path))?;
        self.list(name, bytes, &hasher);
        self.breathe(bytes, Duration::ZERO)
    }

    /// What is listed, all of it durable.
    pub(super) fn close(&mut self) -> Result<&[Listed], BackupError> {
        if let Some(open) = self.open.take() {
            open.file.sync_all().map_err(BackupError::io(&open.path))?;
            self.list(&open.name, open.bytes, &open.hasher);
        }
        Ok(&self.files)
    }

    /// Writes the last file, and keeps everything.
    pub(super) fn finish(mut self, name: &str, bytes: &[u8]) -> Result<(), BackupError> {
        self.append(name, bytes)?;
        self.close()?;
        self.ground.keep().map_err(BackupError::io(&self.ground.path))
    }

    fn list(&mut self, name: &str, bytes: u64, hasher: &blake3::Hasher) {
        let blake3 = hasher.finalize().to_hex().to_string();
        self.files.push(Listed { name: name.to_owned(), bytes, blake3 });
    }

    /// Nobody but this user reads what is in a backup.
    fn create(&self, name: &str) -> Result<Open, BackupError> {
        let path = self.path(name);
        let file = || -> io::Result<File> {
            if let Some(folder) = path.parent().filter(|folder| !folder.exists()) {
                fs::DirBuilder::new().mode(0o700).create(folder)?;
            }
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)
        };
        let file = file().map_err(BackupError::io(&path))?;
        Ok(Open {
            name: name.to_owned(),
            path,
            file,
            hasher: blake3::Hasher::new(),
            bytes: 0,
            unsynced: 0,
            since: Instant::now(),
        })
    }

    /// After some work: says how far it is, looks whether there is room, and lets others do something.
    fn breathe(&mut self, bytes: u64, worked: Duration) -> Result<(), BackupError> {
        self.done += bytes;
        self.total = self.total.max(self.done);
        if !(self.go_on)(self.done, self.total) {
            return Err(BackupError::Cancelled);
        }
        self.ground.has_room(self.room.keep_free)?;
        if self.room.is_serving {
            let turn = (RESTS * worked).max(TURN);
            std::thread::sleep(turn.saturating_sub(worked).min(REST_MAX));
        }
        if let Some(open) = &mut self.open {
            open.since = Instant::now();
        }
        Ok(())
    }
}

/// Hashes the rest of a file; answers its length. `seen` hears of every piece.
pub(super) fn hash(
    file: &mut File,
    hasher: &mut blake3::Hasher,
    mut seen: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<u64> {
    let mut piece = vec![0; PIECE];
    let mut bytes = 0;
    loop {
        let read = match file.read(&mut piece) {
            Ok(0) => return Ok(bytes),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        hasher.update(&piece[..read]);
        seen(&piece[..read])?;
        bytes += read as u64;
    }
}
