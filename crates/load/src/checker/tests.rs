use proptest::prelude::*;
use proptest::sample::Index;

use super::*;

const HERE: ConversationId = ConversationId::from_bytes([1; 16]);

fn sight(observer: Observer, seq: u64) -> Sight {
    let message_id = MessageId::from_time(seq, [0; 10]);
    Sight { observer, conversation: HERE, seq, message_id, hash: [seq as u8; 16] }
}

/// Two observers and a sender's acknowledgements; `spoil` gets what one of them saw.
fn judge(spoil: impl FnOnce(&mut Vec<Sight>)) -> Verdict {
    let mut checker = Checker::default();
    let mut spoilt: Vec<Sight> = (1..=20).map(|seq| sight(1, seq)).collect();
    spoil(&mut spoilt);
    checker.follow(0, HERE, 0);
    checker.follow(1, HERE, 0);
    for seq in 1..=20 {
        checker.acked(&sight(0, seq));
        checker.saw(&sight(0, seq));
    }
    for sight in &spoilt {
        checker.saw(sight);
    }
    checker.finish().0
}

#[test]
fn an_honest_history_passes() {
    let verdict = judge(|_| ());
    assert!(verdict.passed(), "{verdict:?}");
    assert_eq!((verdict.events, verdict.sights), (20, 40));
}

#[test]
fn an_acknowledged_message_that_nobody_saw_is_lost() {
    let mut checker = Checker::default();
    checker.follow(0, HERE, 0);
    checker.saw(&sight(0, 1));
    checker.acked(&sight(0, 2));
    let (verdict, faults) = checker.finish();
    assert_eq!(verdict.lost, 1, "{faults:?}");
}

#[test]
fn an_acknowledgement_that_names_another_place_is_a_loss() {
    let mut checker = Checker::default();
    checker.follow(0, HERE, 0);
    (1..=2).for_each(|seq| checker.saw(&sight(0, seq)));
    checker.acked(&Sight { seq: 1, ..sight(0, 2) });
    assert_eq!(checker.finish().0.lost, 1);
}

#[test]
fn the_same_message_at_two_places_is_a_duplicate() {
    let verdict = judge(|seen| seen.push(Sight { seq: 21, ..sight(1, 3) }));
    assert_eq!(verdict.duplicated, 1);
}

#[test]
fn who_starts_later_or_is_excused_misses_nothing() {
    let mut checker = Checker::default();
    checker.follow(0, HERE, 0);
    checker.follow(1, HERE, 3);
    checker.follow(2, HERE, 0);
    checker.excuse(2, HERE);
    (1..=5).for_each(|seq| checker.saw(&sight(0, seq)));
    (4..=5).for_each(|seq| checker.saw(&sight(1, seq)));
    assert_eq!(checker.seen(1, HERE), 5);
    assert!(checker.finish().0.passed());
}

proptest! {
    #[test]
    fn a_planted_loss_is_found(at in any::<Index>()) {
        let verdict = judge(|seen| { seen.remove(at.index(seen.len())); });
        prop_assert_eq!(verdict.lost, 1);
        prop_assert_eq!(verdict.duplicated, 0);
    }

    #[test]
    fn a_planted_duplicate_is_found(at in any::<Index>(), to in any::<Index>()) {
        let verdict = judge(|seen| {
            let again = seen[at.index(seen.len())];
            seen.insert(to.index(seen.len()).max(at.index(seen.len())) + 1, again);
        });
        prop_assert_eq!(verdict.duplicated, 1);
        prop_assert_eq!(verdict.lost, 0);
    }

    #[test]
    fn a_planted_reordering_is_found(at in 0usize..19) {
        let verdict = judge(|seen| seen.swap(at, at + 1));
        prop_assert!(verdict.reordered > 0);
        prop_assert_eq!((verdict.lost, verdict.duplicated), (0, 0));
    }

    #[test]
    fn a_planted_hash_is_found(at in any::<Index>()) {
        let verdict = judge(|seen| { let i = at.index(seen.len()); seen[i].hash[5] ^= 1; });
        prop_assert_eq!(verdict.reordered, 1);
    }

    #[test]
    fn another_message_at_the_same_place_is_found(at in any::<Index>()) {
        let verdict = judge(|seen| {
            let i = at.index(seen.len());
            seen[i].message_id = MessageId::from_time(999, [1; 10]);
        });
        prop_assert_eq!(verdict.reordered, 1);
    }
}
