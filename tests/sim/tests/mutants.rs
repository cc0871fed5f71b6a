//! The simulation proves itself: each deliberate fault is noticed by some of a few seeds.

use parlance_sim::{Mutation, Shape, play};

/// Seeds among which each mutant must be caught.
const SEEDS: u64 = 12;

/// The first seed that notices `mutation`, and what the judge says of it.
fn caught(mutation: Mutation, shape: Shape) -> Option<(u64, String)> {
    (0..SEEDS).find_map(|seed| {
        let report = play(seed, shape, Some(mutation));
        report.violations.into_iter().next().map(|what| (seed, what))
    })
}

#[test]
fn every_broken_store_and_wire_is_noticed() {
    for mutation in Mutation::EMBEDDED {
        let found = caught(mutation, Shape::Embedded);
        assert!(found.is_some(), "{mutation:?} went unnoticed");
    }
}

#[test]
fn every_owner_that_decides_for_itself_is_noticed() {
    for mutation in Mutation::OWNERS {
        let found = caught(mutation, Shape::TwoOwners);
        assert!(found.is_some(), "{mutation:?} went unnoticed");
    }
}
