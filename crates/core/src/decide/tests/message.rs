use parlance_types::{
    Entity, EntityKind, History, Kind, OverlayChange, Payload, Settings, SettingsChange, Who,
};

use super::*;
use crate::chain;

fn edit(target: u64, words: &str) -> Action {
    Action::Edit { target: seq(target), text: text(words), entities: Vec::new() }
}

fn react(target: u64, with: &str) -> Action {
    Action::React { target: seq(target), emoji: emoji(with) }
}

fn unreact(target: u64, with: &str) -> Action {
    Action::Unreact { target: seq(target), emoji: emoji(with) }
}

fn delete(target: u64) -> Action {
    Action::Delete { target: seq(target) }
}

fn reply(to: Option<u64>, seen: Option<u64>) -> Action {
    Action::Send {
        to: None,
        text: text("re"),
        entities: Vec::new(),
        reply_to: to.map(seq),
        seen: seen.map(seq),
        silent: true,
    }
}

const NO_TARGET: Option<(Code, Option<&str>)> = Some((Code::NotFound, Some("target")));
const NO_MESSAGE: Option<(Code, Option<&str>)> = Some((Code::NotAMessage, Some("target")));
const FORBIDDEN: Option<(Code, Option<&str>)> = Some((Code::Forbidden, None));

#[test]
fn a_message_goes_to_all_members_and_counts() {
    let mut log = Log::group(&[2, 3], Settings::default());
    let decided = log.expect(2, say("hello"));
    assert_eq!(&*decided.audience, [account(1), account(2), account(3)]);
    assert_eq!((decided.event.seq, decided.event.ordinal.get()), (seq(2), 1));
    let record = &decided.entry.record;
    assert_eq!(chain::event(record), Ok(*decided.event.clone()));
    assert_eq!(record.kind, Kind::Text);
    let expected = Some(parlance_types::Mark { seq: seq(2), ordinal: decided.event.ordinal });
    assert_eq!(log.state.sent(account(2)), expected);
}

#[test]
fn references_must_be_visible() {
    let mut log = Log::group(&[2], Settings::default());
    log.expect(1, say("before"));
    log.expect(1, Action::Add { accounts: vec![account(3)] });
    for (sender, action, expected) in [
        (1, reply(Some(2), Some(3)), None),
        (3, reply(Some(2), None), Some((Code::NotFound, Some("reply_to")))),
        (3, reply(Some(3), None), None),
        (1, reply(Some(99), None), Some((Code::NotFound, Some("reply_to")))),
        (1, reply(None, Some(99)), Some((Code::SeqUnknown, Some("seen")))),
        (3, react(2, "👍"), NO_TARGET),
        (3, edit(2, "x"), NO_TARGET),
        (3, delete(2), NO_TARGET),
        (3, unreact(2, "👍"), NO_TARGET),
        (1, react(99, "👍"), NO_TARGET),
    ] {
        let found = log.clone().wish(sender, action.clone());
        assert_eq!(refused(&found), expected, "{sender}: {action:?}");
    }
    let needs = needs(&log.state, &log.command(3, id(900), react(2, "👍")));
    assert_eq!(needs.target, None, "what cannot be seen is not even looked up");
}

#[test]
fn mentions_are_members_each_once() {
    let mut log = Log::group(&[2, 3], Settings::default());
    log.expect(3, Action::Leave);
    let mention =
        |n| Entity { kind: EntityKind::Mention { account: account(n) }, offset: 0, length: 1 };
    let entities = vec![mention(2), mention(9), mention(3), mention(2), mention(1)];
    let action = Action::Send {
        to: None,
        text: text("@"),
        entities,
        reply_to: None,
        seen: None,
        silent: false,
    };
    assert_eq!(log.expect(1, action).entry.rows.mentions, [account(2), account(1)]);
}

#[test]
fn only_the_sender_edits_and_only_what_stands() {
    let mut log = Log::group(&[2], Settings::default());
    log.expect(2, say("a"));
    assert_eq!(refused(&log.wish(1, edit(2, "b"))), FORBIDDEN, "not even the owner");
    assert_eq!(refused(&log.wish(2, edit(1, "b"))), NO_MESSAGE, "a create is no message");
    let decided = log.expect(2, edit(2, "b"));
    assert_eq!(decided.entry.rows.overlay, Some((seq(2), OverlayChange::Edited)));
    assert_eq!(decided.event.ordinal.get(), 1, "edits do not count");
    assert_eq!(refused(&log.wish(2, edit(3, "c"))), NO_MESSAGE, "an edit is no message");
    assert_eq!(log.wish(2, edit(2, "b")), log.named(3), "it says that already");
    log.expect(2, edit(2, "a"));
    assert_eq!(log.wish(2, edit(2, "a")), log.named(4));
    log.expect(2, delete(2));
    assert_eq!(refused(&log.wish(2, edit(2, "d"))), NO_MESSAGE);
}

