//! The few file operations that the journal needs, so that a test can stand a lying, tearing disk behind them.
//!
//! One `Files` is one flat directory. Names are chosen by the journal, never by outside bytes.

pub(crate) mod directory;

use std::io;
use std::sync::Arc;
use std::time::SystemTime;

/// A flat directory.
pub trait Files: Send + Sync {
    /// Held until the answer is dropped; `WouldBlock` if another journal has it.
    fn lock(&self) -> io::Result<Box<dyn Send + Sync>>;
    fn list(&self) -> io::Result<Vec<String>>;
    fn open(&self, name: &str) -> io::Result<Arc<dyn File>>;
    fn open_for_write(&self, name: &str) -> io::Result<Arc<dyn File>>;
    /// An empty file of this name, whatever was there.
    fn create(&self, name: &str) -> io::Result<Arc<dyn File>>;
    /// Atomic; replaces `to`.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    fn remove(&self, name: &str) -> io::Result<()>;
    /// Makes created, renamed and removed names durable.
    fn sync(&self) -> io::Result<()>;
    fn free_bytes(&self) -> io::Result<u64>;
    /// What the disk can hold, free or not.
    fn total_bytes(&self) -> io::Result<u64>;
}

/// An open file. Reads and writes may be short.
pub trait File: Send + Sync {
    fn size(&self) -> io::Result<u64>;
    fn modified(&self) -> io::Result<SystemTime>;
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize>;
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<usize>;
    fn truncate(&self, size: u64) -> io::Result<()>;
    /// Content and size are durable when this returns.
    fn sync(&self) -> io::Result<()>;
    /// Later reads come from the disk, where the system can be told so. Only clean pages are dropped: sync first.
    fn drop_cache(&self) -> io::Result<()>;
}

pub(crate) fn write_all_at(file: &dyn File, mut offset: u64, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match file.write_at(offset, bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => {
                offset += written as u64;
                bytes = &bytes[written..];
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Reads until `into` is full or the file ends; answers how much there was.
pub(crate) fn read_full_at(file: &dyn File, offset: u64, into: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < into.len() {
        match file.read_at(offset + filled as u64, &mut into[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
