use parlance_types::{Body, History, SettingsChange, Who};

use super::*;

fn add(numbers: &[u8]) -> Action {
    Action::Add { accounts: numbers.iter().map(|n| account(*n)).collect() }
}

fn remove(n: u8) -> Action {
    Action::Remove { account: account(n) }
}

fn role(n: u8, role: Role) -> Action {
    Action::Role { account: account(n), role }
}

const FORBIDDEN: Option<(Code, Option<&str>)> = Some((Code::Forbidden, None));

fn role_of(log: &Log, n: u8) -> Option<Role> {
    log.state.member(account(n)).and_then(|member| member.role)
}

/// 1 owns, 2 and 3 are admins, 4 and 5 members.
fn ranks() -> Log {
    let mut log = Log::group(&[2, 3, 4, 5], Settings::default());
    log.expect(1, role(2, Role::Admin));
    log.expect(1, role(3, Role::Admin));
    log
}

#[test]
fn creating_lists_everybody_once_with_the_creator_as_owner() {
    let log = Log::group(&[3, 2, 3, 1], Settings::default());
    let Body::Create { members, .. } = &log.decided[0].event.content.body else {
        panic!("a create")
    };
    let found: Vec<_> = members.iter().map(|listed| (listed.account, listed.role)).collect();
    let expected =
        [(account(1), Role::Owner), (account(2), Role::Member), (account(3), Role::Member)];
    assert_eq!(found, expected);
}

#[test]
fn a_group_of_strangers_or_of_too_many_is_refused() {
    let conversation = identity::group(account(1), "g");
    let name = identity::group_message_id(account(1), "g");
    let create = |members: Vec<AccountId>| {
        let settings = Settings::default();
        let action = Action::Create { title: None, members, settings };
        Command { conversation, sender: account(1), device: None, message_id: name, action }
    };
    let number = |n: usize| {
        let mut bytes = [9; 16];
        bytes[..8].copy_from_slice(&(n as u64).to_be_bytes());
        AccountId::from_bytes(bytes)
    };
    let decide = |command, stamp: &Stamp| {
        decide(&State::empty(conversation), &Facts::default(), &command, stamp)
    };
    let stranger = Stamp { unknown_accounts: vec![account(3)], ..stamp(0) };
    let found = decide(create(vec![account(2), account(3)]), &stranger);
    assert_eq!(refused(&found), Some((Code::NotFound, Some("members"))));
    let found = decide(create((0..limits::MEMBERS_MAX).map(number).collect()), &stamp(0));
    assert_eq!(refused(&found), Some((Code::TooManyMembers, Some("members"))));
    let found = decide(create((1..limits::MEMBERS_MAX).map(number).collect()), &stamp(0));
    assert!(matches!(found, Decision::Decided(_)));
}

#[test]
fn newcomers_get_the_addition() {
    let mut log = Log::group(&[4], Settings::default());
    let decided = log.expect(4, add(&[4, 2, 1, 3]));
    let expected = Body::Add { accounts: vec![account(2), account(3)] };
    assert_eq!(decided.event.content.body, expected);
    assert_eq!(&*decided.audience, [1, 2, 3, 4].map(account));
    let rows: Vec<AccountId> =
        decided.entry.rows.memberships.iter().map(|(account, _)| *account).collect();
    assert_eq!(rows, [account(2), account(3)]);
}

#[test]
fn a_change_to_what_a_newcomer_may_not_see_does_not_reach_them() {
    let mut log = Log::group(&[2], Settings::default());
    let before = log.expect(1, say("before")).event.seq;
    log.expect(1, add(&[3]));
    let during = log.expect(1, say("during")).event.seq;
    let edit = |target| match say("edited") {
        Action::Send { text, entities, .. } => Action::Edit { target, text, entities },
        other => other,
    };
    assert_eq!(&*log.expect(1, edit(before)).audience, [1, 2].map(account));
    assert_eq!(&*log.expect(1, edit(during)).audience, [1, 2, 3].map(account));
}

