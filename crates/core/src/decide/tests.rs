//! One by one: what each command comes to. The laws over arbitrary stories are in `stories`.

mod group;
mod message;
mod personal;
mod retry;
mod stories;

use parlance_types::{Action, Code, Command, Facts, Payload, Settings, Verdict};

use super::*;
use crate::testkit::{Log, NOW_MS, account, emoji, id, say, seq, stamp, text, title};
use crate::{chain, identity};

pub(super) fn refused(decision: &Decision) -> Option<(Code, Option<&'static str>)> {
    match decision {
        Decision::Refused(refusal) => Some((refusal.code, refusal.field)),
        _ => None,
    }
}

fn every_action() -> Vec<Action> {
    let account = account(2);
    vec![
        say("x"),
        Action::Edit { target: seq(2), text: text("x"), entities: Vec::new() },
        Action::Delete { target: seq(2) },
        Action::React { target: seq(2), emoji: emoji("👍") },
        Action::Unreact { target: seq(2), emoji: emoji("👍") },
        Action::Create { title: None, members: Vec::new(), settings: Settings::default() },
        Action::Add { accounts: vec![account] },
        Action::Remove { account },
        Action::Leave,
        Action::Role { account, role: Role::Admin },
        Action::Rename { title: title("x") },
        Action::Describe { text: None },
        Action::Settings(parlance_types::SettingsChange::default()),
    ]
}

#[test]
fn outsiders_find_nothing_whether_or_not_it_exists() {
    let mut exists = Log::group(&[2], Settings::default());
    exists.expect(1, say("secret"));
    let absent = Log::new(exists.state.conversation());
    for action in every_action() {
        let creates = matches!(action, Action::Create { .. });
        for mut log in [exists.clone(), absent.clone()] {
            if creates && !log.state.exists() {
                continue;
            }
            let found = log.wish(9, action.clone());
            assert_eq!(refused(&found), Some((Code::NotFound, None)), "{action:?}");
        }
    }
}

#[test]
fn former_members_are_told_so() {
    let mut log = Log::group(&[2, 3], Settings::default());
    log.expect(1, say("secret"));
    log.expect(3, Action::Leave);
    for action in every_action() {
        assert_eq!(refused(&log.wish(3, action)), Some((Code::NotAMember, None)));
    }
}

#[test]
fn a_direct_has_messages_only() {
    for action in every_action() {
        let found = Log::direct().wish(1, action.clone());
        let expected = match action.target() {
            Some(_) => None,
            None if matches!(action, Action::Send { .. }) => None,
            None => Some((Code::WrongKind, None)),
        };
        assert_eq!(refused(&found), expected, "{action:?}");
    }
}

#[test]
fn names_are_version_7_and_not_from_the_future() {
    let log = Log::group(&[], Settings::default());
    let no_version = MessageId::from_bytes([1; 16]);
    let now = stamp(10);
    let ahead = |ms: u64| MessageId::from_time(NOW_MS + 10 + ms, [3; 10]);
    let decide = |message_id| {
        decide(&log.state, &Facts::default(), &log.command(1, message_id, say("x")), &now)
    };
    let found = decide(no_version);
    assert_eq!(refused(&found), Some((Code::InvalidField, Some("message_id"))));
    let Decision::Refused(refusal) = decide(ahead(limits::ID_AHEAD_MS_MAX + 1)) else {
        panic!("from the future")
    };
    assert_eq!((refusal.code, refusal.now), (Code::IdInFuture, Some(now.time)));
    assert!(matches!(decide(ahead(limits::ID_AHEAD_MS_MAX)), Decision::Decided(_)));
    let past = MessageId::from_time(1, [3; 10]);
    assert!(matches!(decide(past), Decision::Decided(_)));
}

#[test]
fn verdicts_of_the_stamp_are_obeyed() {
    let suspended = Stamp { verdict: Verdict::Suspended, ..stamp(9) };
    let limited = Stamp { verdict: Verdict::RateLimited { retry_after_ms: 7 }, ..stamp(9) };
    let blocked = Stamp { verdict: Verdict::CannotMessage, ..stamp(9) };
    let mut direct = Log::direct();
    let with = |log: &mut Log, stamp: &Stamp, action: Action| {
        let command = log.command(1, id(9), action);
        log.submit(&command, stamp)
    };
    let found = with(&mut direct, &suspended, say("x"));
    assert_eq!(refused(&found), Some((Code::Suspended, None)));
    let Decision::Refused(refusal) = with(&mut direct, &limited, say("x")) else {
        panic!("not limited")
    };
    assert_eq!((refusal.code, refusal.retry_after_ms), (Code::RateLimited, Some(7)));
    let edit = Action::Edit { target: seq(2), text: text("x"), entities: Vec::new() };
    for action in [say("x"), edit] {
        let found = with(&mut direct, &blocked, action);
        assert_eq!(refused(&found), Some((Code::CannotMessage, None)));
    }
    let delete = with(&mut direct, &blocked, Action::Delete { target: seq(2) });
    assert!(matches!(delete, Decision::Decided(_)), "a block keeps nobody from taking back");
    let mut group = Log::group(&[2], Settings::default());
    assert!(matches!(with(&mut group, &blocked, say("x")), Decision::Decided(_)));
}