#[test]
fn an_edit_that_changes_nothing_names_the_message() {
    let mut log = Log::group(&[], Settings::default());
    log.expect(1, say("a"));
    assert_eq!(log.wish(1, edit(2, "a")), log.named(2));
}

#[test]
fn edits_come_to_an_end() {
    let mut log = Log::group(&[], Settings::default());
    log.expect(1, say("a"));
    for n in 0..limits::EDITS_MAX {
        log.expect(1, edit(2, &n.to_string()));
    }
    let found = log.wish(1, edit(2, "more"));
    assert_eq!(refused(&found), Some((Code::TooManyEdits, Some("target"))));
}

#[test]
fn who_may_not_send_may_not_edit() {
    let mut log = Log::group(&[2], Settings::default());
    log.expect(2, say("a"));
    let change = SettingsChange { send: Some(Who::Admins), ..SettingsChange::default() };
    log.expect(1, Action::Settings(change));
    assert_eq!(refused(&log.wish(2, say("b"))), FORBIDDEN);
    assert_eq!(refused(&log.wish(2, edit(2, "b"))), FORBIDDEN);
    log.expect(2, react(2, "👍"));
    log.expect(2, delete(2));
    log.expect(1, say("owners may"));
}

#[test]
fn the_sender_and_admins_delete() {
    let mut log = Log::group(&[2, 3, 4], Settings::default());
    log.expect(1, Action::Role { account: account(3), role: Role::Admin });
    log.expect(2, say("a"));
    log.expect(2, say("b"));
    assert_eq!(refused(&log.wish(4, delete(3))), FORBIDDEN);
    let decided = log.expect(2, delete(3));
    assert_eq!(decided.entry.rows.overlay, Some((seq(3), OverlayChange::Deleted)));
    log.expect(3, delete(4));
    assert_eq!(log.wish(2, delete(3)), log.named(5), "deleted already");
    assert_eq!(refused(&log.wish(4, delete(3))), FORBIDDEN);
    let mut direct = Log::direct();
    assert_eq!(refused(&direct.wish(2, delete(2))), FORBIDDEN);
}

#[test]
fn what_is_gone_cannot_be_changed() {
    let mut log = Log::group(&[], Settings::default());
    log.expect(1, say("a"));
    log.records[1].payload = Payload::Gone { digest: chain::digest_of(&log.records[1]) };
    for action in [edit(2, "b"), delete(2), react(2, "👍"), unreact(2, "👍")] {
        assert_eq!(refused(&log.wish(1, action)), NO_MESSAGE);
    }
}

#[test]
fn reactions_come_and_go() {
    let mut log = Log::group(&[2], Settings::default());
    log.expect(1, say("a"));
    log.expect(2, react(2, "👍"));
    assert_eq!(log.wish(2, react(2, "👍")), log.named(3), "there already");
    log.expect(1, react(2, "👍"));
    log.expect(2, react(2, "❤️"));
    log.expect(2, unreact(2, "👍"));
    assert_eq!(log.wish(2, unreact(2, "👍")), log.named(2), "as the message began");
    log.expect(2, react(2, "👍"));
    assert_eq!(refused(&log.wish(2, react(3, "👍"))), NO_MESSAGE, "a reaction is no message");
    log.expect(1, delete(2));
    assert_eq!(refused(&log.wish(2, react(2, "👍"))), NO_MESSAGE);
    assert_eq!(refused(&log.wish(2, unreact(2, "👍"))), NO_MESSAGE);
}

#[test]
fn so_many_different_reactions_and_no_more() {
    let mut log = Log::group(&[2], Settings::default());
    log.expect(1, say("a"));
    let faces = ('😀'..).map(|face| face.to_string());
    for face in faces.take(limits::REACTIONS_MAX) {
        log.expect(1, react(2, &face));
    }
    let found = log.wish(2, react(2, "👍"));
    assert_eq!(refused(&found), Some((Code::TooManyReactions, Some("emoji"))));
    log.expect(2, react(2, "😀"));
    log.expect(1, unreact(2, "😀"));
    log.expect(2, unreact(2, "😀"));
    log.expect(2, react(2, "👍"));
}

#[test]
fn without_the_third_fact_a_change_that_changes_nothing_still_changes_nothing() {
    let mut log = Log::group(&[], Settings::default());
    log.expect(1, say("a"));
    log.expect(1, react(2, "👍"));
    let command = log.command(1, id(900), react(2, "👍"));
    let facts = Facts { made: None, ..log.facts(&command) };
    assert_eq!(decide(&log.state, &facts, &command, &stamp(900)), log.named(2));
}

#[test]
fn history_decides_what_a_newcomer_can_refer_to() {
    let settings = Settings { history: History::All, ..Settings::default() };
    let mut log = Log::group(&[], settings);
    log.expect(1, say("before"));
    log.expect(1, Action::Add { accounts: vec![account(3)] });
    log.expect(3, react(2, "👍"));
}
