//! The content of one file: what processes see, what survives, and the sectors in which the two may differ.

use std::collections::BTreeSet;
use std::time::SystemTime;

use super::choice::Choice;

/// A disk writes this much whole or not at all.
pub(crate) const SECTOR: usize = 512;

pub(crate) struct Inode {
    cache: Vec<u8>,
    stable: Vec<u8>,
    dirty: BTreeSet<usize>,
    is_size_dirty: bool,
    pub(crate) modified: SystemTime,
}

impl Inode {
    pub(crate) fn new(content: &[u8], modified: SystemTime) -> Self {
        let (cache, stable) = (content.to_vec(), content.to_vec());
        Self { cache, stable, dirty: BTreeSet::new(), is_size_dirty: false, modified }
    }

    pub(crate) fn content(&self) -> &[u8] {
        &self.cache
    }

    pub(crate) fn size(&self) -> u64 {
        self.cache.len() as u64
    }

    pub(crate) fn read_at(&self, offset: u64, into: &mut [u8]) -> usize {
        let rest = self.cache.get(offset as usize..).unwrap_or_default();
        let length = rest.len().min(into.len());
        into[..length].copy_from_slice(&rest[..length]);
        length
    }

    pub(crate) fn write_at(&mut self, offset: u64, bytes: &[u8], now: SystemTime) {
        let (start, end) = (offset as usize, offset as usize + bytes.len());
        if end > self.cache.len() {
            self.cache.resize(end, 0);
            self.is_size_dirty = true;
        }
        self.cache[start..end].copy_from_slice(bytes);
        self.dirty.extend(start / SECTOR..end.div_ceil(SECTOR));
        self.modified = now;
    }

    pub(crate) fn truncate(&mut self, size: u64) {
        self.cache.resize(size as usize, 0);
        self.is_size_dirty = true;
    }

    /// Everything reaches the disk.
    pub(crate) fn sync(&mut self) {
        self.keep(|_| true);
    }

    /// Some of it reaches the disk, and the rest counts as written all the same.
    pub(crate) fn fail_sync(&mut self, choice: &mut Choice) {
        self.keep(|_| choice.coin());
    }

    /// Clean pages are forgotten and read from the disk again.
    pub(crate) fn drop_cache(&mut self) {
        for sector in 0..self.cache.len().div_ceil(SECTOR) {
            if !self.dirty.contains(&sector) {
                copy_sector(&self.stable, &mut self.cache, sector);
            }
        }
    }

    /// Any subset of what was not synced survives.
    pub(crate) fn crash(&mut self, choice: &mut Choice) {
        let keeps_size = !self.is_size_dirty || choice.coin();
        let size = if keeps_size { self.cache.len() } else { self.stable.len() };
        self.keep(|_| choice.coin());
        self.stable.resize(size, 0);
        self.cache.clone_from(&self.stable);
    }

    pub(crate) fn flip(&mut self, offset: u64, bit: u8) {
        for side in [&mut self.cache, &mut self.stable] {
            if let Some(byte) = side.get_mut(offset as usize) {
                *byte ^= 1 << (bit % 8);
            }
        }
    }

    fn keep(&mut self, mut survives: impl FnMut(usize) -> bool) {
        self.stable.resize(self.cache.len(), 0);
        for sector in std::mem::take(&mut self.dirty) {
            if survives(sector) {
                copy_sector(&self.cache, &mut self.stable, sector);
            }
        }
        self.is_size_dirty = false;
    }
}

fn copy_sector(from: &[u8], to: &mut [u8], sector: usize) {
    let start = sector * SECTOR;
    let end = (start + SECTOR).min(from.len()).min(to.len());
    if start < end {
        to[start..end].copy_from_slice(&from[start..end]);
    }
}
