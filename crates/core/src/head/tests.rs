use parlance_types::{Action, Mark, MessageText, Role, Seq, Settings};

use super::*;
use crate::testkit::{Log, account, say, seq, text, title};

fn view(log: &Log, viewer: u8) -> Option<Head> {
    let marks = marks::effective(&Marks::default(), log.state.sent(account(viewer)));
    head(&log.state, account(viewer), &marks, None, None)
}

#[test]
fn a_current_member_sees_the_conversation_as_it_is() {
    let mut log = Log::group(&[2], Settings::default());
    log.expect(1, say("one"));
    log.expect(1, say("two"));
    log.expect(1, Action::Rename { title: title("chess") });
    let shown = view(&log, 2).expect("a member");
    assert_eq!((shown.seq, shown.first, shown.unread), (seq(4), seq(1), 2));
    assert_eq!(shown.title, Some(title("chess")));
    assert_eq!((shown.role, shown.member_count), (Some(Role::Member), 2));
    assert_eq!((shown.hash, shown.changed_at), (log.state.hash(), log.state.at()));
    assert_eq!(view(&log, 1).map(|head| head.unread), Some(0), "sending is reading");
    assert_eq!(view(&log, 3), None, "outsiders see nothing");
}

#[test]
fn what_was_counted_before_joining_is_never_unread() {
    let mut log = Log::group(&[], Settings::default());
    log.expect(1, say("one"));
    log.expect(1, Action::Add { accounts: vec![account(2)] });
    log.expect(1, say("two"));
    let shown = view(&log, 2).expect("a member");
    assert_eq!((shown.unread, shown.first), (1, seq(3)));
}

#[test]
fn the_head_of_a_former_member_stands_still() {
    let mut log = Log::group(&[2, 3], Settings::default());
    log.expect(1, Action::Describe { text: Some(text("a group")) });
    log.expect(1, say("one"));
    let before = view(&log, 2).expect("a member");
    let removal = log.expect(1, Action::Remove { account: account(2) });
    let frozen = view(&log, 2).expect("still listed");
    assert_eq!((frozen.seq, frozen.hash), (removal.event.seq, removal.event.hash));
    assert_eq!((frozen.role, frozen.member_count, frozen.unread), (None, 2, 1));
    assert_eq!(frozen.description, before.description);
    assert_eq!(frozen.changed_at, removal.event.at);
    assert!(frozen.members.iter().all(|listed| listed.account != account(2)));

    log.expect(1, say("two"));
    log.expect(1, Action::Rename { title: title("without you") });
    log.expect(3, Action::Leave);
    assert_eq!(view(&log, 2), Some(frozen));

    log.expect(1, Action::Add { accounts: vec![account(2)] });
    let back = view(&log, 2).expect("a member again");
    assert_eq!((back.title, back.unread), (Some(title("without you")), 0));
    assert_eq!(back.first, before.first, "the first stay can still be read");
}

#[test]
fn a_direct_shows_both_and_how_far_both_are() {
    let log = Log::direct();
    let own = marks::effective(&Marks::default(), log.state.sent(account(1)));
    let read = Some(Mark { seq: Seq::FIRST, ordinal: Ordinal::ZERO });
    let other = Marks { delivered: read, read, ..Marks::default() };
    let shown = head(&log.state, account(1), &own, Some((account(2), other)), None);
    let shown = shown.expect("a member");
    let expected = [(account(1), Some(seq(2))), (account(2), Some(seq(1)))];
    let found: Vec<_> = shown.marks.iter().map(|marks| (marks.account, marks.read)).collect();
    assert_eq!(found, expected);
    assert_eq!((shown.members.len(), shown.unread), (2, 0));
}

#[test]
fn only_so_many_members_are_named() {
    let others: Vec<u8> = (2..60).collect();
    let log = Log::group(&others, Settings::default());
    let shown = view(&log, 59).expect("a member");
    assert_eq!((shown.members.len(), shown.member_count), (limits::HEAD_MEMBERS_MAX, 59));
    assert!(shown.members.is_sorted_by_key(|listed| listed.account));
}

#[test]
fn previews_are_short() {
    for (words, expected) in [
        ("short".to_owned(), "short".to_owned()),
        ("é".repeat(200), "é".repeat(200)),
        ("é".repeat(201), "é".repeat(199) + "…"),
        ("x".repeat(20_000), "x".repeat(199) + "…"),
    ] {
        let words = MessageText::new(&words).expect("not too long");
        assert_eq!(&*preview(&words), expected);
        assert!(preview(&words).chars().count() <= limits::PREVIEW_CHARS_MAX);
    }
}
