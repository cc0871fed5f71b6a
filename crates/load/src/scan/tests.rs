use proptest::prelude::*;
use serde_json::json;

use super::*;

const CONVERSATION: &str = "8f1c0000-0000-8200-8000-000000000001";
const MESSAGE: &str = "01920000-0000-7000-8000-000000000002";
const SENDER: &str = "01920000-0000-7000-8000-000000000003";

fn all(text: &str) -> Vec<Frame<'_>> {
    let mut found = Vec::new();
    frames(text, |frame| found.push(frame)).unwrap();
    found
}

#[test]
fn an_event_gives_up_its_fields_whatever_its_text_pretends() {
    let text = json!({"event": {
        "body": {"kind": "text", "text": "\"seq\":9,\"hash\":\"}]\\"},
        "conversation": CONVERSATION, "seq": 7, "sender": SENDER, "message_id": MESSAGE,
        "hash": "ab".repeat(16), "at": 1, "ordinal": 3,
    }})
    .to_string();
    let Frame::Event(event) = all(&text)[0] else { panic!("{text}") };
    assert_eq!((event.seq, event.hash), (7, [0xab; 16]));
    assert_eq!(event.conversation.to_string(), CONVERSATION);
    assert_eq!(event.message_id.to_string(), MESSAGE);
}

#[test]
fn arrays_of_frames_are_taken_apart() {
    let ok = json!({"ok": {"id": 1, "conversation": CONVERSATION, "message_id": MESSAGE,
        "seq": 2, "hash": "00".repeat(16), "duplicate": true}});
    let text = json!([ok, {"pong": {"n": 1}}]).to_string();
    let found = all(&text);
    assert!(matches!(found[0], Frame::Ok(OkFields { id: 1, seq: 2, duplicate: true, .. })));
    assert_eq!(found[1], Frame::Other("pong", r#"{"n":1}"#));
}

#[test]
fn white_space_is_allowed_everywhere() {
    let found = all(" [ { \"pong\" : { \"n\" : 1 } } , {\"lag\":{}} ] ");
    assert_eq!(found.len(), 2);
    let Frame::Other("pong", value) = found[0] else { panic!("{found:?}") };
    assert_eq!(field(value, "n"), Some("1"));
}

#[test]
fn what_is_no_frame_is_named() {
    for text in ["", "{", "[", "{}", "1", "[{\"ok\"", "{\"event\":{\"seq\":1}}"] {
        assert!(frames(text, |_| ()).is_err(), "{text}");
    }
}

proptest! {
    #[test]
    fn any_text_between_is_skipped(text in ".{0,40}", other in ".{0,10}") {
        let frame = json!({"note": {"a": text, "b": [{"c": other}], "d": 5}}).to_string();
        let found = all(&frame);
        let Frame::Other("note", value) = found[0] else { panic!("{found:?}") };
        prop_assert_eq!(field(value, "d"), Some("5"));
    }

    #[test]
    fn outside_bytes_never_panic(text in "[\\[\\]{}\",:\\\\a1 ]{0,30}") {
        let _ = frames(&text, |_| ());
        let _ = elements(&text);
    }
}
