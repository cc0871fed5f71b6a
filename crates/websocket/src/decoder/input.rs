//! A read buffer that is used up from the front.

use std::mem;

/// The bytes of one read. They are overwritten: payloads are unmasked where they lie.
#[derive(Debug)]
pub struct Input<'b>(&'b mut [u8]);

impl<'b> Input<'b> {
    pub const fn new(bytes: &'b mut [u8]) -> Self {
        Self(bytes)
    }

    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is not used up.
    pub const fn into_rest(self) -> &'b mut [u8] {
        self.0
    }

    pub(super) const fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) const fn bytes(&self) -> &[u8] {
        self.0
    }

    /// The first `bytes`, which must be there.
    pub(super) fn take(&mut self, bytes: usize) -> &'b mut [u8] {
        let (front, rest) = mem::take(&mut self.0).split_at_mut(bytes);
        self.0 = rest;
        front
    }

    pub(super) fn take_all(&mut self) -> &'b mut [u8] {
        mem::take(&mut self.0)
    }
}
