//! Which direct conversations are closed by a block, at hand for every command that enters the log.
//!
//! **Asking costs one load where nobody is blocked**: a filter of counters answers most questions, and only what it cannot exclude is
//! looked up behind a lock. Changes follow the store: whoever changed it reads it again and lays that down here, unless somebody else
//! changed the same slot meanwhile; then it reads once more.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use hashbrown::HashSet;
use parking_lot::RwLock;
use parlance_types::ConversationId;

/// Slots of the filter: 64 KiB, of which a send reads four bytes.
const SLOTS: usize = 16_384;
/// Changes are told apart by so many generations.
const GENERATIONS: usize = 256;

/// The closed directs.
pub(super) struct Blocks {
    filter: Box<[AtomicU32]>,
    generations: Box<[AtomicU64]>,
    closed: RwLock<HashSet<ConversationId>>,
}

impl Default for Blocks {
    fn default() -> Self {
        Self {
            filter: (0..SLOTS).map(|_| AtomicU32::new(0)).collect(),
            generations: (0..GENERATIONS).map(|_| AtomicU64::new(0)).collect(),
            closed: RwLock::default(),
        }
    }
}

impl Blocks {
    /// Whether nothing new may be said in this direct.
    pub(super) fn is_closed(&self, direct: ConversationId) -> bool {
        self.filter[slot(direct)].load(Ordering::Acquire) > 0
            && self.closed.read().contains(&direct)
    }

    /// The store changed: what was read of it before is void.
    pub(super) fn changed(&self, direct: ConversationId) {
        self.generation(direct).fetch_add(1, Ordering::AcqRel);
    }

    /// To be asked before reading the store.
    pub(super) fn now(&self, direct: ConversationId) -> u64 {
        self.generation(direct).load(Ordering::Acquire)
    }

    /// Takes over what the store said to whoever read it after `since`. `false`: it changed meanwhile.
    pub(super) fn set(&self, direct: ConversationId, is_closed: bool, since: u64) -> bool {
        let mut closed = self.closed.write();
        if self.now(direct) != since {
            return false;
        }
        if is_closed && closed.insert(direct) {
            self.filter[slot(direct)].fetch_add(1, Ordering::AcqRel);
        }
        if !is_closed && closed.remove(&direct) {
            self.filter[slot(direct)].fetch_sub(1, Ordering::AcqRel);
        }
        true
    }

    fn generation(&self, direct: ConversationId) -> &AtomicU64 {
        &self.generations[slot(direct) % GENERATIONS]
    }
}

/// The last bytes are of a hash.
fn slot(direct: ConversationId) -> usize {
    let bytes = direct.as_bytes();
    usize::from(u16::from_be_bytes([bytes[14], bytes[15]])) % SLOTS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn direct(n: u8, last: u8) -> ConversationId {
        let mut bytes = [n; 16];
        (bytes[14], bytes[15]) = (0, last);
        ConversationId::from_bytes(bytes)
    }

    #[test]
    fn those_that_share_a_slot_are_told_apart() {
        let blocks = Blocks::default();
        let (one, other) = (direct(1, 9), direct(2, 9));
        assert!(blocks.set(one, true, blocks.now(one)) && blocks.set(one, true, blocks.now(one)));
        assert!(blocks.is_closed(one) && !blocks.is_closed(other));
        assert!(blocks.set(other, true, blocks.now(other)));
        assert!(blocks.set(one, false, blocks.now(one)));
        assert!(!blocks.is_closed(one) && blocks.is_closed(other));
        assert!(blocks.set(other, false, blocks.now(other)));
        assert_eq!(blocks.filter[slot(other)].load(Ordering::Relaxed), 0);
    }

    #[test]
    fn what_was_read_before_a_change_is_not_taken() {
        let blocks = Blocks::default();
        let since = blocks.now(direct(1, 1));
        blocks.changed(direct(1, 1));
        assert!(!blocks.set(direct(1, 1), true, since));
        assert!(!blocks.is_closed(direct(1, 1)));
    }
}
