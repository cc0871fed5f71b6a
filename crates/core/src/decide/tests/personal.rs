//! What somebody keeps of conversations, and devices that want different things at the same time.

use std::collections::BTreeMap;

use parlance_types::{ConversationId, DraftText, Personal, PersonalAt, PersonalChange, limits};
use proptest::prelude::*;

use super::*;
use crate::testkit::any_personal;

fn log() -> Log {
    Log::new(identity::devices(account(1)))
}

fn about(n: u64) -> ConversationId {
    identity::group(account(1), &n.to_string())
}

fn wish(n: u64, based_on: Option<u64>, personal: Personal) -> Action {
    let based_on = based_on.map(seq);
    Action::Personal(Box::new(PersonalChange { conversation: about(n), based_on, personal }))
}

fn archived() -> Personal {
    Personal { archived: true, ..Personal::default() }
}

fn draft(text: &str) -> Personal {
    Personal { draft: DraftText::new(text).ok(), ..Personal::default() }
}

#[test]
fn the_first_wish_makes_the_log_and_only_its_owner_can() {
    let mut log = log();
    let stranger = log.wish(2, wish(1, None, archived()));
    assert_eq!(refused(&stranger), Some((Code::NotFound, None)));
    assert_eq!(refused(&log.wish(1, say("x"))), Some((Code::NotFound, None)));
    let decided = log.expect(1, wish(1, None, archived()));
    assert_eq!((log.records.len(), decided.event.seq), (2, seq(2)));
    assert_eq!(log.state.kind(), Some(ConversationKind::Account));
    assert_eq!((&*decided.audience, decided.event.ordinal.get()), (&[account(1)][..], 0));
    let stranger = log.wish(2, wish(1, None, archived()));
    assert_eq!(refused(&stranger), Some((Code::NotFound, None)));
}

#[test]
fn it_has_nothing_but_what_is_for_devices_and_no_other_conversation_has_that() {
    let mut own = log();
    own.expect(1, wish(1, None, archived()));
    for action in every_action() {
        assert!(matches!(own.wish(1, action), Decision::Refused(r) if r.code == Code::WrongKind));
    }
    for mut log in [Log::direct(), Log::group(&[2], Settings::default())] {
        let refusal = refused(&log.wish(1, wish(1, None, archived())));
        assert_eq!(refusal, Some((Code::WrongKind, None)));
    }
    let itself = PersonalChange {
        conversation: identity::devices(account(1)),
        based_on: None,
        personal: archived(),
    };
    let refusal = refused(&own.wish(1, Action::Personal(Box::new(itself))));
    assert_eq!(refusal, Some((Code::NotFound, Some("conversation"))));
}

#[test]
fn whoever_was_second_is_refused_and_learns_what_is_so() {
    let mut log = log();
    log.expect(1, wish(1, None, archived()));
    log.expect(1, wish(1, Some(2), draft("one")));
    let Decision::Refused(refusal) = log.wish(1, wish(1, Some(2), draft("two"))) else {
        panic!("it is based on what is no longer so");
    };
    assert_eq!((refusal.code, refusal.field), (Code::Outdated, Some("based_on")));
    let current = refusal.current.expect("told");
    assert_eq!(*current, PersonalAt { seq: seq(3), personal: draft("one") });
    log.expect(1, wish(1, Some(current.seq.get()), draft("two")));
    // Another conversation is another value.
    log.expect(1, wish(2, None, archived()));
    let ahead = refused(&log.wish(1, wish(2, Some(9), draft("x"))));
    assert_eq!(ahead, Some((Code::SeqUnknown, Some("based_on"))));
}

#[test]
fn wishing_what_is_so_changes_nothing_whatever_it_is_based_on() {
    let mut log = log();
    log.expect(1, wish(1, None, archived()));
    assert_eq!(
        log.wish(1, wish(2, None, Personal::default())),
        log.named(1),
        "never was otherwise"
    );
    log.expect(1, wish(1, Some(2), draft("x")));
    for based_on in [None, Some(1), Some(2), Some(3)] {
        assert_eq!(log.wish(1, wish(1, based_on, draft("x"))), log.named(3));
    }
}

#[test]
fn a_retry_gets_the_first_answer_even_when_others_went_on() {
    let mut log = log();
    let command = log.command(1, id(1), wish(1, None, archived()));
    log.submit(&command, &stamp(1));
    log.expect(1, wish(1, Some(2), draft("later")));
    assert_eq!(log.submit(&command, &stamp(9)), log.named(2));
    let other = log.command(1, id(1), wish(1, None, draft("x")));
    let refusal = refused(&log.submit(&other, &stamp(9)));
    assert_eq!(refusal, Some((Code::MessageIdConflict, Some("message_id"))));
}

