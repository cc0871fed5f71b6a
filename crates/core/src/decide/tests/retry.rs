use parlance_types::{Body, Payload, Verdict};

use super::*;
use crate::chain;

/// The named event, whatever else holds.
fn answers(log: &mut Log, command: &Command, n: u64) {
    let expected = log.named(n);
    let suspended = Stamp { verdict: Verdict::Suspended, ..stamp(0) };
    for stamp in [stamp(0), stamp(500_000), suspended] {
        assert_eq!(log.submit(command, &stamp), expected);
    }
}

#[test]
fn a_retry_answers_the_original_whatever_happened_since() {
    let mut log = Log::group(&[2], Settings::default());
    let command = log.command(2, id(5), say("once"));
    assert!(matches!(log.submit(&command, &stamp(5)), Decision::Decided(_)));
    answers(&mut log, &command, 2);
    for n in 0..5 {
        log.expect(1, say(&n.to_string()));
    }
    answers(&mut log, &command, 2);
    log.expect(1, Action::Delete { target: seq(2) });
    answers(&mut log, &command, 2);
    log.expect(1, Action::Remove { account: account(2) });
    answers(&mut log, &command, 2);
    log.state = State::decode(&log.state.encode()).expect("just encoded");
    answers(&mut log, &command, 2);
    log.expect(1, Action::Add { accounts: vec![account(2)] });
    answers(&mut log, &command, 2);
}

#[test]
fn a_late_id_is_looked_up_and_a_new_one_is_not() {
    let mut log = Log::group(&[2], Settings::default());
    let command = |log: &Log, sender, n| log.command(sender, id(n), say("x"));
    log.submit(&command(&log, 1, 100), &stamp(100));
    assert!(needs(&log.state, &command(&log, 1, 100)).original);
    assert!(needs(&log.state, &command(&log, 1, 99)).original);
    assert!(!needs(&log.state, &command(&log, 1, 101)).original);
    assert!(!needs(&log.state, &command(&log, 2, 1)).original, "nobody's clock slows another");
    // An old id that nobody used is fine.
    let found = log.submit(&command(&log, 1, 50), &stamp(101));
    assert!(matches!(found, Decision::Decided(_)));
    assert!(needs(&log.state, &command(&log, 1, 100)).original, "the greatest counts");
}

#[test]
fn derived_names_do_not_make_ids_late() {
    let mut log = Log::group(&[2], Settings::default());
    let ancient = MessageId::from_time(1, [0; 10]);
    assert!(!needs(&log.state, &log.command(1, ancient, say("x"))).original);
    let derived = identity::group_message_id(account(1), "g");
    let clash = log.command(1, derived, say("x"));
    let found = log.submit(&clash, &stamp(3));
    assert_eq!(refused(&found), Some((Code::MessageIdConflict, Some("message_id"))));
}

#[test]
fn another_senders_id_never_matches() {
    let mut log = Log::group(&[2], Settings::default());
    log.submit(&log.command(1, id(5), say("mine")), &stamp(5));
    let found = log.submit(&log.command(2, id(5), say("yours")), &stamp(5));
    assert!(matches!(found, Decision::Decided(_)));
}

#[test]
fn the_same_id_with_another_body_is_a_conflict() {
    let mut log = Log::group(&[2, 3, 4], Settings::default());
    log.expect(1, say("target"));
    log.expect(1, Action::React { target: seq(2), emoji: emoji("👍") });
    let add =
        |numbers: &[u8]| Action::Add { accounts: numbers.iter().map(|n| account(*n)).collect() };
    let edit =
        |words: &str| Action::Edit { target: seq(2), text: text(words), entities: Vec::new() };
    let role = |role| Action::Role { account: account(2), role };
    let cases = [
        (say("a"), say("b")),
        (say("a"), Action::Leave),
        (edit("a"), edit("b")),
        (
            Action::React { target: seq(2), emoji: emoji("❤️") },
            Action::React { target: seq(2), emoji: emoji("👍") },
        ),
        (Action::Unreact { target: seq(2), emoji: emoji("👍") }, Action::Delete { target: seq(2) }),
        (Action::Rename { title: title("a") }, Action::Rename { title: title("b") }),
        (Action::Describe { text: Some(text("a")) }, Action::Describe { text: None }),
        (role(Role::Admin), role(Role::Owner)),
        (add(&[5]), add(&[6])),
        (Action::Remove { account: account(3) }, Action::Remove { account: account(4) }),
    ];
    for (n, (first, other)) in cases.into_iter().enumerate() {
        let name = id(1_000 + n as u64);
        let first = log.command(1, name, first);
        let decision = log.submit(&first, &stamp(1_000));
        assert!(matches!(decision, Decision::Decided(_)), "{first:?}: {decision:?}");
        let last = log.records.len() as u64;
        assert_eq!(log.submit(&first, &stamp(1_000)), log.named(last), "{first:?}");
        let other = log.command(1, name, other);
        let found = log.submit(&other, &stamp(1_000));
        let conflict = Some((Code::MessageIdConflict, Some("message_id")));
        assert_eq!(refused(&found), conflict, "{other:?}");
    }
}

#[test]
fn a_retried_add_may_name_those_who_were_in_already() {
    let mut log = Log::group(&[2], Settings::default());
    let accounts = vec![account(3), account(2), account(3)];
    let command = log.command(1, id(5), Action::Add { accounts });
    let Decision::Decided(decided) = log.submit(&command, &stamp(5)) else { panic!("refused") };
    let Body::Add { accounts } = &decided[0].event.content.body else { panic!("an add") };
    assert_eq!(*accounts, [account(3)]);
    answers(&mut log, &command, 2);
}

#[test]
fn a_group_is_created_once() {
    let mut log = Log::group(&[2, 3], Settings::default());
    let name = identity::group_message_id(account(1), "g");
    let create = |members: &[u8]| Action::Create {
        title: None,
        members: members.iter().map(|n| account(*n)).collect(),
        settings: Settings::default(),
    };
    let again = log.command(1, name, create(&[3, 2, 1, 2]));
    answers(&mut log, &again, 1);
    let other = log.command(1, name, create(&[3]));
    let found = log.submit(&other, &stamp(1));
    assert_eq!(refused(&found), Some((Code::MessageIdConflict, Some("message_id"))));
}

#[test]
fn where_the_body_is_gone_the_id_alone_decides() {
    let mut log = Log::group(&[], Settings::default());
    log.submit(&log.command(1, id(5), say("a")), &stamp(5));
    let digest = chain::digest_of(&log.records[1]);
    log.records[1].payload = Payload::Gone { digest };
    let other = log.command(1, id(5), say("b"));
    answers(&mut log, &other, 2);
}

#[test]
fn what_a_fact_must_be_to_count_as_the_original() {
    let mut log = Log::group(&[2], Settings::default());
    let command = log.command(1, id(5), say("a"));
    log.submit(&command, &stamp(5));
    let record = log.records[1].clone();
    let wrong = [
        Record { sender: account(2), ..record.clone() },
        Record { message_id: id(6), ..record.clone() },
        Record { conversation: identity::own(account(1)), ..record.clone() },
        // Above the state: not decided yet in this log.
        Record { seq: seq(3), ..record.clone() },
    ];
    for original in wrong {
        let facts = Facts { original: Some(original), ..Facts::default() };
        let found = decide(&log.state, &facts, &command, &stamp(5));
        assert!(matches!(found, Decision::Decided(_)), "{facts:?}");
    }
}
