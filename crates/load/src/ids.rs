//! Names for what the drill sends: UUIDv7, growing per sender, with the drill's own numbers where other clients put random bits.

use std::time::{SystemTime, UNIX_EPOCH};

use parlance_types::MessageId;

use crate::random::Random;

/// Makes the message ids of one sender.
#[derive(Clone, Debug)]
pub(crate) struct IdSource {
    sender: u32,
    last_ms: u64,
    /// Ids made within `last_ms`.
    within: u16,
}

impl IdSource {
    /// `sender` is below 2^30.
    pub(crate) const fn new(sender: u32) -> Self {
        Self { sender, last_ms: 0, within: 0 }
    }

    /// The id of the sender's message `counter`. Greater than the one before it.
    pub(crate) fn next(&mut self, counter: u32) -> MessageId {
        let now = unix_ms();
        if now > self.last_ms {
            (self.last_ms, self.within) = (now, 0);
        } else if self.within == 0xfff {
            // The twelve bits are used up: borrow from the next millisecond.
            (self.last_ms, self.within) = (self.last_ms + 1, 0);
        } else {
            self.within += 1;
        }
        let mut bits = [0; 10];
        bits[..2].copy_from_slice(&self.within.to_be_bytes());
        bits[2..6].copy_from_slice(&self.sender.to_be_bytes());
        bits[6..].copy_from_slice(&counter.to_be_bytes());
        MessageId::from_time(self.last_ms, bits)
    }
}

/// The `counter` of [`IdSource::next`].
pub(crate) fn counter(id: MessageId) -> u32 {
    let [.., a, b, c, d] = *id.as_bytes();
    u32::from_be_bytes([a, b, c, d])
}

/// An id of now for a message that nobody has to recognise.
pub(crate) fn random(random: &mut Random) -> MessageId {
    let mut bits = [0; 10];
    bits[..8].copy_from_slice(&random.next().to_ne_bytes());
    bits[8..].copy_from_slice(&random.next().to_ne_bytes()[..2]);
    MessageId::from_time(unix_ms(), bits)
}

pub(crate) fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_grow_and_carry_their_numbers() {
        let mut source = IdSource::new(77);
        let ids: Vec<MessageId> = (0..10_000).map(|counter| source.next(counter)).collect();
        assert!(ids.is_sorted());
        assert!(ids.iter().all(MessageId::is_v7));
        assert_eq!(counter(ids[4_321]), 4_321);
    }
}
