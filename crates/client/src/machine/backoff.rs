//! When to come back: 1, 2, 4 … 30 s with full jitter, unless the server's `bye` says otherwise.

use std::time::Duration;

use parlance_types::frame::Bye;

use super::random::Random;

const FIRST_MS: u64 = 1_000;
const MAX_MS: u64 = 30_000;

/// What follows the end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Return {
    After(Duration),
    /// With another token.
    Reauthenticate,
    Never,
}

/// Counts attempts since the last success.
#[derive(Clone, Debug, Default)]
pub(super) struct Backoff {
    attempts: u32,
}

impl Backoff {
    pub(super) const fn succeeded(&mut self) {
        self.attempts = 0;
    }

    /// The pause before the next attempt.
    pub(super) fn pause(&mut self, random: &mut Random) -> Duration {
        let ceiling = pause_ms(self.attempts);
        self.attempts = self.attempts.saturating_add(1);
        Duration::from_millis(random.up_to(ceiling))
    }

    /// What a `bye` asks for.
    pub(super) fn obey(&mut self, bye: &Bye, random: &mut Random) -> Return {
        match bye.code.number() {
            4200..=4299 => Return::Reauthenticate,
            4400..=4499 => Return::Never,
            _ => match (bye.retry_after_ms, bye.spread_ms) {
                (None, None) => Return::After(self.pause(random)),
                (wait, spread) => {
                    let spread = random.up_to(spread.unwrap_or_default());
                    Return::After(Duration::from_millis(wait.unwrap_or_default() + spread))
                }
            },
        }
    }
}

/// The longest pause after so many failures.
pub(super) const fn pause_ms(attempts: u32) -> u64 {
    let doubled = FIRST_MS << if attempts < 5 { attempts } else { 5 };
    if doubled < MAX_MS { doubled } else { MAX_MS }
}

#[cfg(test)]
mod tests {
    use parlance_types::CloseCode;

    use super::*;

    #[test]
    fn pauses_double_to_half_a_minute_and_are_jittered() {
        let ceilings: Vec<u64> = (0..7).map(pause_ms).collect();
        assert_eq!(ceilings, [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
        let mut random = Random::new(1);
        let pauses: Vec<Duration> =
            (0..100).map(|_| Backoff { attempts: 9 }.pause(&mut random)).collect();
        assert!(pauses.iter().all(|pause| *pause <= Duration::from_secs(30)));
        assert!(pauses.iter().any(|pause| *pause < Duration::from_secs(5)), "full jitter");
        assert!(pauses.iter().any(|pause| *pause > Duration::from_secs(25)), "full jitter");
    }

    #[test]
    fn a_bye_is_obeyed() {
        let obey = |code, retry_after_ms, spread_ms| {
            Backoff::default().obey(&Bye { code, retry_after_ms, spread_ms }, &mut Random::new(3))
        };
        assert_eq!(obey(CloseCode::SessionRevoked, None, None), Return::Reauthenticate);
        assert_eq!(obey(CloseCode::ProtocolViolation, None, None), Return::Never);
        let Return::After(pause) = obey(CloseCode::ShuttingDown, Some(5_000), Some(2_000)) else {
            panic!("a server that goes down is come back to")
        };
        assert!((5_000..=7_000).contains(&pause.as_millis()));
    }
}