#[test]
fn the_removed_get_the_removal_and_a_frozen_row() {
    let mut log = ranks();
    let decided = log.expect(2, remove(4));
    assert_eq!(&*decided.audience, [1, 2, 3, 4, 5].map(account));
    let [(gone, row)] = &decided.entry.rows.memberships[..] else { panic!("one row") };
    let frozen = row.frozen.as_ref().expect("a former member's row");
    assert_eq!((*gone, row.role, row.intervals[0].left), (account(4), None, Some(seq(4))));
    assert_eq!((frozen.hash, frozen.member_count), (decided.event.hash, 4));
    assert_eq!(&*log.expect(2, say("later")).audience, [1, 2, 3, 5].map(account));
}

#[test]
fn what_an_addition_can_fail_by() {
    let mut log = Log::group(&[2], Settings::default());
    assert_eq!(refused(&log.wish(1, add(&[]))), Some((Code::InvalidField, Some("accounts"))));
    let command = log.command(1, id(900), add(&[3, 4]));
    let stranger = Stamp { unknown_accounts: vec![account(4)], ..stamp(900) };
    let found = log.submit(&command, &stranger);
    assert_eq!(refused(&found), Some((Code::NotFound, Some("accounts"))));
    let change = SettingsChange { add: Some(Who::Admins), ..SettingsChange::default() };
    log.expect(1, Action::Settings(change));
    assert_eq!(refused(&log.wish(2, add(&[3]))), FORBIDDEN);
}

#[test]
fn coming_and_going_has_an_end() {
    let mut log = Log::group(&[2], Settings::default());
    for _ in 1..limits::INTERVALS_MAX {
        log.expect(2, Action::Leave);
        log.expect(1, add(&[2]));
    }
    log.expect(2, Action::Leave);
    let found = log.wish(1, add(&[2]));
    assert_eq!(refused(&found), Some((Code::TooManyJoins, Some("accounts"))));
}

#[test]
fn a_stay_that_sees_everything_contains_the_earlier_ones() {
    let mut log = Log::group(&[2], Settings::default());
    log.expect(2, Action::Leave);
    log.expect(1, say("while away"));
    let change = SettingsChange { history: Some(History::All), ..SettingsChange::default() };
    log.expect(1, Action::Settings(change));
    log.expect(1, add(&[2]));
    let intervals = log.state.membership(account(2)).expect("a member").intervals;
    assert_eq!(intervals.len(), 1);
    assert_eq!((intervals[0].from, intervals[0].join), (seq(1), seq(5)));
}

#[test]
fn who_removes_whom() {
    for (sender, target, allowed) in [
        (1, 2, true),
        (1, 4, true),
        (2, 1, false),
        (2, 3, false),
        (2, 4, true),
        (4, 1, false),
        (4, 2, false),
        (4, 5, false),
    ] {
        let found = ranks().wish(sender, remove(target));
        let expected = if allowed { None } else { FORBIDDEN };
        assert_eq!(refused(&found), expected, "{sender} removes {target}");
    }
    let mut log = ranks();
    let invalid = Some((Code::InvalidField, Some("account")));
    assert_eq!(refused(&log.wish(1, remove(1))), invalid);
    assert_eq!(refused(&log.wish(1, remove(9))), Some((Code::NotFound, Some("account"))));
    assert_eq!(refused(&log.wish(4, remove(9))), FORBIDDEN);
}

#[test]
fn roles_are_the_owners_to_give() {
    let mut log = ranks();
    assert_eq!(refused(&log.wish(2, role(4, Role::Admin))), FORBIDDEN);
    assert_eq!(refused(&log.wish(4, role(4, Role::Owner))), FORBIDDEN);
    let not_found = Some((Code::NotFound, Some("account")));
    assert_eq!(refused(&log.wish(1, role(9, Role::Admin))), not_found);
    assert_eq!(refused(&log.wish(1, role(1, Role::Member))), Some((Code::LastOwner, None)));
    log.expect(1, role(4, Role::Owner));
    log.expect(1, role(1, Role::Member));
    assert_eq!((role_of(&log, 1), role_of(&log, 4)), (Some(Role::Member), Some(Role::Owner)));
    log.expect(2, Action::Leave);
    assert_eq!(refused(&log.wish(4, role(2, Role::Admin))), not_found, "a former member");
}

