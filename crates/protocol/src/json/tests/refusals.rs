//! What bad input gets: a code, the field at fault, and the other frames of the message all the same.

use parlance_types::frame::ClientFrame;
use parlance_types::{Code, limits};
use serde_json::{Value, json};

use super::*;

const A: &str = "01920000-0000-7000-8000-000000000002";
const C: &str = "8f1c0000-0000-8200-8000-000000000001";
const M: &str = "01920000-0000-7000-8000-000000000003";

fn refusal(bytes: &[u8]) -> DecodeError {
    let mut frames = decoded(bytes);
    assert_eq!(frames.len(), 1, "{}: {frames:?}", String::from_utf8_lossy(bytes));
    frames.remove(0).expect_err(&String::from_utf8_lossy(bytes))
}

fn check(bytes: &[u8], id: Option<u64>, code: Code, field: Option<&str>) {
    let error = refusal(bytes);
    let what = (error.id, error.code, error.field.as_deref());
    assert_eq!(what, (id, code, field), "{} {error:?}", String::from_utf8_lossy(bytes));
    assert!(error.message.is_some_and(|message| !message.is_empty()), "the remedy is named");
}

/// A `send` with some fields replaced.
fn send(changes: &Value) -> String {
    let mut fields = json!({"id": 7, "conversation": C, "message_id": M, "body": {"kind": "text", "text": "hi"}});
    for (name, value) in changes.as_object().unwrap() {
        fields[name] = value.clone();
    }
    json!({"send": fields}).to_string()
}

fn refuse_send(changes: &Value, field: &str) {
    check(send(changes).as_bytes(), Some(7), Code::InvalidField, Some(field));
}

#[test]
fn what_is_not_json_is_refused_as_a_whole() {
    for bytes in [
        &b""[..],
        b" ",
        b"{",
        b"[",
        b"[{\"ping\":{\"n\":1}}",
        b"[{\"ping\":{\"n\":1}},]",
        b"{\"ping\":{\"n\":01}}",
        b"{\"ping\":{\"n\":1}}{\"ping\":{\"n\":2}}",
        b"{\"send\":{\"id\":7,\"body\":",
        b"{\"ping\":{\"n\":\xff}}",
        b"{\"hello\":{\"token\":\"\xed\xa0\x80\"}}",
        b"{\"hello\":{\"token\":\"\n\"}}",
        b"nonsense",
    ] {
        check(bytes, None, Code::MalformedFrame, None);
    }
}

#[test]
fn a_frame_is_an_object_with_one_key() {
    for text in [
        "{}",
        "7",
        "null",
        "\"ping\"",
        "{\"ping\":{\"n\":1},\"pong\":{}}",
        "[[]]",
        "[[{\"ping\":{\"n\":1}}]]",
    ] {
        check(text.as_bytes(), None, Code::MalformedFrame, None);
    }
    assert_eq!(decoded(b"[]"), []);
}

