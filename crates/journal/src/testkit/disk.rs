//! All files of the disk, their names, and the faults that are switched on.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::time::SystemTime;

use super::choice::Choice;
use super::inode::Inode;

pub(crate) struct Disk {
    inodes: HashMap<u64, Inode>,
    pub(crate) names: BTreeMap<String, u64>,
    stable_names: BTreeMap<String, u64>,
    /// Changes of names since the last sync of the directory, in order.
    renamings: Vec<Renaming>,
    next_inode: u64,
    /// Counts the starts of the machine: what was opened in an earlier one is of no use.
    pub(crate) boot: u64,
    pub(crate) is_locked: bool,
    pub(crate) operations_left: Option<u64>,
    pub(crate) syncs_left: Option<u64>,
    pub(crate) writes_left: Option<u64>,
    pub(crate) lies: bool,
    pub(crate) writes_short: bool,
    pub(crate) capacity: u64,
    pub(crate) announces_full: bool,
    pub(crate) now: SystemTime,
    choice: Choice,
}

enum Renaming {
    Set(String, u64),
    Remove(String),
    Move { from: String, to: String, inode: u64 },
}

impl Default for Disk {
    fn default() -> Self {
        Self {
            inodes: HashMap::new(),
            names: BTreeMap::new(),
            stable_names: BTreeMap::new(),
            renamings: Vec::new(),
            next_inode: 0,
            boot: 0,
            is_locked: false,
            operations_left: None,
            syncs_left: None,
            writes_left: None,
            lies: false,
            writes_short: false,
            capacity: u64::MAX,
            announces_full: true,
            now: SystemTime::UNIX_EPOCH,
            choice: Choice::new(1),
        }
    }
}

impl Disk {
    /// Every operation passes here, and none after the power went.
    pub(crate) fn operate(&mut self) -> io::Result<()> {
        if countdown(&mut self.operations_left) {
            Ok(())
        } else {
            Err(io::Error::other("the machine or the process is gone"))
        }
    }

    pub(crate) fn inode(&mut self, inode: u64) -> io::Result<&mut Inode> {
        self.inodes.get_mut(&inode).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    pub(crate) fn content(&self, name: &str) -> Option<Vec<u8>> {
        Some(self.inodes.get(self.names.get(name)?)?.content().to_vec())
    }

    pub(crate) fn used(&self) -> u64 {
        self.names.values().filter_map(|inode| self.inodes.get(inode)).map(Inode::size).sum()
    }

    pub(crate) fn free_bytes(&self) -> u64 {
        if self.announces_full { self.capacity.saturating_sub(self.used()) } else { u64::MAX }
    }

    pub(crate) fn create(&mut self, name: &str) -> u64 {
        let inode = self.add_inode(&[]);
        self.change_names(Renaming::Set(name.to_owned(), inode));
        inode
    }

    pub(crate) fn place(&mut self, name: &str, content: &[u8]) {
        let inode = self.add_inode(content);
        self.names.insert(name.to_owned(), inode);
        self.stable_names.insert(name.to_owned(), inode);
    }

    pub(crate) fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        let inode = self.expect_name(from)?;
        self.change_names(Renaming::Move { from: from.to_owned(), to: to.to_owned(), inode });
        Ok(())
    }

    pub(crate) fn remove(&mut self, name: &str) -> io::Result<()> {
        self.expect_name(name)?;
        self.change_names(Renaming::Remove(name.to_owned()));
        Ok(())
    }

    pub(crate) fn write_at(&mut self, inode: u64, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        if !countdown(&mut self.writes_left) {
            return Err(io::Error::other("the disk cannot write"));
        }
        let mut length = bytes.len();
        if self.writes_short && length > 1 {
            length = 1 + self.choice.up_to(length - 1);
        }
        let grows = (offset + length as u64).saturating_sub(self.inode(inode)?.size());
        if self.used().saturating_add(grows) > self.capacity {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let now = self.now;
        self.inode(inode)?.write_at(offset, &bytes[..length], now);
        Ok(length)
    }

    pub(crate) fn sync(&mut self, inode: u64) -> io::Result<()> {
        if self.lies {
            return Ok(());
        }
        if countdown(&mut self.syncs_left) {
            self.inode(inode)?.sync();
            return Ok(());
        }
        let seed = self.choice.next();
        self.inode(inode)?.fail_sync(&mut Choice::new(seed));
        Err(io::Error::other("the disk cannot sync"))
    }

    pub(crate) fn sync_names(&mut self) -> io::Result<()> {
        if self.lies {
            return Ok(());
        }
        if !countdown(&mut self.syncs_left) {
            return Err(io::Error::other("the disk cannot sync"));
        }
        for renaming in self.renamings.drain(..) {
            renaming.apply(&mut self.stable_names);
        }
        Ok(())
    }

    pub(crate) fn crash(&mut self, choice: &mut Choice) {
        for renaming in self.renamings.drain(..).filter(|_| choice.coin()) {
            renaming.apply(&mut self.stable_names);
        }
        self.names.clone_from(&self.stable_names);
        let mut numbers: Vec<u64> = self.inodes.keys().copied().collect();
        numbers.sort_unstable();
        for number in numbers {
            if let Some(inode) = self.inodes.get_mut(&number) {
                inode.crash(choice);
            }
        }
        let names = &self.names;
        self.inodes.retain(|number, _| names.values().any(|named| named == number));
        self.start_again();
    }

    pub(crate) fn start_again(&mut self) {
        self.boot += 1;
        self.is_locked = false;
        self.operations_left = None;
    }

    pub(crate) fn heal(&mut self) {
        self.operations_left = None;
        self.syncs_left = None;
        self.writes_left = None;
        self.lies = false;
        self.writes_short = false;
        self.capacity = u64::MAX;
        self.announces_full = true;
    }

    pub(crate) fn flip(&mut self, name: &str, offset: u64, bit: u8) {
        if let Some(inode) = self.names.get(name).and_then(|inode| self.inodes.get_mut(inode)) {
            inode.flip(offset, bit);
        }
    }

    fn add_inode(&mut self, content: &[u8]) -> u64 {
        let inode = self.next_inode;
        self.next_inode += 1;
        self.inodes.insert(inode, Inode::new(content, self.now));
        inode
    }

    fn expect_name(&self, name: &str) -> io::Result<u64> {
        self.names.get(name).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn change_names(&mut self, renaming: Renaming) {
        renaming.apply(&mut self.names);
        self.renamings.push(renaming);
    }
}

impl Renaming {
    fn apply(&self, names: &mut BTreeMap<String, u64>) {
        match self {
            Self::Set(name, inode) => {
                names.insert(name.clone(), *inode);
            }
            Self::Remove(name) => {
                names.remove(name);
            }
            Self::Move { from, to, inode } => {
                names.remove(from);
                names.insert(to.clone(), *inode);
            }
        }
    }
}

/// Whether one more is allowed.
fn countdown(left: &mut Option<u64>) -> bool {
    match left {
        None => true,
        Some(0) => false,
        Some(count) => {
            *count -= 1;
            true
        }
    }
}
