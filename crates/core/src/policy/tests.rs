use parlance_types::{History, Ordinal};
use proptest::prelude::*;

use super::*;
use crate::testkit::seq;

const ROLES: [Role; 3] = [Role::Member, Role::Admin, Role::Owner];
const WHO: [Who; 2] = [Who::Members, Who::Admins];

/// Every combination of settings.
fn all_settings() -> impl Iterator<Item = Settings> {
    WHO.into_iter().flat_map(|send| {
        WHO.into_iter().flat_map(move |add| {
            WHO.into_iter().flat_map(move |info| {
                [History::SinceJoin, History::All].map(|history| Settings {
                    send,
                    add,
                    info,
                    history,
                })
            })
        })
    })
}

/// The table of rights, row by row: what a member, an admin and an owner may; `None`: a member may if the setting lets members.
#[test]
fn the_table_of_rights() {
    type Setting = fn(Settings) -> Who;
    let rows: [(Act, [Option<bool>; 3], Setting); 10] = [
        (Act::Send, [None, Some(true), Some(true)], |settings| settings.send),
        (Act::TakePart, [Some(true), Some(true), Some(true)], |_| Who::Members),
        (Act::DeleteOthers, [Some(false), Some(true), Some(true)], |_| Who::Members),
        (Act::Add, [None, Some(true), Some(true)], |settings| settings.add),
        (Act::Remove(Role::Member), [Some(false), Some(true), Some(true)], |_| Who::Members),
        (Act::Remove(Role::Admin), [Some(false), Some(false), Some(true)], |_| Who::Members),
        (Act::Remove(Role::Owner), [Some(false), Some(false), Some(true)], |_| Who::Members),
        (Act::ChangeRole, [Some(false), Some(false), Some(true)], |_| Who::Members),
        (Act::ChangeInfo, [None, Some(true), Some(true)], |settings| settings.info),
        (Act::ChangeSettings, [Some(false), Some(true), Some(true)], |_| Who::Members),
    ];
    for (act, expected, setting) in rows {
        for settings in all_settings() {
            for (role, expected) in ROLES.into_iter().zip(expected) {
                let expected = expected.unwrap_or(setting(settings) == Who::Members);
                assert_eq!(may(role, act, settings), expected, "{role:?} {act:?} {settings:?}");
            }
        }
    }
}

#[test]
fn who_stands_higher_may_no_less() {
    let removals = ROLES.map(Act::Remove);
    let acts = [
        Act::Send,
        Act::TakePart,
        Act::DeleteOthers,
        Act::Add,
        Act::ChangeRole,
        Act::ChangeInfo,
        Act::ChangeSettings,
    ];
    for act in acts.into_iter().chain(removals) {
        for settings in all_settings() {
            for pair in ROLES.windows(2) {
                assert!(!may(pair[0], act, settings) || may(pair[1], act, settings), "{act:?}");
            }
        }
    }
}

#[test]
fn what_each_kind_of_conversation_has() {
    let everywhere = [Kind::Text, Kind::Edit, Kind::Delete, Kind::React, Kind::Unreact];
    for kind in Kind::ALL {
        let (is_message, creates) = (everywhere.contains(&kind), kind == Kind::Create);
        assert_eq!(has(ConversationKind::Direct, kind), is_message, "{kind:?}");
        assert_eq!(has(ConversationKind::Own, kind), is_message, "{kind:?}");
        let is_own = kind == Kind::Personal;
        assert_eq!(has(ConversationKind::Group, kind), !creates && !is_own, "{kind:?}");
        assert_eq!(has(ConversationKind::Account, kind), is_own, "{kind:?}");
    }
}

fn stay(from: u64, left: Option<u64>) -> Interval {
    let left = left.map(seq);
    Interval { from: seq(from), join: seq(from), join_ordinal: Ordinal::ZERO, left }
}

#[test]
fn a_stay_is_seen_from_its_first_to_its_last_event() {
    let intervals = [stay(3, Some(5)), stay(8, None)];
    let seen: Vec<u64> = (1..=10).filter(|n| visible(&intervals, seq(*n))).collect();
    assert_eq!(seen, [3, 4, 5, 8, 9, 10]);
    assert!(sees(&intervals, seq(8), None) && sees(&intervals, seq(8), Some(seq(5))));
    assert!(!sees(&intervals, seq(8), Some(seq(2))) && !sees(&intervals, seq(7), Some(seq(5))));
    assert_eq!(first_visible(&intervals), Some(seq(3)));
    assert_eq!(last_visible(&intervals, seq(10)), Some(seq(10)));
    assert_eq!(last_visible(&intervals[..1], seq(10)), Some(seq(5)));
    assert_eq!(last_visible(&intervals, seq(4)), Some(seq(4)));
    assert_eq!(last_visible(&intervals, seq(7)), Some(seq(5)));
    assert_eq!(last_visible(&intervals, seq(2)), None);
    assert_eq!((first_visible(&[]), last_visible(&[], seq(1))), (None, None));
}

/// Stays as they come to be: in order, not overlapping, only the last open.
fn any_intervals() -> impl Strategy<Value = Vec<Interval>> {
    (prop::collection::vec((0..4_u64, 1..4_u64), 0..5), any::<bool>()).prop_map(|(stays, open)| {
        let mut next = 1;
        let count = stays.len();
        let stays = stays.into_iter().enumerate().map(|(index, (gap, length))| {
            let from = next + gap;
            next = from + length;
            stay(from, (index + 1 < count || !open).then_some(next - 1))
        });
        stays.collect()
    })
}

proptest! {
    #[test]
    fn runs_are_what_seeing_one_by_one_gives(
        intervals in any_intervals(),
        first in 1..25_u64,
        length in 0..25_u64,
    ) {
        let last = (first + length).saturating_sub(1).max(1);
        let found: Vec<Run> = runs(&intervals, seq(first), seq(last)).collect();
        let mut expected: Vec<Run> = Vec::new();
        for n in first..=last {
            let visible = visible(&intervals, seq(n));
            match expected.last_mut() {
                Some(run) if run.visible == visible => run.last = seq(n),
                _ => expected.push(Run { first: seq(n), last: seq(n), visible }),
            }
        }
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn first_and_last_are_the_ends_of_what_is_seen(intervals in any_intervals(), head in 1..25_u64) {
        let seen: Vec<Seq> = (1..=head).map(seq).filter(|n| visible(&intervals, *n)).collect();
        prop_assert_eq!(last_visible(&intervals, seq(head)), seen.last().copied());
        if let Some(first) = seen.first() {
            prop_assert_eq!(first_visible(&intervals), Some(*first));
        }
    }
}

#[test]
fn a_run_over_everything_ends() {
    let all: Vec<Run> = runs(&[stay(5, None)], seq(1), seq(Seq::MAX)).collect();
    assert_eq!(
        all,
        [
            Run { first: seq(1), last: seq(4), visible: false },
            Run { first: seq(5), last: seq(Seq::MAX), visible: true }
        ]
    );
    assert_eq!(runs(&[], seq(2), seq(1)).count(), 0);
}