#[test]
fn the_last_owner_passes_the_group_on() {
    let mut log = ranks();
    let promotions = |log: &mut Log, n: u8| match log.expect(n, Action::Leave).event.content.body {
        Body::Leave { promoted } => promoted,
        other => panic!("{other:?}"),
    };
    // Both admins have been in since the first event: the lower id decides.
    assert_eq!(promotions(&mut log, 1), Some(account(2)));
    assert_eq!(role_of(&log, 2), Some(Role::Owner));
    log.expect(2, role(3, Role::Owner));
    assert_eq!(promotions(&mut log, 2), None, "another owner is there");
    // No admin left: the member who has been in longest.
    log.expect(4, Action::Leave);
    log.expect(3, add(&[4]));
    let decided = log.expect(3, Action::Leave);
    assert_eq!(decided.event.content.body, Body::Leave { promoted: Some(account(5)) });
    let rows = &decided.entry.rows.memberships;
    let roles: Vec<_> = rows.iter().map(|(account, row)| (*account, row.role)).collect();
    assert_eq!(roles, [(account(3), None), (account(5), Some(Role::Owner))]);
    let frozen = rows[0].1.frozen.as_ref().expect("of the one who left");
    let heir = frozen.members.iter().find(|listed| listed.account == account(5));
    assert_eq!(heir.map(|listed| listed.role), Some(Role::Owner));
    log.expect(4, Action::Leave);
    assert_eq!(promotions(&mut log, 5), None, "nobody is left");
    assert!(log.state.exists() && log.state.audience().is_empty());
    assert_eq!(refused(&log.wish(5, say("x"))), Some((Code::NotAMember, None)));
}

#[test]
fn a_change_that_changes_nothing_names_the_event_that_made_it_so() {
    let mut log = ranks();
    let describe = |words: Option<&str>| Action::Describe { text: words.map(text) };
    let change = SettingsChange { info: Some(Who::Admins), ..SettingsChange::default() };
    for (sender, action, n) in [
        (1, describe(None), 1),
        (1, Action::Settings(SettingsChange::default()), 1),
        (1, role(2, Role::Admin), 2),
        (1, role(4, Role::Member), 1),
        (4, add(&[2, 5]), 1),
    ] {
        assert_eq!(log.wish(sender, action.clone()), log.named(n), "{action:?}");
    }
    log.expect(4, Action::Rename { title: title("a") });
    log.expect(5, describe(Some("b")));
    log.expect(2, Action::Settings(change));
    log.expect(2, remove(5));
    log.expect(4, add(&[6]));
    for (sender, action, n) in [
        (2, Action::Rename { title: title("a") }, 4),
        (2, describe(Some("b")), 5),
        (3, Action::Settings(change), 6),
        (3, remove(5), 7),
        (4, add(&[6, 2]), 8),
    ] {
        assert_eq!(log.wish(sender, action.clone()), log.named(n), "{action:?}");
    }
    assert_eq!(refused(&log.wish(4, Action::Rename { title: title("a") })), FORBIDDEN);
    assert_eq!(log.records.len(), 8);
    log.expect(2, describe(None));
    assert_eq!(log.wish(2, describe(None)), log.named(9));
}

#[test]
fn a_fact_that_must_exist_and_was_not_brought_is_not_guessed() {
    let log = ranks();
    let command = log.command(1, id(900), role(2, Role::Admin));
    let found = decide(&log.state, &Facts::default(), &command, &stamp(900));
    assert_eq!(refused(&found), Some((Code::Unavailable, None)));
}
