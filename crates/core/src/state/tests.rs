use parlance_types::{Action, Role, Settings};

use super::*;
use crate::FormatError;
use crate::testkit::{Log, account, hex, say, seq, text, title};

#[test]
fn before_its_first_event_there_is_nothing() {
    let state = State::empty(crate::identity::own(account(1)));
    assert!(!state.exists());
    assert_eq!((state.seq(), state.kind(), state.membership(account(1))), (None, None, None));
    assert_eq!(state.hash(), chain::start(state.conversation()));
    assert!(state.audience().is_empty());
}

#[test]
fn the_audience_is_made_once_until_membership_changes() {
    let mut log = Log::group(&[2, 3], Settings::default());
    let before = log.state.audience().clone();
    let first = log.expect(1, say("a")).audience;
    let second = log.expect(1, Action::Rename { title: title("t") }).audience;
    assert!(Arc::ptr_eq(&before, &first) && Arc::ptr_eq(&before, &second));
    log.expect(3, Action::Leave);
    assert_eq!(&**log.state.audience(), [account(1), account(2)]);
}

#[test]
fn what_was_sent_is_remembered_after_leaving() {
    let mut log = Log::group(&[2], Settings::default());
    log.expect(2, say("a"));
    log.expect(2, Action::React { target: seq(2), emoji: crate::testkit::emoji("👍") });
    log.expect(2, Action::Leave);
    log.expect(1, Action::Add { accounts: vec![account(2)] });
    let member = log.state.member(account(2)).expect("back again");
    assert_eq!(member.sent.map(|mark| mark.seq), Some(seq(2)), "reactions are no messages");
    assert!(member.last_id > Member::NO_ID && member.frozen.is_none());
    assert_eq!(member.role, Some(Role::Member));
}

/// A snapshot with everything in it, as this version writes it: it must load for ever.
fn full() -> State {
    let mut log = Log::group(&[2, 3], Settings::default());
    log.expect(1, say("a"));
    log.expect(1, Action::Describe { text: Some(text("about")) });
    log.expect(1, Action::Rename { title: title("title") });
    log.expect(1, Action::Role { account: account(3), role: Role::Admin });
    log.expect(2, Action::Leave);
    log.state
}

const GOLDEN: &str = include_str!("tests/snapshot_v1.hex");

#[test]
fn a_snapshot_of_the_first_version_loads() {
    let golden: String = GOLDEN.lines().collect();
    assert_eq!(hex(&full().encode()), golden);
    let digits: Vec<u32> = golden.chars().filter_map(|digit| digit.to_digit(16)).collect();
    let bytes: Vec<u8> = digits.chunks(2).map(|pair| (pair[0] * 16 + pair[1]) as u8).collect();
    let loaded = State::decode(&bytes).expect("it loads for ever");
    assert_eq!((loaded.seq(), loaded.hash()), (full().seq(), full().hash()));
    assert_eq!(loaded.info(), full().info());
    assert!(loaded.members().eq(full().members()));
}

#[test]
fn a_snapshot_of_another_version_is_refused() {
    let mut bytes = full().encode().to_vec();
    bytes[1] = 2;
    assert_eq!(State::decode(&bytes).err(), Some(FormatError::Version(2)));
    assert_eq!(State::decode(&[]).err(), Some(FormatError::Field("version")));
}
