//! Accounts in SQLite: one file, one writer, a few readers.
//!
//! It refuses to know what a password or a token is. **A write that was answered is on disk** (write-ahead log, synchronous FULL), and
//! **every row that is read is checked** against its checksum, because SQLite has none.

mod copying;
mod failure;
pub mod keys;
mod names;
mod row;
mod schema;
mod seen;
mod statements;
mod store;
mod ties;
mod upgrading;
mod verify;
mod wal;

use std::fs::{self, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use parlance_ports::AccountError;
use sqlx::ConnectOptions;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};

pub(crate) use copying::copy;
pub use upgrading::{UndoError, Undone, Versions, undo, versions};
pub use verify::{Problem, verify};

/// Connections that read at the same time; each is a thread.
const READERS_MAX: u32 = 2;
/// How long a call waits for its turn.
const TURN: Duration = Duration::from_secs(10);
/// How long a statement waits for another process.
const BUSY: Duration = Duration::from_secs(5);

/// The account store on SQLite.
#[derive(Debug)]
pub struct Accounts {
    writer: SqlitePool,
    readers: SqlitePool,
}

impl Accounts {
    /// Opens the database in the file at `path`, or makes it, and brings its tables up to date.
    pub async fn open(path: &Path) -> Result<Self, AccountError> {
        let io = |error: std::io::Error| {
            AccountError::Unavailable(format!("{}: {error}", path.display()))
        };
        if create(path).map_err(io)? {
            sync_folder(path).map_err(io)?;
        }
        wal::check_before_opening(path)?;
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(TURN)
            .test_before_acquire(false)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(options(path).journal_mode(SqliteJournalMode::Wal))
            .await
            .map_err(failure::before)?;
        upgrading::keep(path).await?;
        schema::migrate(&writer).await?;
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS_MAX)
            .acquire_timeout(TURN)
            .test_before_acquire(false)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(options(path).read_only(true))
            .await
            .map_err(failure::before)?;
        let accounts = Self { writer, readers };
        accounts.index_names().await?;
        Ok(accounts)
    }

    /// Lets calls finish and folds the write-ahead log into the database.
    pub async fn close(&self) {
        self.readers.close().await;
        // The last connection to close does the folding, and only a writer can.
        self.writer.close().await;
    }
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY)
        .pragma("trusted_schema", "OFF")
        .pragma("cell_size_check", "ON")
        .disable_statement_logging()
}

/// Makes the file, readable by nobody else, before SQLite would make it readable by all. True if it was not there.
fn create(path: &Path) -> std::io::Result<bool> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

/// Makes a new name in the folder of `path` durable.
fn sync_folder(path: &Path) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    fs::File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests;
