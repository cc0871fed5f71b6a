//! The buffer in which a caller gathers the records of one submission, framed as they will lie on disk.

use crate::format::RECORD_PREFIX;

/// Records for one [`crate::Appender::append`]. Keep it and use it again: the buffer is emptied, not given away.
#[derive(Debug, Default)]
pub struct GroupBuilder {
    framed: Vec<u8>,
    count: u32,
}

/// The place of a record in its submission; [`crate::Appended::position`] turns it into a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordOffset(u32);

impl GroupBuilder {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn push(&mut self, record: &[u8]) -> RecordOffset {
        self.push_with(|buffer| buffer.extend_from_slice(record))
    }

    /// Lets the caller encode in place. `encode` must only add to the end of the buffer.
    pub fn push_with(&mut self, encode: impl FnOnce(&mut Vec<u8>)) -> RecordOffset {
        let start = self.framed.len();
        let content = start + RECORD_PREFIX;
        self.framed.resize(content, 0);
        encode(&mut self.framed);
        assert!(self.framed.len() >= content, "an encoder only adds to the buffer");
        let length = (self.framed.len() - content) as u32;
        self.framed[start..content].copy_from_slice(&length.to_le_bytes());
        self.count += 1;
        RecordOffset(start as u32)
    }

    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub fn record_count(&self) -> u32 {
        self.count
    }

    /// Bytes that these records will take in the journal.
    pub fn len_bytes(&self) -> usize {
        self.framed.len()
    }

    pub fn clear(&mut self) {
        self.framed.clear();
        self.count = 0;
    }

    pub(crate) fn framed(&self) -> &[u8] {
        &self.framed
    }
}

impl RecordOffset {
    pub(crate) fn get(self) -> u64 {
        u64::from(self.0)
    }
}
