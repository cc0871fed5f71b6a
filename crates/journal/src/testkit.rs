//! A disk in memory that does to the journal what disks do: forgets, tears, lies, fills up and rots.
//!
//! It keeps apart what a process sees (the page cache) and what survives a crash (the stable bytes). Between two syncs any
//! subset of the written sectors and of the changed names may survive. It is deterministic: every
//! choice comes from the seed of the call.

mod choice;
mod disk;
mod inode;

use std::io;
use std::sync::Arc;
use std::time::SystemTime;

use parking_lot::Mutex;

use crate::files::{File, Files};
use choice::Choice;
use disk::Disk;

/// Clones share one disk.
#[derive(Clone, Default)]
pub struct MemoryDisk {
    disk: Arc<Mutex<Disk>>,
}

impl MemoryDisk {
    pub fn new() -> Self {
        Self::default()
    }

    /// Loses what was not synced, as the seed will have it, and starts again. What was open before only fails from now on.
    pub fn crash(&self, seed: u64) {
        self.disk.lock().crash(&mut Choice::new(seed));
    }

    /// The process is gone and the machine is not: what was open only fails from now on, and nothing is lost.
    pub fn kill(&self) {
        self.disk.lock().start_again();
    }

    /// Everything fails after so many more operations, until [`MemoryDisk::crash`] or [`MemoryDisk::kill`] says what it was.
    pub fn stop_after(&self, operations: u64) {
        self.disk.lock().operations_left = Some(operations);
    }

    /// Syncs fail after so many that succeed, until [`MemoryDisk::heal`]. As on Linux, nobody is told twice: the pages
    /// count as clean, and some of them are lost.
    pub fn fail_syncs_after(&self, syncs: u64) {
        self.disk.lock().syncs_left = Some(syncs);
    }

    /// Writes fail after so many that succeed, until [`MemoryDisk::heal`].
    pub fn fail_writes_after(&self, writes: u64) {
        self.disk.lock().writes_left = Some(writes);
    }

    /// Syncs answer that all is well and do nothing.
    pub fn lie_about_syncs(&self, lies: bool) {
        self.disk.lock().lies = lies;
    }

    pub fn write_short(&self, short: bool) {
        self.disk.lock().writes_short = short;
    }

    /// Space that no file takes now. `announced` is whether asking for free space shows it.
    pub fn leave_free(&self, bytes: u64, announced: bool) {
        let mut disk = self.disk.lock();
        disk.capacity = disk.used().saturating_add(bytes);
        disk.announces_full = announced;
    }

    /// No more failures; what was lost stays lost.
    pub fn heal(&self) {
        self.disk.lock().heal();
    }

    /// Turns over one bit of what is stable.
    pub fn flip(&self, name: &str, offset: u64, bit: u8) {
        self.disk.lock().flip(name, offset, bit);
    }

    /// What a process would read now.
    pub fn content(&self, name: &str) -> Option<Vec<u8>> {
        self.disk.lock().content(name)
    }

    /// Puts a file there as if it had always been there.
    pub fn place(&self, name: &str, content: &[u8]) {
        self.disk.lock().place(name, content);
    }

    /// The time that writes leave on files.
    pub fn set_time(&self, now: SystemTime) {
        self.disk.lock().now = now;
    }

    /// Another disk with the same content.
    #[must_use]
    pub fn copy(&self) -> Self {
        let copy = Self::new();
        let disk = self.disk.lock();
        for name in disk.names.keys() {
            copy.place(name, &disk.content(name).unwrap_or_default());
        }
        drop(disk);
        copy
    }

    fn open_file(&self, name: &str) -> io::Result<Arc<dyn File>> {
        let mut disk = self.disk.lock();
        disk.operate()?;
        let inode = disk.names.get(name).copied().ok_or(io::ErrorKind::NotFound)?;
        Ok(Arc::new(OpenFile { disk: Arc::clone(&self.disk), inode, boot: disk.boot }))
    }
}

impl Files for MemoryDisk {
    fn lock(&self) -> io::Result<Box<dyn Send + Sync>> {
        let mut disk = self.disk.lock();
        disk.operate()?;
        if disk.is_locked {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        disk.is_locked = true;
        Ok(Box::new(Lock { disk: Arc::clone(&self.disk), boot: disk.boot }))
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let mut disk = self.disk.lock();
        disk.operate()?;
        Ok(disk.names.keys().cloned().collect())
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn File>> {
        self.open_file(name)
    }

    fn open_for_write(&self, name: &str) -> io::Result<Arc<dyn File>> {
        self.open_file(name)
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn File>> {
        let mut disk = self.disk.lock();
        disk.operate()?;
        let inode = disk.create(name);
        Ok(Arc::new(OpenFile { disk: Arc::clone(&self.disk), inode, boot: disk.boot }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut disk = self.disk.lock();
        disk.operate()?;
        disk.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut disk = self.disk.lock();
        disk.operate()?;
        disk.remove(name)
    }

    fn sync(&self) -> io::Result<()> {
        let mut disk = self.disk.lock();
        disk.operate()?;
        disk.sync_names()
    }

    fn total_bytes(&self) -> io::Result<u64> {
        let mut disk = self.disk.lock();
        disk.operate()?;
        Ok(disk.capacity)
    }

    fn free_bytes(&self) -> io::Result<u64> {
        let mut disk = self.disk.lock();
        disk.operate()?;
        Ok(disk.free_bytes())
    }
}

struct Lock {
    disk: Arc<Mutex<Disk>>,
    boot: u64,
}

impl Drop for Lock {
    fn drop(&mut self) {
        let mut disk = self.disk.lock();
        if disk.boot == self.boot {
            disk.is_locked = false;
        }
    }
}

struct OpenFile {
    disk: Arc<Mutex<Disk>>,
    inode: u64,
    boot: u64,
}

impl OpenFile {
    fn with<T>(&self, act: impl FnOnce(&mut Disk, u64) -> io::Result<T>) -> io::Result<T> {
        let mut disk = self.disk.lock();
        disk.operate()?;
        if disk.boot != self.boot {
            return Err(io::Error::other("the machine was started again"));
        }
        act(&mut disk, self.inode)
    }
}

impl File for OpenFile {
    fn size(&self) -> io::Result<u64> {
        self.with(|disk, inode| Ok(disk.inode(inode)?.size()))
    }

    fn modified(&self) -> io::Result<SystemTime> {
        self.with(|disk, inode| Ok(disk.inode(inode)?.modified))
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        self.with(|disk, inode| Ok(disk.inode(inode)?.read_at(offset, into)))
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        self.with(|disk, inode| disk.write_at(inode, offset, bytes))
    }

    fn truncate(&self, size: u64) -> io::Result<()> {
        self.with(|disk, inode| {
            disk.inode(inode)?.truncate(size);
            Ok(())
        })
    }

    fn sync(&self) -> io::Result<()> {
        self.with(Disk::sync)
    }

    fn drop_cache(&self) -> io::Result<()> {
        self.with(|disk, inode| {
            disk.inode(inode)?.drop_cache();
            Ok(())
        })
    }
}
