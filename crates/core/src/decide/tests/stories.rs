//! The laws, over arbitrary stories.

use std::collections::{BTreeMap, BTreeSet};

use parlance_types::{Body, ConversationId, History, OverlayChange, Payload};
use proptest::prelude::*;

use super::*;
use crate::testkit::{any_command, any_story};
use crate::{chain, policy};

/// Which events each account may see, told from the events alone and one by one.
#[derive(Default)]
struct Witness {
    present: BTreeSet<AccountId>,
    seen: BTreeMap<AccountId, BTreeSet<Seq>>,
    sees_all: bool,
}

impl Witness {
    fn watch(&mut self, event: &Event) {
        let body = &event.content.body;
        if let Body::Create { members, settings, .. } = body {
            self.sees_all = settings.history == History::All;
            self.present.extend(members.iter().map(|listed| listed.account));
        }
        if let Body::Add { accounts } = body {
            for account in accounts {
                self.present.insert(*account);
                if self.sees_all {
                    let before = (1..event.seq.get()).filter_map(Seq::new);
                    self.seen.entry(*account).or_default().extend(before);
                }
            }
        }
        for account in &self.present {
            self.seen.entry(*account).or_default().insert(event.seq);
        }
        match body {
            Body::Remove { account } => self.present.remove(account),
            Body::Leave { .. } => self.present.remove(&event.sender),
            Body::Settings(change) => {
                self.sees_all =
                    change.history.map_or(self.sees_all, |history| history == History::All);
                false
            }
            _ => false,
        };
    }
}

/// The log after a story, and what each of its commands came to.
fn told(
    conversation: ConversationId,
    story: &[(Command, Stamp)],
) -> (Log, Vec<(Command, Decision)>) {
    let mut log = Log::new(conversation);
    let mut told = Vec::new();
    for (command, stamp) in story {
        let command = log.aim(command.clone());
        let decision = log.submit(&command, stamp);
        told.push((command, decision));
    }
    (log, told)
}

