//! The mask that clients lay over their payloads. It guards old proxies, not secrets.

/// Four bytes that the client chooses anew, unpredictably, for every frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaskKey([u8; 4]);

impl MaskKey {
    pub const fn new(bytes: [u8; 4]) -> Self {
        Self(bytes)
    }

    pub(crate) const fn bytes(self) -> [u8; 4] {
        self.0
    }

    /// The key for a payload of which `done` bytes were handled before.
    pub(crate) fn rotated(self, done: usize) -> Self {
        let mut bytes = self.0;
        bytes.rotate_left(done % 4);
        Self(bytes)
    }

    /// Masks or unmasks in place; both are the same. Eight bytes at a time, which the compiler widens further.
    pub(crate) fn apply(self, payload: &mut [u8]) {
        let [a, b, c, d] = self.0;
        let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
        let (words, rest) = payload.as_chunks_mut::<8>();
        for word in words {
            *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
        }
        for (byte, key) in rest.iter_mut().zip(wide.to_ne_bytes()) {
            *byte ^= key;
        }
    }
}
