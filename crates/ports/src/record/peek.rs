//! A look at the header of an encoded event, without decoding it.

use parlance_types::{AccountId, Hash, MessageId, Micros, Ordinal, Salt, Seq};

use super::entry::{HEADER, IS_GONE, PAYLOAD_LENGTH};

/// The first record in some bytes that this process encoded or decoded before. On other bytes it answers nonsense, never panics.
#[derive(Clone, Copy, Debug)]
pub struct Peek<'a> {
    header: &'a [u8; HEADER],
}

impl<'a> Peek<'a> {
    /// `None`: too short for a record.
    pub fn new(bytes: &'a [u8]) -> Option<Self> {
        bytes.first_chunk().map(|header| Self { header })
    }

    /// Bytes of the whole record.
    pub fn length(&self) -> usize {
        HEADER + u32::from_be_bytes(self.array::<PAYLOAD_LENGTH, 4>()) as usize
    }

    /// Its content was taken away.
    pub fn is_gone(&self) -> bool {
        self.header[1] & IS_GONE != 0
    }

    /// Bytes of its content as a range counts them: none once it is gone.
    pub fn content_bytes(&self) -> usize {
        if self.is_gone() { 0 } else { (self.length() - HEADER).saturating_sub(Salt::SIZE) }
    }

    pub fn seq(&self) -> u64 {
        u64::from_be_bytes(self.array::<24, 8>())
    }

    pub fn at(&self) -> Micros {
        Micros::new(u64::from_be_bytes(self.array::<32, 8>()))
    }

    pub fn sender(&self) -> AccountId {
        AccountId::from_bytes(self.array::<40, 16>())
    }

    pub fn message_id(&self) -> MessageId {
        MessageId::from_bytes(self.array::<72, 16>())
    }

    /// The event that it changes.
    pub fn target(&self) -> Option<Seq> {
        Seq::new(u64::from_be_bytes(self.array::<88, 8>()))
    }

    pub fn ordinal(&self) -> Ordinal {
        Ordinal::new(u64::from_be_bytes(self.array::<96, 8>()))
    }

    pub fn hash(&self) -> Hash {
        Hash::from_bytes(self.array::<104, 16>())
    }

    fn array<const AT: usize, const N: usize>(self) -> [u8; N] {
        let mut array = [0; N];
        array.copy_from_slice(&self.header[AT..AT + N]);
        array
    }
}
