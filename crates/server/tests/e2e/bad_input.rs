//! What bad input gets: a code that names the field, and never more than that.

use std::io::Write;

use serde_json::json;

use crate::harness::{Server, message_id};

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
fn rest_names_what_is_wrong() {
    let server = Server::start();
    let ada = server.join("ada");
    for (method, path, body, status, code) in [
        (
            "POST",
            "/v1/accounts",
            r#"{"handle":"x","password":"correct horse"}"#,
            400,
            "invalid_field",
        ),
        ("POST", "/v1/accounts", r#"{"handle":"good","password":"short"}"#, 400, "weak_password"),
        ("POST", "/v1/accounts", "{", 400, "malformed_frame"),
        ("GET", "/v1/nothing", "", 404, "unknown_path"),
        ("PUT", "/v1/accounts", "", 405, "method_not_allowed"),
        ("GET", "/v1/conversations/not-an-id", "", 404, "not_found"),
        ("GET", "/v1/socket", "", 426, "upgrade_required"),
    ] {
        let (found, error) = server.call_text(method, path, Some(&ada.token), Some(body));
        assert_eq!(found, status, "{method} {path}: {error}");
        let error: serde_json::Value = serde_json::from_str(&error).expect("JSON");
        assert_eq!(error["error"]["code"], json!(code), "{method} {path}: {error}");
    }
    let (status, error) = server.call("GET", "/v1/me", None, None);
    assert_eq!((status, &error["error"]["code"]), (401, &json!("unauthenticated")));
}

#[test]
fn naughty_strings_come_back_as_they_were_sent() {
    let server = Server::start();
    let ada = server.join("ada");
    let mut socket = server.connect(&ada, None);
    let naughty = [
        "\u{0}\u{1}\u{7f}",
        "\u{202e}rtl",
        "\u{feff}",
        "𝕿𝖍𝖊",
        "👩‍👩‍👧‍👦",
        "<script>alert(1)</script>",
        "'; DROP TABLE",
        "\\\"\n\r\t",
        "ﷺ",
        "Z̮̞̠͙͔ͅA̡̛͓͓̘L̠͔̫G͙̩O",
        "\u{2028}\u{2029}",
    ];
    let conversation =
        socket.say_to(&ada.account, naughty[0])["conversation"].as_str().expect("an id").to_owned();
    for text in &naughty[1..] {
        socket.say(&conversation, text);
    }
    assert_eq!(crate::harness::texts(&socket.history(&conversation)), naughty);
}

#[test]
fn a_request_that_never_ends_does_not_hold_others_up() {
    let server = Server::start();
    let mut slow: Vec<_> = (0..50)
        .map(|_| std::net::TcpStream::connect(&server.address).expect("connected"))
        .collect();
    for stream in &mut slow {
        stream.write_all(b"GET /v1/me HTTP/1.1\r\nHost:").expect("written");
    }
    server.join("ada");
}