fn has_owner_or_nobody(state: &State) -> bool {
    let mut roles = state.members().filter_map(|member| member.role).peekable();
    let is_group = state.kind() == Some(ConversationKind::Group);
    !is_group || roles.peek().is_none() || roles.any(|role| role == Role::Owner)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn the_log_is_dense_in_order_and_chained((conversation, story) in any_story()) {
        let log = told(conversation, &story).0;
        let (mut hash, mut ordinal, mut at) = (chain::start(conversation), 0, None);
        for (index, record) in log.records.iter().enumerate() {
            prop_assert_eq!(record.seq, seq(index as u64 + 1));
            prop_assert!(chain::check(hash, record));
            prop_assert!(Some(record.at) > at);
            ordinal += u64::from(record.kind.counts());
            prop_assert_eq!(record.ordinal.get(), ordinal);
            prop_assert_eq!(&chain::event(record), &Ok(*log.decided[index].event.clone()));
            (hash, at) = (record.hash, Some(record.at));
        }
        prop_assert_eq!(log.state.hash(), hash);
        prop_assert_eq!(log.state.seq().map_or(0, Seq::get), log.records.len() as u64);
    }

    #[test]
    fn a_name_maps_to_one_seq_for_ever((conversation, story) in any_story()) {
        let (mut log, story) = told(conversation, &story);
        let mut first: BTreeMap<(AccountId, MessageId), Decision> = BTreeMap::new();
        for (command, decision) in &story {
            let name = (command.sender, command.message_id);
            if let Decision::Decided(decided) = decision {
                let last = decided.last().expect("a decision has events");
                let named = Decision::Duplicate(Named::from(&last.entry.record));
                prop_assert!(first.insert(name, named).is_none(), "a name was given twice");
            }
        }
        let decided: BTreeSet<_> = log.records.iter().map(|r| (r.sender, r.message_id)).collect();
        prop_assert_eq!(decided.len(), log.records.len(), "names are unique");
        for (command, _) in &story {
            let Some(named) = first.get(&(command.sender, command.message_id)) else { continue };
            let stamp = Stamp { verdict: Verdict::Suspended, ..stamp(0) };
            match log.submit(command, &stamp) {
                // The story names another wish the same.
                Decision::Refused(refusal) => prop_assert_eq!(refusal.code, Code::MessageIdConflict),
                found => prop_assert_eq!(&found, named),
            }
        }
    }

    #[test]
    fn a_state_goes_on_from_its_snapshot((conversation, story) in any_story(), at: prop::sample::Index) {
        let at = at.index(story.len());
        let mut log = Log::new(conversation);
        let mut resumed = log.clone();
        for (index, (command, stamp)) in story.iter().enumerate() {
            let command = &log.aim(command.clone());
            if index == at {
                resumed = log.clone();
                resumed.state = State::decode(&log.state.encode()).expect("just encoded");
            }
            let decision = log.submit(command, stamp);
            if index >= at {
                prop_assert_eq!(resumed.submit(command, stamp), decision);
            }
        }
        prop_assert_eq!(resumed.state.encode(), log.state.encode());
    }

    #[test]
    fn replaying_the_records_makes_the_same_state((conversation, story) in any_story()) {
        let log = told(conversation, &story).0;
        let mut replayed = State::empty(conversation);
        for record in &log.records {
            let mut record = record.clone();
            if record.target.is_some() || record.kind.counts() {
                // What messages said may be gone by now.
                record.payload = Payload::Gone { digest: chain::digest_of(&record) };
            }
            prop_assert!(chain::check(replayed.hash(), &record));
            prop_assert_eq!(replayed.replay(&record), Ok(()));
            let before = replayed.encode();
            prop_assert_eq!(replayed.replay(&record), Ok(()));
            prop_assert_eq!(replayed.encode(), before, "what is inside changes nothing");
        }
        prop_assert_eq!(replayed.encode(), log.state.encode());
    }

    #[test]
    fn whoever_was_not_in_sees_nothing((conversation, story) in any_story()) {
        let log = told(conversation, &story).0;
        let mut witness = Witness::default();
        let mut state = State::empty(conversation);
        for decided in &log.decided {
            let before = witness.present.clone();
            witness.watch(&decided.event);
            state.apply(&decided.event);
            // Members as of the event: those who were in, and those whom it brings.
            let audience: BTreeSet<AccountId> = decided.audience.iter().copied().collect();
            let mut expected: BTreeSet<AccountId> =
                before.union(&witness.present).copied().collect();
            if let Some(target) = decided.entry.record.target {
                // What happens to an event is for those who see it.
                expected.retain(|account| witness.seen[account].contains(&target));
            }
            prop_assert_eq!(audience, expected);
            prop_assert!(decided.audience.is_sorted());
            let current: Vec<AccountId> = witness.present.iter().copied().collect();
            prop_assert_eq!(&**state.audience(), current);
            prop_assert!(has_owner_or_nobody(&state));
        }
        for account in (1..8).map(account) {
            let intervals = state.membership(account).map(|row| row.intervals).unwrap_or_default();
            let seen = witness.seen.get(&account).cloned().unwrap_or_default();
            for n in (1..=log.records.len() as u64 + 1).map(seq) {
                let open = log.records.len() as u64 + 1 == n.get();
                let expected = if open { witness.present.contains(&account) } else { seen.contains(&n) };
                prop_assert_eq!(policy::visible(&intervals, n), expected, "{} {}", account, n);
            }
            for pair in intervals.windows(2) {
                prop_assert!(pair[0].left.is_some_and(|left| left < pair[1].from));
            }
        }
    }

    #[test]
    fn rows_say_what_the_state_says((conversation, story) in any_story()) {
        let mut log = Log::new(conversation);
        let mut rows = BTreeMap::new();
        for (command, stamp) in story {
            let before = log.decided.len();
            log.submit(&log.aim(command), &stamp);
            for decided in &log.decided[before..] {
                rows.extend(decided.entry.rows.memberships.iter().cloned());
                let overlay = decided.entry.rows.overlay.as_ref().map(|(target, _)| *target);
                prop_assert_eq!(overlay, decided.entry.record.target);
            }
        }
        let members: BTreeMap<_, _> =
            log.state.members().map(|member| (member.account, member.row())).collect();
        prop_assert_eq!(rows, members);
    }

    #[test]
    fn wishing_again_changes_nothing((conversation, story) in any_story()) {
        let mut log = Log::new(conversation);
        for (index, (command, stamp)) in story.into_iter().enumerate() {
            let command = log.aim(command);
            let decision = log.submit(&command, &stamp);
            let repeats = matches!(command.action, Action::Send { .. } | Action::Leave | Action::Create { .. });
            if repeats || !matches!(decision, Decision::Decided(_)) {
                continue;
            }
            // Another device wishes the same under a name of its own.
            let message_id = id(1_000 + index as u64);
            let again = log.submit(&Command { message_id, ..command.clone() }, &stamp);
            let changed_back = matches!(command.action, Action::Unreact { .. });
            let expected = Decision::Duplicate(Named::from(log.records.last().expect("one was made")));
            if changed_back {
                prop_assert!(matches!(again, Decision::Duplicate(_)));
            } else if matches!(command.action, Action::Role { account, .. } if account == command.sender) {
                // Whoever gave the own rights away may not say so again.
                prop_assert!(!matches!(again, Decision::Decided(_)));
            } else {
                prop_assert_eq!(again, expected, "{:?}", command.action);
            }
        }
    }

    #[test]
    fn deciding_and_applying_are_total(
        (conversation, story) in any_story(),
        strangers in prop::collection::vec(any_command(identity::direct(account(1), account(2))), 1..20),
        picks in prop::collection::vec(any::<[prop::sample::Index; 4]>(), 20),
    ) {
        let log = told(conversation, &story).0;
        let mut other = Log::direct();
        other.expect(1, say("x"));
        let mut state = log.state.clone();
        let pool: Vec<&Record> = log.records.iter().chain(&other.records).collect();
        for ((command, stamp), picks) in strangers.iter().zip(&picks) {
            let pick = |index: usize| (*picks[index].get(&pool)).clone();
            let mut overlay = parlance_types::Overlay::default();
            let changes = [OverlayChange::Edited, OverlayChange::Deleted];
            overlay.apply(pick(3).seq, picks[3].get(&changes));
            let facts = Facts {
                original: Some(pick(0)),
                target: Some((pick(1), overlay)),
                made: Some(pick(2)),
            };
            for conversation in [conversation, command.conversation] {
                let command = Command { conversation, ..command.clone() };
                let far = Stamp { time: Micros::new(u64::MAX), ..stamp.clone() };
                for stamp in [stamp, &far] {
                    if let Decision::Decided(decided) = decide(&state, &facts, &command, stamp) {
                        for decided in decided {
                            state.clone().apply(&decided.event);
                        }
                    }
                }
            }
            // Events of another conversation, or out of place, change something or nothing, but never panic.
            if let Ok(event) = chain::event(&pick(0)) {
                state.apply(&event);
            }
            prop_assert!(State::decode(&state.encode()).is_ok());
        }
    }
}
