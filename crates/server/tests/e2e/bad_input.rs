//! What bad input gets: a code that names the field, and never more than that.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::Server;
use crate::socket::{message_id, texts};

#[test]
fn frames_that_cannot_be_read_get_an_error_and_the_socket_stays() {
    let server = Server::start();
    let ada = server.join("ada");
    let mut socket = server.connect(&ada, None);
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    let long = json!({"send": {"id": 9, "to": ada.account, "message_id": message_id(), "body": {"kind": "text", "text": "x".repeat(20_001)}}});
    let empty = json!({"send": {"id": 9, "to": ada.account, "message_id": message_id(), "body": {"kind": "text", "text": ""}}});
    let kind = json!({"send": {"id": 9, "to": ada.account, "message_id": message_id(), "body": {"kind": "poll"}}});
    for (text, code, field) in [
        ("{", "malformed_frame", None),
        ("7", "malformed_frame", None),
        (deep.as_str(), "malformed_frame", None),
        (r#"{"shout":{}}"#, "unknown_frame", None),
        (r#"{"ping":{"n":"one"}}"#, "invalid_field", Some("ping.n")),
        (r#"{"hello":{"token":"x"}}"#, "already_authenticated", None),
        (&long.to_string(), "invalid_field", Some("send.body.text")),
        (&empty.to_string(), "invalid_field", Some("send.body.text")),
        (&kind.to_string(), "unknown_kind", Some("send.body.kind")),
    ] {
        socket.send_text(text);
        let error = socket.expect("error");
        let shown: String = text.chars().take(80).collect();
        assert_eq!(error["code"], json!(code), "{shown}: {error}");
        if let Some(field) = field {
            assert_eq!(error["field"], json!(field), "{shown}: {error}");
        }
    }
    socket.say_to(&ada.account, "still here");
}

#[test]
fn one_wrong_frame_in_an_array_does_not_hurt_the_others() {
    let server = Server::start();
    let ada = server.join("ada");
    let mut socket = server.connect(&ada, None);
    socket.send(&json!([{"ping": {"n": 1}}, {"ping": {}}, {"ping": {"n": 3}}]));
    assert_eq!(socket.expect("pong")["n"], json!(1));
    assert_eq!(socket.expect("error")["field"], json!("ping.n"));
    assert_eq!(socket.expect("pong")["n"], json!(3));
}

#[test]
fn tokens_that_do_not_hold_close_the_socket() {
    let server = Server::start();
    let ada = server.join("ada");
    let (head, rest) = ada.token.split_once('.').expect("a JWT");
    let none = format!("eyJhbGciOiJub25lIn0.{rest}");
    let cut = format!("{head}.{}", &rest[..rest.len() - 4]);
    for token in ["", "x", "a.b.c", &none, &cut] {
        let mut socket = server.open();
        socket.send(&json!({"hello": {"token": token}}));
        assert_eq!(socket.closed(), Some(4201), "{token}");
        let (status, error) = server.call("GET", "/v1/me", Some(token), None);
        assert_eq!((status, &error["error"]["code"]), (401, &json!("unauthenticated")), "{token}");
    }
}

#[test]
fn the_first_frame_must_be_hello_and_in_time() {
    let server = Server::start();
    let mut socket = server.open();
    socket.send(&json!({"ping": {"n": 1}}));
    assert_eq!(socket.closed(), Some(4401));
    let mut silent = server.open();
    assert_eq!(silent.closed(), Some(4001));
}

#[test]
fn other_peoples_conversations_do_not_exist() {
    let server = Server::start();
    let (ada, bob, eve) = (server.join("ada"), server.join("bob"), server.join("eve"));
    let mut on_ada = server.connect(&ada, None);
    let conversation =
        on_ada.say_to(&bob.account, "private")["conversation"].as_str().expect("an id").to_owned();
    let mut on_eve = server.connect(&eve, None);
    let unknown = "00000000-0000-8200-8000-000000000000";
    for id in [conversation.as_str(), unknown] {
        let text = json!({"kind": "text", "text": "hi"});
        assert_eq!(on_eve.change(id, text).expect_err("refused")["code"], json!("not_found"));
        let range = json!({"conversation": id, "after": 0, "limit": 5});
        assert_eq!(on_eve.fetch(range).expect_err("refused")["code"], json!("not_found"));
        let (status, _) =
            server.call("GET", &format!("/v1/conversations/{id}"), Some(&eve.token), None);
        assert_eq!(status, 404);
        on_eve.send(&json!({"mark": {"conversation": id, "read": 1}}));
        assert_eq!(on_eve.expect("error")["code"], json!("not_found"));
    }
}

#[test]
fn ids_from_the_future_are_refused_with_the_servers_time() {
    let server = Server::start();
    let ada = server.join("ada");
    let mut socket = server.connect(&ada, None);
    let future = "ffff0000-0000-7000-8000-000000000000";
    let send =
        json!({"to": ada.account, "message_id": future, "body": {"kind": "text", "text": "hi"}});
    let error = socket.ask(send).expect_err("refused");
    assert_eq!(error["code"], json!("id_in_future"));
    assert!(error["now"].is_u64(), "{error}");
}

#[test]
fn naughty_strings_come_back_as_they_were_sent() {
    let server = Server::start();
    let ada = server.join("ada");
    let mut socket = server.connect(&ada, None);
    let list = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/blns/blns.json");
    let list = std::fs::read_to_string(list).expect("the list is committed");
    let mut naughty: Vec<String> = serde_json::from_str(&list).expect("an array of strings");
    naughty.retain(|text| !text.is_empty());
    naughty.push("\u{0}\u{1}\u{7f}\u{2028}\u{2029}".to_owned());
    assert!(naughty.len() > 200, "{}", naughty.len());
    let ok = socket.say_to(&ada.account, &naughty[0]);
    let conversation = ok["conversation"].as_str().expect("an id").to_owned();
    for text in &naughty[1..] {
        socket.say(&conversation, text);
    }
    assert_eq!(texts(&socket.history(&conversation)), naughty);
    // As names they are taken as they are or refused by name, and nothing breaks.
    for (index, text) in naughty.iter().enumerate() {
        let handle = format!("naughty{index}");
        let body = json!({"handle": text, "password": text, "name": text, "device_name": text});
        let (status, answer) = server.call("POST", "/v1/accounts", None, Some(&body));
        assert!(status == 201 || answer["error"]["field"].is_string(), "{text:?}: {answer}");
        if index % 16 == 0 {
            let body = json!({"handle": handle, "password": "correct horse", "name": text});
            let (status, answer) = server.call("POST", "/v1/accounts", None, Some(&body));
            let named = answer["error"]["field"] == json!("name");
            assert!(status == 201 || named, "{text:?}: {status} {answer}");
        }
    }
}

#[test]
fn unknown_fields_are_ignored_and_not_kept() {
    let server = Server::start();
    let ada = server.join("ada");
    let mut socket = server.connect(&ada, None);
    let body = json!({"kind": "text", "text": "hi", "colour": "red", "deep": {"er": [1]}});
    let send = json!({"to": ada.account, "message_id": message_id(), "body": body, "extra": 1});
    let ok = socket.ask(send).expect("accepted");
    let events = socket.history(ok["conversation"].as_str().expect("an id"));
    let event = events.last().expect("the message");
    assert_eq!(event["body"], json!({"kind": "text", "text": "hi"}), "{event}");
    assert_eq!(event.get("extra"), None, "{event}");
}

#[test]
fn what_is_too_large_or_not_text_is_refused_by_its_code() {
    let server = Server::start();
    let ada = server.join("ada");
    // A frame cannot be skipped before its length is believed: the socket closes, and says why.
    let mut socket = server.connect(&ada, None);
    socket.send_unless_closed(&json!({"ping": {"n": 1, "filler": "x".repeat(200 * 1024)}}));
    assert_eq!(socket.closed(), Some(1009));
    let mut socket = server.connect(&ada, None);
    socket.send_raw(&[0x81, 0x82, 0, 0, 0, 0, 0xc3, 0x28]);
    assert_eq!(socket.closed(), Some(1007));
    let mut socket = server.connect(&ada, None);
    socket.send_raw(&[0x82, 0x82, 0, 0, 0, 0, b'{', b'}']);
    assert_eq!(socket.closed(), Some(1003));

    let long = format!("{{\"handle\":\"{}\"}}", "x".repeat(300 * 1024));
    let (status, error) = server.call_text("POST", "/v1/accounts", None, Some(&long));
    assert_eq!(status, 413, "{error}");
    assert!(error.contains("frame_too_large"), "{error}");
    let (status, error) =
        server.call_bytes("POST", "/v1/accounts", None, b"{\"handle\":\"\xc3\x28\"}");
    assert_eq!(status, 400, "{error}");
    assert!(error.contains("malformed_frame"), "{error}");
    let deep = format!("{{\"handle\":{}{}}}", "[".repeat(50_000), "]".repeat(50_000));
    let (status, error) = server.call_text("POST", "/v1/accounts", None, Some(&deep));
    assert_eq!(status, 400, "{error}");
    assert!(error.contains("malformed_frame"), "{error}");
    let (status, _) = server.call("GET", "/v1/me", Some(&ada.token), None);
    assert_eq!(status, 200);
}

#[test]
fn ids_from_the_distant_past_are_ids_like_others() {
    let server = Server::start();
    let ada = server.join("ada");
    let mut socket = server.connect(&ada, None);
    socket.say_to(&ada.account, "now");
    let body = json!({"kind": "text", "text": "then"});
    let send = json!({"to": ada.account, "message_id": "00000000-0001-7000-8000-000000000001", "body": body});
    let first = socket.ask(send.clone()).expect("accepted");
    let again = socket.ask(send).expect("a retry");
    assert_eq!((&again["seq"], &again["duplicate"]), (&first["seq"], &json!(true)));
    // What is no UUIDv7 is no message id.
    for id in ["0", "ffffffff-ffff-ffff-ffff-ffffffffffff", "00000000-0000-4000-8000-000000000000"]
    {
        let body = json!({"kind": "text", "text": "no"});
        let error = socket.ask(json!({"to": ada.account, "message_id": id, "body": body}));
        let error = error.expect_err("refused");
        assert_eq!(error["code"], json!("invalid_field"), "{id}: {error}");
        assert!(
            error["field"].as_str().is_some_and(|field| field.ends_with("message_id")),
            "{error}"
        );
    }
}

#[test]
fn what_one_cannot_see_cannot_be_named_either() {
    let server = Server::start();
    let (ada, bob, eve) = (server.join("ada"), server.join("bob"), server.join("eve"));
    let mut on_ada = server.connect(&ada, None);
    let group = on_ada.create("group", &[&bob]);
    on_ada.say(&group, "before eve");
    let added = on_ada.change(&group, json!({"kind": "add", "accounts": [eve.account]}));
    let added = added.expect("accepted")["seq"].as_u64().expect("a seq");
    let mut on_eve = server.connect(&eve, None);
    // What was said before, what was never said, and nonsense look alike.
    for target in [2, added + 50, 9_007_199_254_740_991] {
        for body in [
            json!({"kind": "react", "target": target, "emoji": "👍"}),
            json!({"kind": "edit", "target": target, "body": {"kind": "text", "text": "mine"}}),
            json!({"kind": "delete", "target": target}),
        ] {
            let error = on_eve.change(&group, body.clone()).expect_err("refused");
            assert_eq!(error["code"], json!("not_found"), "{body}: {error}");
        }
        let reply = json!({"conversation": group, "message_id": message_id(), "reply_to": target,
            "body": {"kind": "text", "text": "re"}});
        assert_eq!(on_eve.ask(reply).expect_err("refused")["code"], json!("not_found"), "{target}");
    }
    // Somebody who is not there is told apart from nobody by no code.
    let nobody = "0192f0c0-0000-7000-8000-00000000b0b0";
    let body = json!({"kind": "text", "text": "hi"});
    let send = json!({"to": nobody, "message_id": message_id(), "body": body});
    assert_eq!(on_eve.ask(send).expect_err("refused")["code"], json!("not_found"));
}

#[test]
fn a_flood_hurts_nobody_else() {
    let server = Server::start();
    let (ada, bob) = (server.join("ada"), server.join("bob"));
    let mut flood = server.connect(&ada, None);
    flood.do_not_wait();
    // Frames in arrays, good and bad ones, and nobody who reads the answers.
    let bad = json!({"send": {"id": 1, "to": ada.account, "message_id": message_id(), "body": {"kind": "?"}}});
    let frames: Vec<Value> = (0..100)
        .map(|n| if n % 2 == 0 { json!({"ping": {"n": n}}) } else { bad.clone() })
        .collect();
    let frames = Value::Array(frames).to_string();
    let mut sent = 0;
    while sent < 2_000 && flood.try_send_text(&frames) {
        sent += 1;
    }
    let mut calm = server.connect(&bob, None);
    let asked = Instant::now();
    calm.say_to(&bob.account, "still served");
    assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
    assert_eq!(server.call_text("GET", "/ready", None, None).0, 200);
}
