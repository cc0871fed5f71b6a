//! How much of something in which time: a bucket that fills steadily and from which everything that is done takes a piece.
//!
//! A bucket is one number, the moment at which it is full again (the generic cell rate algorithm); a bucket that nobody knows is full. Times
//! are microseconds of a clock that does not go back. Invariant: **in any time `t`, no more than `burst` + `t` / `interval` are taken.**

/// The size of a bucket and how fast it fills.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Microseconds until one more may be taken. 0: there is no limit.
    interval: u64,
    /// Microseconds that an empty bucket takes to be full.
    depth: u64,
}

/// A bucket that had too little.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Empty {
    /// Milliseconds after which there is one to take, if nobody else takes it.
    pub retry_after_ms: u64,
}

impl Rate {
    /// Everything may be taken.
    pub const NONE: Self = Self { interval: 0, depth: 0 };

    /// `burst` at once, and `per_minute` of them back in a minute. Where either is 0 there is no limit.
    pub const fn new(burst: u32, per_minute: u32) -> Self {
        if burst == 0 || per_minute == 0 {
            return Self::NONE;
        }
        let interval = 60_000_000 / per_minute as u64;
        let interval = if interval == 0 { 1 } else { interval };
        Self { interval, depth: interval * burst as u64 }
    }

    /// Whether anything is limited at all.
    pub const fn is_none(self) -> bool {
        self.interval == 0
    }

    /// Milliseconds until an empty bucket has one to take.
    pub const fn interval_ms(self) -> u64 {
        self.interval.div_ceil(1_000)
    }

    /// Takes one out of a bucket that is full again at `full_at`; answers when it will be.
    pub fn take(self, full_at: u64, now: u64) -> Result<u64, Empty> {
        if self.is_none() {
            return Ok(full_at);
        }
        let next = full_at.max(now).saturating_add(self.interval);
        let wait = next.saturating_sub(now).saturating_sub(self.depth);
        if wait == 0 { Ok(next) } else { Err(Empty { retry_after_ms: wait.div_ceil(1_000) }) }
    }

    /// Puts back what was taken.
    pub const fn give_back(self, full_at: u64) -> u64 {
        full_at.saturating_sub(self.interval)
    }

    /// How many may be taken at once now.
    pub fn left(self, full_at: u64, now: u64) -> u64 {
        let missing = full_at.saturating_sub(now);
        self.depth.saturating_sub(missing).checked_div(self.interval).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_more_is_taken_than_the_rate_allows(
            burst in 1..50_u32,
            per_minute in 1..100_000_u32,
            steps in prop::collection::vec(0..20_000_000_u64, 1..300),
        ) {
            let rate = Rate::new(burst, per_minute);
            let (mut full_at, mut now) = (0, 1_000_000_000_u64);
            let mut taken = Vec::new();
            for step in steps {
                // Most come at once.
                now += step.saturating_sub(15_000_000);
                let left = rate.left(full_at, now);
                match rate.take(full_at, now) {
                    Ok(next) => {
                        prop_assert!(left > 0);
                        prop_assert_eq!(rate.left(next, now), left - 1);
                        prop_assert_eq!(rate.give_back(next).max(now), full_at.max(now));
                        full_at = next;
                        taken.push(now);
                    }
                    Err(Empty { retry_after_ms }) => {
                        prop_assert_eq!(left, 0);
                        prop_assert!(retry_after_ms > 0);
                        // As advised, and not a millisecond before that.
                        prop_assert!(rate.take(full_at, now + retry_after_ms * 1_000).is_ok());
                        prop_assert!(rate.take(full_at, now + (retry_after_ms - 1) * 1_000).is_err());
                    }
                }
            }
            let interval = u64::from(60_000_000 / per_minute).max(1);
            for (first, from) in taken.iter().enumerate() {
                for (last, to) in taken.iter().enumerate().skip(first) {
                    let most = u64::from(burst) + (to - from) / interval;
                    prop_assert!((last - first + 1) as u64 <= most);
                }
            }
        }

        #[test]
        fn no_numbers_are_too_great(full_at: u64, now: u64, burst: u32, per_minute: u32) {
            let rate = Rate::new(burst, per_minute);
            let _ = (rate.take(full_at, now), rate.left(full_at, now), rate.give_back(full_at));
        }
    }

    #[test]
    fn a_full_bucket_gives_its_burst_and_nought_is_no_limit() {
        let rate = Rate::new(3, 60);
        let mut full_at = 0;
        for left in [3, 2, 1] {
            assert_eq!(rate.left(full_at, 500), left);
            full_at = rate.take(full_at, 500).unwrap();
        }
        assert_eq!(rate.take(full_at, 500), Err(Empty { retry_after_ms: 1_000 }));
        for none in [Rate::new(0, 1), Rate::new(1, 0), Rate::NONE] {
            assert!(none.is_none());
            assert_eq!(none.take(7, 3), Ok(7));
        }
    }
}
