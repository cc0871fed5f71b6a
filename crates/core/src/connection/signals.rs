//! Which signals of a connection are passed on: the same one only now and then, and any only so often.

use parlance_types::{SignalRequest, limits};

use crate::rate::Rate;

const RATE: Rate =
    Rate::new(limits::SIGNALS_BURST as u32, (60_000 / limits::SIGNAL_EVERY_MS) as u32);

/// What a connection signalled.
#[derive(Clone, Debug, Default)]
pub(super) struct Signals {
    /// The last one that was passed on, and when.
    last: Option<(SignalRequest, u64)>,
    /// When all the rights to signal are there again, in microseconds.
    full_at: u64,
}

impl Signals {
    /// Whether to pass it on.
    pub(super) fn pass(&mut self, now_ms: u64, signal: SignalRequest) -> bool {
        let again = self.last.is_some_and(|(last, at)| {
            last == signal && now_ms < at.saturating_add(limits::SIGNAL_AGAIN_MS)
        });
        if again {
            return false;
        }
        let Ok(full_at) = RATE.take(self.full_at, now_ms.saturating_mul(1_000)) else {
            return false;
        };
        self.full_at = full_at;
        self.last = Some((signal, now_ms));
        true
    }
}

#[cfg(test)]
mod tests {
    use parlance_types::{ConversationId, SignalKind};

    use super::*;

    fn signal(conversation: u8, kind: SignalKind) -> SignalRequest {
        SignalRequest { conversation: ConversationId::from_bytes([conversation; 16]), kind }
    }

    #[test]
    fn the_same_is_passed_on_now_and_then_and_its_end_at_once() {
        let mut signals = Signals::default();
        let passed: Vec<u64> = (0..6_000)
            .step_by(100)
            .filter(|now| signals.pass(*now, signal(1, SignalKind::Typing)))
            .collect();
        assert_eq!(passed, [0, 2_000, 4_000]);
        assert!(signals.pass(6_000, signal(1, SignalKind::Idle)));
        assert!(signals.pass(6_001, signal(1, SignalKind::Typing)), "and its beginning");
    }

    #[test]
    fn nobody_signals_more_than_the_rate() {
        let mut signals = Signals::default();
        let passed = (0..60_000_u64)
            .filter(|now| signals.pass(*now, signal((now % 251) as u8, SignalKind::Typing)))
            .count() as u64;
        let earned = 60_000 / limits::SIGNAL_EVERY_MS;
        assert_eq!(passed, limits::SIGNALS_BURST + earned - 1);
    }
}
