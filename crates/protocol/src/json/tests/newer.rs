//! A client lives with servers that are newer than it.

use parlance_types::frame::{PageEntry, ServerFrame};
use parlance_types::{Body, CloseCode, Code};
use serde_json::{Value, json};

use super::*;

fn read(value: &Value) -> Vec<ServerFrame> {
    decode_server(value.to_string().as_bytes()).unwrap()
}

fn event(body: &Value) -> Value {
    json!({
        "conversation": "8f1c0000-0000-8200-8000-000000000001",
        "seq": 7,
        "at": 1_795_430_000_123_456_u64,
        "sender": "01920000-0000-7000-8000-000000000002",
        "message_id": "01920000-0000-7000-8000-000000000003",
        "ordinal": 5,
        "hash": "ab".repeat(16),
        "body": body,
        "colour": {"of": ["the", "future"]},
    })
}

#[test]
fn frames_and_fields_of_later_versions_are_left_out() {
    assert_eq!(read(&json!({"dance": {"account": "x"}})), []);
    let frames = read(&json!([{"hologram": []}, {"pong": {"n": 1, "mood": "good"}}]));
    assert_eq!(frames, [ServerFrame::Pong { n: 1, cursor: None }]);
}

#[test]
fn a_kind_of_later_versions_shows_its_words() {
    let poll = event(&json!({"kind": "poll", "choices": [1, 2], "alt": "Poll: tea or coffee?"}));
    let [ServerFrame::Event(event)] = &read(&json!({"event": poll}))[..] else {
        panic!("one event")
    };
    let Body::Text { text, entities } = &event.content.body else { panic!("a text") };
    assert_eq!((text.as_str(), entities.len()), ("Poll: tea or coffee?", 0));
}

#[test]
fn without_words_a_live_event_is_left_out_and_one_in_a_page_has_no_body() {
    let poll = event(&json!({"kind": "poll", "choices": [1, 2]}));
    assert_eq!(read(&json!({"event": poll})), []);
    let page = json!({"page": {
        "id": 1, "conversation": poll["conversation"], "people": [], "events": [poll], "head": 7, "first": 1,
    }});
    let [ServerFrame::Page(page)] = &read(&page)[..] else { panic!("one page") };
    assert!(matches!(&page.events[..], [PageEntry::Deleted(deleted)] if deleted.seq.get() == 7));
}

#[test]
fn an_entity_of_later_versions_is_left_out() {
    let text = event(&json!({"kind": "text", "text": "abc", "entities": [
        {"kind": "blink", "offset": 0, "length": 1},
        {"kind": "bold", "offset": 1, "length": 1},
    ]}));
    let [ServerFrame::Event(event)] = &read(&json!({"event": text}))[..] else {
        panic!("one event")
    };
    assert_eq!(event.content.body.text().unwrap().1.len(), 1);
}

#[test]
fn codes_of_later_versions_keep_their_advice() {
    let code = |number: u16, retry: &str| {
        let error =
            json!({"error": {"code": "later", "number": number, "message": "m", "retry": retry}});
        let [ServerFrame::Error(error)] = &read(&error)[..] else { panic!("one error") };
        assert_eq!(error.message.as_deref(), Some("m"));
        error.code
    };
    for (retry, expected) in
        [("never", Code::Forbidden), ("now", Code::OutcomeUnknown), ("after", Code::Unavailable)]
    {
        assert_eq!(code(1999, retry), expected);
        assert_eq!(code(1999, retry).retry().as_str(), retry);
    }
    assert_eq!(code(1999, "reauthenticate").retry().as_str(), "reauthenticate");
    assert_eq!(code(1201, "never"), Code::NotFound, "a known number decides");

    let bye = |number: u16| {
        let [ServerFrame::Bye(bye)] = &read(&json!({"bye": {"code": number}}))[..] else {
            panic!("one bye")
        };
        bye.code
    };
    for (number, expected) in [
        (4099, CloseCode::Silent),
        (4199, CloseCode::ShuttingDown),
        (4299, CloseCode::Unauthenticated),
        (4399, CloseCode::Overloaded),
        (4499, CloseCode::ProtocolViolation),
    ] {
        assert_eq!(bye(number), expected);
        assert_eq!(bye(number).number() / 100, number / 100, "the range is kept");
    }
}

#[test]
fn what_a_known_frame_lacks_is_named() {
    for (value, field) in [
        (json!({"pong": {"n": "1"}}), "pong.n"),
        (json!({"lag": {"cursor": "x"}}), "lag.cursor"),
        (
            json!({"event": event(&json!({"kind": "react", "target": 0, "emoji": "👍"}))}),
            "event.body.target",
        ),
        (json!({"event": event(&json!({"kind": "remove"}))}), "event.body.account"),
    ] {
        let error = decode_server(value.to_string().as_bytes()).unwrap_err();
        assert_eq!(error.field.as_deref(), Some(field), "{value}");
    }
    for text in ["", "[", "{}", "7", "{\"pong\":{\"n\":1},\"lag\":1}"] {
        assert_eq!(
            decode_server(text.as_bytes()).unwrap_err().code,
            Code::MalformedFrame,
            "{text}"
        );
    }
}
