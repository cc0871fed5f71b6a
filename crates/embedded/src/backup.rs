//! Backups: a folder with everything that a node keeps, taken while it serves, and a data directory made of one.
//!
//! A folder is a backup once its list (`backup.json`) is there; that is written last and has the hash of every file. Restoring checks all of
//! them first. **A backup has everything that was acknowledged before it began**, and accounts are never older than messages. It has no
//! keys: a restored node makes new ones, and everybody signs in again.

mod creating;
mod error;
mod folder;
mod ground;
mod list;
mod repairing;
mod restoring;
mod rows_file;

pub use creating::{Created, Room, create};
pub use error::BackupError;
pub use ground::is_unfinished;
pub use repairing::{Repaired, repair};
pub use restoring::{Restored, restore};

/// Hears how many bytes of how many are done; `false` ends the work.
pub type GoOn = dyn Fn(u64, u64) -> bool + Send + Sync;

const ROWS: &str = "rows";
const ACCOUNTS: &str = "accounts.sqlite";

/// The entry of the fuzzer: whatever a backup holds, reading it neither panics nor allocates without bound.
pub fn fuzz_backup(bytes: &[u8]) {
    list::fuzz(bytes);
    rows_file::fuzz(bytes);
}
