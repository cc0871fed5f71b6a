//! Many stories, and those that once found something.

use parlance_sim::{Report, Shape, play};

const SEEDS: u64 = 200;

fn assert_passes(report: &Report) {
    let Report { seed, shape, violations, .. } = report;
    assert!(violations.is_empty(), "seed {seed} ({shape:?}):\n{}", violations.join("\n"));
}

fn assert_all_pass(shape: Shape) {
    let (mut events, mut acked) = (0, 0);
    for seed in 0..SEEDS {
        let report = play(seed, shape, None);
        assert_passes(&report);
        events += report.counts.events;
        acked += report.counts.acked;
    }
    assert!(
        events > SEEDS * 50 && acked > SEEDS * 50,
        "stories in which little happens prove little"
    );
}

#[test]
fn one_owner_keeps_every_promise() {
    assert_all_pass(Shape::Embedded);
}

#[test]
fn two_owners_of_a_log_write_the_same() {
    assert_all_pass(Shape::TwoOwners);
}

#[test]
fn what_once_failed_passes() {
    for line in include_str!("../regressions.txt").lines() {
        let line = line.split('#').next().unwrap_or_default().trim();
        let Some((shape, seed)) = line.split_once(' ') else { continue };
        let shape = match shape {
            "embedded" => Shape::Embedded,
            "owners" => Shape::TwoOwners,
            other => panic!("{other} is no shape"),
        };
        assert_passes(&play(seed.parse().unwrap(), shape, None));
    }
}

#[test]
fn a_seed_is_one_story() {
    for shape in [Shape::Embedded, Shape::TwoOwners] {
        assert_eq!(play(7, shape, None), play(7, shape, None));
        assert_ne!(play(7, shape, None).counts.trace, play(8, shape, None).counts.trace);
    }
}
