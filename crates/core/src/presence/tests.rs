use proptest::prelude::*;

use super::*;

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

fn connection(number: u8) -> ConnectionId {
    ConnectionId::from_bytes([number; 16])
}

fn said(state: PresenceState, text: Option<&str>) -> PresenceRequest {
    let text = text.map(|text| Title::new(text).expect("a line"));
    PresenceRequest { state, text, until: None }
}

fn at(ms: u64) -> Micros {
    Micros::from_ms(ms)
}

#[test]
fn away_is_who_is_away_from_every_device() {
    let mut status = Status::default();
    assert_eq!(status.shown(0).state, PresenceState::Offline);
    assert_eq!(status.shown(2).state, PresenceState::Online);
    status.say(at(0), Some(connection(1)), &said(PresenceState::Away, None));
    status.say(at(0), Some(connection(1)), &said(PresenceState::Away, None));
    assert_eq!(status.shown(2).state, PresenceState::Online, "the other one is in use");
    status.say(at(0), Some(connection(2)), &said(PresenceState::Away, None));
    assert_eq!(status.shown(2).state, PresenceState::Away);
    status.say(at(0), Some(connection(2)), &said(PresenceState::Online, None));
    assert_eq!(status.shown(2).state, PresenceState::Online);
    status.forget(connection(2));
    assert_eq!(status.shown(1).state, PresenceState::Away);
}

#[test]
fn a_choice_holds_on_every_device_until_it_is_taken_back_or_ends() {
    let mut status = Status::default();
    assert!(status.say(at(0), Some(connection(1)), &said(PresenceState::Busy, Some("writing"))));
    assert_eq!(status.shown(3).state, PresenceState::Busy);
    assert_eq!(status.shown(0).state, PresenceState::Offline);
    status.say(at(0), Some(connection(2)), &said(PresenceState::Away, None));
    let back = status.say(at(1), Some(connection(2)), &said(PresenceState::Online, None));
    assert!(!back, "who comes back to a device is still busy");
    assert_eq!(status.shown(3).text.as_deref(), Some("writing"));
    assert!(status.say(at(1), Some(connection(2)), &said(PresenceState::Online, None)));
    assert_eq!(status, Status::default());

    status.say(at(0), None, &said(PresenceState::Busy, None));
    assert!(!status.expire(at(DAY_MS - 1)));
    assert!(status.expire(at(DAY_MS)));
    assert!(status.is_plain());

    let over = PresenceRequest { until: Some(at(5)), ..said(PresenceState::Busy, None) };
    status.say(at(5), None, &over);
    assert!(status.is_plain(), "it was over before it began");
    let forever = PresenceRequest { until: Some(at(1_000 * DAY_MS)), ..over };
    status.say(at(0), None, &forever);
    assert_eq!(status.until(), Some(at(limits::PRESENCE_MS_MAX)));
}

fn state() -> impl Strategy<Value = PresenceState> {
    prop::sample::select(&PresenceState::ALL[..4])
}

proptest! {
    #[test]
    fn whoever_is_invisible_looks_like_somebody_who_is_offline(
        steps in prop::collection::vec((0..4_u8, state(), any::<bool>()), 0..20),
        connections in 0..5_usize,
    ) {
        let mut status = Status::default();
        for (number, state, talks) in steps {
            let said = said(state, talks.then_some("hm"));
            status.say(at(0), Some(connection(number)), &said);
        }
        prop_assert_ne!(status.shown(connections).state, PresenceState::Invisible);
        if status.is_invisible() {
            prop_assert_eq!(status.shown(connections), status.shown(0));
            prop_assert_eq!(status.own(connections).state, PresenceState::Invisible);
        }
    }
}
