//! What a client remembers of a conversation's chain: dense at the end, thinner the further back, so that after a restore the common
//! prefix is found without asking for everything. **Points ascend in `seq`.**

use parlance_types::{Hash, Seq};

/// Points kept at full density.
const DENSE: usize = 16;
/// Points kept in all; enough for every power of two.
const POINTS_MAX: usize = 64;

/// How far a conversation is held, and some places on the way with their hashes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trail {
    local: u64,
    points: Vec<(Seq, Hash)>,
}

impl Trail {
    /// A trail that starts above `local` without knowing the chain there.
    #[must_use]
    pub const fn starting_at(local: u64) -> Self {
        Self { local, points: Vec::new() }
    }

    /// One read back from storage. Points that do not ascend, or lie beyond `local`, are dropped.
    #[must_use]
    pub fn restore(local: u64, points: impl IntoIterator<Item = (Seq, Hash)>) -> Self {
        let mut kept: Vec<(Seq, Hash)> = Vec::new();
        for (seq, hash) in points {
            let after_last = kept.last().is_none_or(|(last, _)| *last < seq);
            if after_last && seq.get() <= local {
                kept.push((seq, hash));
            }
        }
        Self { local, points: kept }
    }

    /// The last event held; 0 before the first.
    #[must_use]
    pub const fn local(&self) -> u64 {
        self.local
    }

    /// The places whose hash is known.
    #[must_use]
    pub fn points(&self) -> &[(Seq, Hash)] {
        &self.points
    }

    pub(super) fn hash_at(&self, seq: Seq) -> Option<Hash> {
        let found = self.points.binary_search_by_key(&seq, |(seq, _)| *seq);
        found.ok().map(|index| self.points[index].1)
    }

    pub(super) fn advance(&mut self, seq: Seq, hash: Hash) {
        self.local = seq.get();
        self.points.push((seq, hash));
        if self.points.len() > POINTS_MAX {
            self.thin();
        }
    }

    /// Moves over events whose hash is not told.
    pub(super) const fn skip_to(&mut self, local: u64) {
        self.local = local;
    }

    /// Forgets what lies above `point`.
    pub(super) fn cut(&mut self, point: Option<Seq>) {
        self.points.retain(|(seq, _)| Some(*seq) <= point);
        self.local = point.map_or(0, Seq::get);
    }

    /// Beyond the dense end, keeps the oldest of each stretch that is twice as long as the one after it. (The newest would be
    /// displaced by its successor before it reached the next stretch, for ever.)
    fn thin(&mut self) {
        let mut stretch = None;
        let dense = self.points.len() - DENSE;
        let mut index = 0;
        let end = self.local;
        self.points.retain(|(seq, _)| {
            let age = (end - seq.get()).checked_ilog2();
            let keep = index >= dense || stretch != Some(age);
            stretch = Some(age);
            index += 1;
            keep
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seq(value: u64) -> Seq {
        Seq::new(value).unwrap()
    }

    #[test]
    fn a_long_trail_stays_short_dense_at_its_end_and_reaches_back() {
        let mut trail = Trail::default();
        (1..=100_000).for_each(|n| trail.advance(seq(n), Hash::from_bytes([n as u8; 16])));
        assert!(trail.points.len() <= POINTS_MAX);
        assert!(trail.points.is_sorted_by(|a, b| a.0 < b.0));
        let ages: Vec<u64> = trail.points.iter().map(|(seq, _)| 100_000 - seq.get()).collect();
        assert!(ages.ends_with(&[2, 1, 0]));
        // However far back the histories part, a point is found before it, at most four times as far from the end.
        for parted in [10u64, 100, 1_000, 10_000] {
            let found = ages.iter().rev().find(|age| **age >= parted).unwrap();
            assert!(*found <= parted * 4, "{parted}: {ages:?}");
        }
    }

    #[test]
    fn a_cut_trail_ends_at_its_point() {
        let mut trail = Trail::default();
        (1..=10).for_each(|n| trail.advance(seq(n), Hash::from_bytes([n as u8; 16])));
        trail.cut(Some(seq(4)));
        assert_eq!((trail.local(), trail.hash_at(seq(5))), (4, None));
        assert_eq!(trail.hash_at(seq(4)), Some(Hash::from_bytes([4; 16])));
        trail.cut(None);
        assert_eq!(trail, Trail::default());
    }
}
