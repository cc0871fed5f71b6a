//! Counts by size in log-linear buckets: two relaxed additions to record one.

use std::sync::atomic::{AtomicU64, Ordering};

/// Powers of two, each in this many steps.
const STEPS: u64 = 4;
/// Up to 2^32 of the unit.
const BUCKETS: usize = 33 * STEPS as usize;

/// Counts by size: every bucket is at most a quarter wider than the one before.
#[derive(Debug)]
pub struct Histogram {
    buckets: Box<[AtomicU64]>,
    sum: AtomicU64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { buckets: (0..BUCKETS).map(|_| AtomicU64::new(0)).collect(), sum: AtomicU64::new(0) }
    }
}

impl Histogram {
    pub fn record(&self, value: u64) {
        // What is exactly a bound counts below it, as `le` says.
        let bucket = bucket(value.saturating_sub(1)).min(BUCKETS - 1);
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        self.sum.fetch_add(value, Ordering::Relaxed);
    }

    /// The bound of each power of two with how many are at or below it, then all of them and their sum.
    pub(super) fn totals(&self) -> (Vec<(u64, u64)>, u64, u64) {
        let mut total = 0;
        let bounds = self.buckets.chunks(STEPS as usize).enumerate().map(|(power, steps)| {
            total += steps.iter().map(|bucket| bucket.load(Ordering::Relaxed)).sum::<u64>();
            (2u64 << power, total)
        });
        (bounds.collect(), total, self.sum.load(Ordering::Relaxed))
    }
}

/// Bucket `power * STEPS + step` holds `2^power * (1 + step / STEPS)` and what is above up to the next.
fn bucket(value: u64) -> usize {
    let value = value.max(1);
    let power = u64::from(value.ilog2());
    let step = if power >= 2 {
        (value >> (power - 2)) & (STEPS - 1)
    } else {
        ((value << 2) >> power) & (STEPS - 1)
    };
    (power * STEPS + step) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_in_order_and_at_most_a_quarter_wide() {
        let mut last = 0;
        for value in 1..100_000u64 {
            let bucket = bucket(value);
            assert!(
                bucket == last || bucket == last + 1 || value <= 4,
                "{value}: {last} then {bucket}"
            );
            last = bucket;
        }
        assert_eq!(bucket(0), bucket(1));
        assert_eq!(bucket(u64::MAX).min(BUCKETS - 1), BUCKETS - 1);
    }

    #[test]
    fn a_bound_is_within_its_bucket() {
        let histogram = Histogram::default();
        histogram.record(64);
        histogram.record(65);
        let (bounds, total, sum) = histogram.totals();
        let at = |bound| bounds.iter().find(|(known, _)| *known == bound).unwrap().1;
        assert_eq!((at(32), at(64), at(128), total, sum), (0, 1, 2, 2, 129));
    }
}