#[test]
fn unknown_frames_and_kinds_are_refused_and_unknown_fields_ignored() {
    check(br#"{"dance":{"id":3}}"#, Some(3), Code::UnknownFrame, None);
    check(br#"{"ok":{}}"#, None, Code::UnknownFrame, None);
    let poll = send(&json!({"body": {"kind": "poll", "choices": []}}));
    check(poll.as_bytes(), Some(7), Code::UnknownKind, Some("send.body.kind"));
    let nested = send(&json!({"body": {"kind": "edit", "target": 1, "body": {"kind": "leave"}}}));
    check(nested.as_bytes(), Some(7), Code::UnknownKind, Some("send.body.body.kind"));
    let more = send(
        &json!({"mood": {"deep": [1.5, -2, 1e300]}, "body": {"kind": "text", "text": "hi", "x": null}}),
    );
    assert_eq!(decoded(more.as_bytes()), decoded(send(&json!({})).as_bytes()));
    assert!(decoded(more.as_bytes())[0].is_ok());
}

#[test]
fn a_wrong_frame_does_not_take_the_others_with_it() {
    let text = r#"[{"ping":{"n":1}},{"ping":{"n":-1}},{"nope":{}},7,{"fetch":{"limit":0,"id":9}},{"ping":{"n":2}}]"#;
    let frames = decoded(text.as_bytes());
    let codes: Vec<_> =
        frames.iter().map(|frame| frame.as_ref().map_err(|error| (error.code, error.id))).collect();
    assert_eq!(
        codes,
        [
            Ok(&ClientFrame::Ping { n: 1 }),
            Err((Code::InvalidField, None)),
            Err((Code::UnknownFrame, None)),
            Err((Code::MalformedFrame, None)),
            Err((Code::InvalidField, Some(9))),
            Ok(&ClientFrame::Ping { n: 2 }),
        ]
    );
}

#[test]
fn missing_fields_are_named() {
    for (text, id, field) in [
        (r#"{"hello":{}}"#.to_owned(), None, "hello.token"),
        (r#"{"ping":{}}"#.to_owned(), None, "ping.n"),
        (r#"{"send":{}}"#.to_owned(), None, "send.id"),
        (send(&json!({"id": null})), None, "send.id"),
        (send(&json!({"body": null})), Some(7), "send.body"),
        (send(&json!({"conversation": null})), Some(7), "send.conversation"),
        (send(&json!({"message_id": null})), Some(7), "send.message_id"),
        (r#"{"sync":{}}"#.to_owned(), None, "sync.id"),
        (r#"{"fetch":{"id":1}}"#.to_owned(), Some(1), "fetch.conversation"),
        (
            json!({"fetch": {"id": 1, "conversation": C, "changes_after": 1}}).to_string(),
            Some(1),
            "fetch.up_to",
        ),
        (json!({"mark": {"conversation": C}}).to_string(), None, "mark.read"),
    ] {
        check(text.as_bytes(), id, Code::InvalidField, Some(field));
    }
    for (body, field) in [
        (json!({}), "send.body.kind"),
        (json!({"kind": "text"}), "send.body.text"),
        (json!({"kind": "edit", "target": 1}), "send.body.body"),
        (json!({"kind": "edit", "body": {"kind": "text", "text": "x"}}), "send.body.target"),
        (json!({"kind": "edit", "target": 1, "body": {"text": "x"}}), "send.body.body.kind"),
        (json!({"kind": "delete"}), "send.body.target"),
        (json!({"kind": "react", "target": 1}), "send.body.emoji"),
        (json!({"kind": "unreact", "emoji": "👍"}), "send.body.target"),
        (json!({"kind": "create", "members": []}), "send.body.key"),
        (json!({"kind": "create", "key": "k"}), "send.body.members"),
        (json!({"kind": "add"}), "send.body.accounts"),
        (json!({"kind": "remove"}), "send.body.account"),
        (json!({"kind": "role", "account": A}), "send.body.role"),
        (json!({"kind": "rename"}), "send.body.title"),
    ] {
        refuse_send(&json!({"body": body}), field);
    }
}

#[test]
fn values_that_are_not_allowed_are_named() {
    for (changes, field) in [
        (json!({"conversation": 5}), "send.conversation"),
        (json!({"conversation": C.to_uppercase()}), "send.conversation"),
        (json!({"message_id": "x"}), "send.message_id"),
        (json!({"to": A}), "send.to"),
        (json!({"seen": 0}), "send.seen"),
        (json!({"seen": 1.5}), "send.seen"),
        (json!({"reply_to": 1_u64 << 53}), "send.reply_to"),
        (json!({"silent": "yes"}), "send.silent"),
        (json!({"body": "text"}), "send.body"),
        (json!({"body": ["text", "hi"]}), "send.body"),
        (json!({"body": {"kind": 1}}), "send.body.kind"),
        (json!({"body": {"kind": "text", "text": ""}}), "send.body.text"),
        (json!({"body": {"kind": "text", "text": 5}}), "send.body.text"),
        (json!({"body": {"kind": "text", "text": "x".repeat(20_001)}}), "send.body.text"),
        (json!({"body": {"kind": "text", "text": "日".repeat(13_334)}}), "send.body.text"),
        (json!({"body": {"kind": "react", "target": 1, "emoji": "lol"}}), "send.body.emoji"),
        (json!({"body": {"kind": "create", "key": "", "members": []}}), "send.body.key"),
        (
            json!({"body": {"kind": "create", "key": "k".repeat(65), "members": []}}),
            "send.body.key",
        ),
        (
            json!({"body": {"kind": "create", "key": "k", "members": [A, 5]}}),
            "send.body.members[1]",
        ),
        (json!({"body": {"kind": "create", "key": "k", "members": []}}), "send.conversation"),
        (json!({"body": {"kind": "role", "account": A, "role": "king"}}), "send.body.role"),
        (json!({"body": {"kind": "rename", "title": " "}}), "send.body.title"),
        (json!({"body": {"kind": "settings", "history": "some"}}), "send.body.history"),
    ] {
        refuse_send(&changes, field);
    }
    check(br#"{"ping":{"n":18446744073709551616}}"#, None, Code::InvalidField, Some("ping.n"));
    check(br#"{"ping":{"n":1e400}}"#, None, Code::InvalidField, Some("ping.n"));
    check(br#"{"ping":[1]}"#, None, Code::InvalidField, Some("ping"));
    check(
        br#"{"hello":{"token":"t","cursor":"AAAA"}}"#,
        None,
        Code::InvalidField,
        Some("hello.cursor"),
    );
    check(br#"{"sync":{"id":1,"limit":101}}"#, Some(1), Code::InvalidField, Some("sync.limit"));
    let both = json!({"fetch": {"id": 1, "conversation": C, "after": 1, "before": 2}}).to_string();
    check(both.as_bytes(), Some(1), Code::InvalidField, Some("fetch.before"));
}

#[test]
fn half_a_character_is_refused_where_it_stands() {
    let text = send(&json!({})).replace("\"hi\"", r#""\ud83d""#);
    check(text.as_bytes(), Some(7), Code::InvalidField, Some("send.body.text"));
    let pair = send(&json!({})).replace("\"hi\"", r#""\ud83d\ude00""#);
    assert!(decoded(pair.as_bytes())[0].is_ok());
}

#[test]
fn a_key_that_stands_twice_is_refused() {
    check(br#"{"ping":{"n":1,"n":1}}"#, None, Code::InvalidField, Some("ping"));
    check(br#"{"ping":{"n":1},"ping":{"n":1}}"#, None, Code::MalformedFrame, None);
    let twice = send(&json!({})).replace("\"text\":\"hi\"", "\"text\":\"hi\",\"text\":\"ho\"");
    check(twice.as_bytes(), Some(7), Code::InvalidField, Some("send.body"));
}

#[test]
fn entities_lie_within_the_text_and_cut_nothing() {
    // 😀 is two units, é is one: the boundaries are 0, 1, 3, 4.
    for (offset, length, field) in [
        (0, 0, Some("length")),
        (0, 1, None),
        (0, 2, Some("length")),
        (0, 4, None),
        (0, 5, Some("length")),
        (2, 1, Some("offset")),
        (1, 2, None),
        (4, 1, Some("length")),
        (5, 1, Some("offset")),
        (u32::MAX, u32::MAX, Some("offset")),
        (1, u32::MAX, Some("length")),
    ] {
        let entity = json!({"kind": "bold", "offset": offset, "length": length});
        let text = send(&json!({"body": {"kind": "text", "text": "a😀é", "entities": [entity]}}));
        match field {
            None => assert!(decoded(text.as_bytes())[0].is_ok(), "{offset} {length}"),
            Some(field) => {
                let field = format!("send.body.entities[0].{field}");
                check(text.as_bytes(), Some(7), Code::InvalidField, Some(&field));
            }
        }
    }
    let bold = json!({"kind": "bold", "offset": 0, "length": 1});
    for (entity, field) in [
        (json!({"kind": "mention", "offset": 0, "length": 1}), "send.body.entities[1].account"),
        (json!({"kind": "blink", "offset": 0, "length": 1}), "send.body.entities[1].kind"),
        (json!({"offset": 0, "length": 1}), "send.body.entities[1].kind"),
        (json!({"kind": "bold", "length": 1}), "send.body.entities[1].offset"),
        (json!({"kind": "bold", "offset": -1, "length": 1}), "send.body.entities[1].offset"),
        (
            json!({"kind": "pre", "offset": 0, "length": 1, "language": "x".repeat(33)}),
            "send.body.entities[1].language",
        ),
        (json!(["bold", 0, 1]), "send.body.entities[1]"),
    ] {
        refuse_send(
            &json!({"body": {"kind": "text", "text": "abc", "entities": [bold, entity]}}),
            field,
        );
    }
    let many = vec![bold; limits::ENTITIES_MAX + 1];
    refuse_send(
        &json!({"body": {"kind": "text", "text": "abc", "entities": many}}),
        "send.body.entities",
    );
}

#[test]
fn nesting_has_a_limit_and_brackets_in_text_are_not_nesting() {
    let nested = |depth: usize| {
        format!("{{\"ping\":{{\"n\":1,\"x\":{}1{}}}}}", "[".repeat(depth), "]".repeat(depth))
    };
    assert!(decoded(nested(limits::DEPTH_MAX - 2).as_bytes())[0].is_ok());
    check(nested(limits::DEPTH_MAX - 1).as_bytes(), None, Code::MalformedFrame, None);
    check(nested(50_000).as_bytes(), None, Code::MalformedFrame, None);
    let text = send(&json!({"body": {"kind": "text", "text": "\\\"[{".repeat(100)}}));
    assert!(decoded(text.as_bytes())[0].is_ok());
}

#[test]
fn size_and_number_of_frames_have_limits() {
    let long = send(&json!({"padding": "x".repeat(limits::FRAME_BYTES_MAX)}));
    check(long.as_bytes(), Some(7), Code::FrameTooLarge, None);
    let frames = |count| format!("[{}]", vec!["{\"ping\":{\"n\":1}}"; count].join(","));
    assert_eq!(decoded(frames(limits::FRAMES_MAX).as_bytes()).len(), limits::FRAMES_MAX);
    check(frames(limits::FRAMES_MAX + 1).as_bytes(), None, Code::FrameTooLarge, None);
}

#[test]
fn what_was_sent_is_never_repeated() {
    for text in [
        r#"{"hello":{"token":["s3cret expected s3cret at line s3cret"]}}"#.to_owned(),
        r#"{"hello":{"token":"t","cursor":"s3cret"}}"#.to_owned(),
        send(&json!({"message_id": "s3cret expected \" at line 5"})),
        send(&json!({"silent": "s3cret at line"})),
        send(&json!({"body": {"kind": "role", "account": A, "role": "s3cret"}})),
        r#"{"s3cret":{}}"#.to_owned(),
    ] {
        let error = refusal(text.as_bytes());
        assert!(!format!("{error:?} {error}").contains("s3cret"), "{error:?}");
    }
}

#[test]
fn a_key_of_a_group_takes_the_place_of_conversation_and_message_id() {
    let body = json!({"kind": "create", "key": "k", "members": [A]});
    for (fields, field) in [
        (json!({"id": 7, "body": body}), None),
        (json!({"id": 7, "body": body, "message_id": M}), None),
        (json!({"id": 7, "body": body, "to": A}), Some("send.to")),
        (json!({"id": 7, "body": body, "conversation": C}), Some("send.conversation")),
    ] {
        let text = json!({"send": fields}).to_string();
        match field {
            None => assert!(decoded(text.as_bytes())[0].is_ok(), "{text}"),
            Some(field) => check(text.as_bytes(), Some(7), Code::InvalidField, Some(field)),
        }
    }
}