#[test]
fn what_can_be_kept_is_bounded_and_giving_back_makes_room() {
    let mut log = log();
    let full = Some((Code::TooManyPersonal, Some("conversation")));
    for n in 0..limits::DRAFTS_MAX as u64 {
        log.expect(1, wish(n, None, draft("x")));
    }
    assert_eq!(refused(&log.wish(1, wish(1_000, None, draft("x")))), full);
    log.expect(1, wish(0, Some(2), draft("another text in its place")));
    for n in limits::DRAFTS_MAX as u64..limits::PERSONAL_MAX as u64 {
        log.expect(1, wish(n, None, archived()));
    }
    assert_eq!(refused(&log.wish(1, wish(9_999, None, archived()))), full);
    log.expect(1, wish(1, Some(3), Personal::default()));
    log.expect(1, wish(9_999, None, draft("x")));
}

#[test]
fn a_device_that_slept_is_told_even_of_what_was_forgotten() {
    let mut log = log();
    log.expect(1, wish(0, None, archived()));
    log.expect(1, wish(0, Some(2), Personal::default()));
    for n in 1..1_500 {
        let made = log.expect(1, wish(n, log.state.seq().map(Seq::get), archived())).event.seq;
        log.expect(1, wish(n, Some(made.get()), Personal::default()));
    }
    let kept = log.state.shelf().expect("something was kept").iter().count();
    assert!(kept <= 1_000, "{kept}");
    let Decision::Refused(refusal) = log.wish(1, wish(0, Some(2), archived())) else {
        panic!("it does not know that the settings were given back");
    };
    let current = refusal.current.expect("told");
    assert!(current.personal.is_default() && current.seq > seq(3));
    log.expect(1, wish(0, Some(current.seq.get()), archived()));
}

/// A device: what it knows of each conversation, and what it wants next.
#[derive(Default)]
struct Device {
    known: BTreeMap<ConversationId, PersonalAt>,
    read: usize,
}

impl Device {
    /// Reads the log as far as `up_to`.
    fn follow(&mut self, log: &Log, up_to: usize) {
        for decided in &log.decided[self.read..up_to.max(self.read)] {
            if let parlance_types::Body::Personal(change) = &decided.event.content.body {
                let at = PersonalAt { seq: decided.event.seq, personal: change.personal.clone() };
                self.known.insert(change.conversation, at);
            }
        }
        self.read = self.read.max(up_to);
    }
}

proptest! {
    /// Devices that read the log late and wish what they like: nobody's wish is lost without its being told, and in the end all agree.
    #[test]
    fn racing_devices_converge(
        wishes in prop::collection::vec((0..3_usize, any_personal(), any::<prop::sample::Index>()), 1..60),
    ) {
        let mut log = log();
        let mut devices: [Device; 3] = Default::default();
        for (device, wish, lag) in wishes {
            let device = &mut devices[device];
            device.follow(&log, lag.index(log.decided.len() + 1));
            let based_on = device.known.get(&wish.conversation).map(|known| known.seq);
            let change = PersonalChange { based_on, ..*wish };
            let before = log.state.shelf().and_then(|shelf| shelf.get(change.conversation));
            match log.wish(1, Action::Personal(Box::new(change.clone()))) {
                // It knew what it replaced.
                Decision::Decided(_) => prop_assert_eq!(before.map(|kept| kept.seq), based_on),
                // It is so already.
                Decision::Duplicate(_) => {
                    let so = before.map_or_else(Personal::default, |kept| kept.personal.clone());
                    prop_assert_eq!(so, change.personal);
                }
                Decision::Refused(refusal) => {
                    prop_assert_eq!(refusal.code, Code::Outdated);
                    prop_assert!(before.as_ref().map(|kept| kept.seq) > based_on);
                    let current = refusal.current.expect("told");
                    prop_assert_eq!(Some(&current), before.as_ref());
                    device.known.insert(change.conversation, (*current).clone());
                }
            }
        }
        let length = log.decided.len();
        for device in &mut devices {
            device.follow(&log, length);
        }
        let kept: BTreeMap<_, _> = log.state.shelf().into_iter().flat_map(|shelf| shelf.iter())
            .map(|(conversation, kept)| (conversation, (**kept).clone())).collect();
        for device in &devices {
            prop_assert_eq!(&device.known, &kept);
        }
    }
}
