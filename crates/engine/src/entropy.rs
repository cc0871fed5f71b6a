//! Random bytes for salts and ids: the system seeds a keyed blake3 stream per thread, which costs tens of nanoseconds a salt
//! where a system call costs hundreds.

use std::cell::RefCell;

use parlance_types::Salt;

const BLOCK: usize = 1024;
/// A new seed after this many blocks, so that a leaked memory image says little about the past and nothing about much of the future.
const BLOCKS_PER_SEED: u64 = 1024;

struct Stream {
    reader: blake3::OutputReader,
    block: [u8; BLOCK],
    used: usize,
    blocks: u64,
}

impl Stream {
    fn new() -> Self {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).expect("the operating system gives random bytes");
        let reader = blake3::Hasher::new_keyed(&seed).finalize_xof();
        Self { reader, block: [0; BLOCK], used: BLOCK, blocks: 0 }
    }

    fn take<const N: usize>(&mut self) -> [u8; N] {
        if self.used + N > BLOCK {
            if self.blocks == BLOCKS_PER_SEED {
                *self = Self::new();
            }
            self.reader.fill(&mut self.block);
            self.blocks += 1;
            self.used = 0;
        }
        let mut bytes = [0; N];
        let taken = &mut self.block[self.used..self.used + N];
        bytes.copy_from_slice(taken);
        // What was given out is not kept.
        taken.fill(0);
        self.used += N;
        bytes
    }
}

thread_local! {
    static STREAM: RefCell<Stream> = RefCell::new(Stream::new());
}

/// `N` random bytes, at most 64.
pub fn random<const N: usize>() -> [u8; N] {
    const { assert!(N <= 64) };
    STREAM.with_borrow_mut(Stream::take)
}

/// A new salt.
pub(crate) fn salt() -> Salt {
    Salt::from_bytes(random())
}