fn to(n: u8) -> Action {
    match say("hello") {
        Action::Send { text, entities, reply_to, seen, silent, .. } => {
            let to = Some(account(n));
            Action::Send { to, text, entities, reply_to, seen, silent }
        }
        _ => unreachable!("say sends"),
    }
}

#[test]
fn the_first_message_creates_its_direct_conversation() {
    let mut log = Log::new(identity::direct(account(1), account(2)));
    let command = log.command(1, id(1), to(2));
    let Decision::Decided(decided) = log.submit(&command, &stamp(1)) else { panic!("refused") };
    let [create, message] = &decided[..] else { panic!("two events") };
    let create_id = identity::create_message_id(log.state.conversation());
    assert_eq!((create.event.message_id, message.event.message_id), (create_id, id(1)));
    assert_eq!((create.event.ordinal.get(), message.event.ordinal.get()), (0, 1));
    assert_eq!(&*create.audience, [account(1), account(2)]);
    assert_eq!(create.entry.rows.memberships.len(), 2);
    assert!(message.event.at > create.event.at);
    let salt = |decided: &Decided| match decided.entry.record.payload {
        Payload::Kept { salt, .. } => salt,
        Payload::Gone { .. } => panic!("just written"),
    };
    // The salt of the create event stays; that of an erased message must not follow from it.
    let expected = (chain::salt_of(stamp(1).salt, 1), stamp(1).salt);
    assert_eq!((salt(create), salt(message)), expected);

    // Of two simultaneous first sends the second finds the conversation and writes its message only.
    let command = log.command(2, id(2), to(1));
    let Decision::Decided(decided) = log.submit(&command, &stamp(1)) else { panic!("refused") };
    assert_eq!(decided.len(), 1);
    assert_eq!(decided[0].event.seq, seq(3));
}

#[test]
fn notes_are_the_owners_alone() {
    let mut log = Log::new(identity::own(account(1)));
    assert!(matches!(log.wish(1, to(1)), Decision::Decided(_)));
    assert_eq!(&**log.state.audience(), [account(1)]);
    assert_eq!(refused(&log.wish(2, say("x"))), Some((Code::NotFound, None)));
    assert!(matches!(log.wish(1, say("x")), Decision::Decided(_)));
}

#[test]
fn a_first_message_must_aim_at_its_own_conversation() {
    let cases = [
        (identity::direct(account(1), account(2)), 1, 3),
        (identity::direct(account(1), account(2)), 3, 1),
        (identity::direct(account(1), account(2)), 1, 1),
        (identity::own(account(2)), 1, 2),
        (identity::group(account(1), "g"), 1, 2),
    ];
    for (conversation, sender, other) in cases {
        let found = Log::new(conversation).wish(sender, to(other));
        assert_eq!(refused(&found), Some((Code::NotFound, Some("to"))));
    }
    let mut log = Log::new(identity::direct(account(1), account(2)));
    let command = log.command(1, id(1), to(2));
    let stranger = Stamp { unknown_accounts: vec![account(2)], ..stamp(1) };
    let found = log.submit(&command, &stranger);
    assert_eq!(refused(&found), Some((Code::NotFound, Some("to"))));

    let derived = identity::create_message_id(log.state.conversation());
    let command = Command { message_id: derived, ..command };
    let found = log.submit(&command, &stamp(1));
    assert_eq!(refused(&found), Some((Code::MessageIdConflict, Some("message_id"))));
}

#[test]
fn time_only_moves_forward() {
    let mut log = Log::group(&[], Settings::default());
    let late = log.command(1, id(50), say("x"));
    log.submit(&late, &stamp(50));
    let stamped_earlier = log.command(1, id(51), say("y"));
    log.submit(&stamped_earlier, &stamp(3));
    let times: Vec<u64> = log.records.iter().map(|record| record.at.get()).collect();
    assert_eq!(times[2], times[1] + 1);
}
