//! What bad requests by HTTP get: a code that names the field and the remedy, and a token that does not hold nothing.

use std::io::Write;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::{Data, PATIENCE, Server};
use crate::socket::message_id;

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
        let error: Value = serde_json::from_str(&error).expect("JSON");
        assert_eq!(error["error"]["code"], json!(code), "{method} {path}: {error}");
    }
    let (status, error) = server.call("GET", "/v1/me", None, None);
    assert_eq!((status, &error["error"]["code"]), (401, &json!("unauthenticated")));
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

#[test]
fn addresses_that_cannot_be_read_name_what_is_wrong() {
    let server = Server::start();
    let ada = server.join("ada");
    let mut socket = server.connect(&ada, None);
    let ok = socket.say_to(&ada.account, "note");
    let own = format!("/v1/conversations/{}/messages", ok["conversation"].as_str().expect("an id"));
    for (path, status, code, field) in [
        ("/v1/conversations?limit=many", 400, "invalid_field", "limit"),
        ("/v1/conversations?limit=-1", 400, "invalid_field", "limit"),
        ("/v1/conversations?more=never", 400, "invalid_field", "more"),
        (&format!("{own}?after=x"), 400, "invalid_field", "after"),
        (&format!("{own}?around=0"), 400, "invalid_field", "around"),
        (&format!("{own}?after=1&before=2"), 400, "invalid_field", "after"),
        (&format!("{own}?before=99999999999999999999"), 400, "invalid_field", "before"),
        (&format!("{own}?limit=1.5"), 400, "invalid_field", "limit"),
        ("/v1/people", 400, "invalid_field", "q"),
        ("/v1/people?ids=x", 400, "invalid_field", "ids"),
        ("/v1/people?q=%ff%fe", 200, "", ""),
        ("/v1/people/%ff", 404, "not_found", ""),
        ("/v1/conversations/%ff", 404, "not_found", ""),
        ("/v1/conversations/%00/messages", 404, "not_found", ""),
        ("/v1/%2e%2e/%2e%2e/etc/passwd", 404, "unknown_path", ""),
    ] {
        let (found, answer) = server.call("GET", path, Some(&ada.token), None);
        assert_eq!(found, status, "{path}: {answer}");
        if !code.is_empty() {
            assert_eq!(answer["error"]["code"], json!(code), "{path}: {answer}");
        }
        if !field.is_empty() {
            assert_eq!(answer["error"]["field"], json!(field), "{path}: {answer}");
        }
    }
}

#[test]
fn wrong_types_in_bodies_name_the_field() {
    let server = Server::start();
    let ada = server.join("ada");
    let me = &ada.account;
    for (path, body, field) in [
        ("/v1/accounts".to_owned(), json!({"handle": 7, "password": "correct horse"}), "handle"),
        ("/v1/accounts".to_owned(), json!({"handle": "bob"}), "password"),
        ("/v1/session".to_owned(), json!({"handle": "ada", "password": ["x"]}), "password"),
        ("/v1/session/refresh".to_owned(), json!({}), "refresh_token"),
        ("/v1/conversations".to_owned(), json!({"key": "k", "members": "me"}), "members"),
        ("/v1/conversations".to_owned(), json!({"key": "k", "members": ["x"]}), "members[0]"),
        ("/v1/conversations".to_owned(), json!({"members": []}), "key"),
        (
            format!("/v1/directs/{me}/messages"),
            json!({"message_id": "x", "body": {"kind": "text", "text": "a"}}),
            "message_id",
        ),
        (
            format!("/v1/directs/{me}/messages"),
            json!({"message_id": message_id(), "body": "a"}),
            "body",
        ),
        (
            format!("/v1/directs/{me}/messages"),
            json!({"message_id": message_id(), "body": {"kind": "text"}}),
            "body.text",
        ),
    ] {
        let (status, answer) = server.call("POST", &path, Some(&ada.token), Some(&body));
        assert_eq!(status, 400, "{path} {body}: {answer}");
        assert_eq!(answer["error"]["field"], json!(field), "{path} {body}: {answer}");
        assert!(answer["error"]["message"].is_string(), "{answer}");
    }
}

#[test]
fn tokens_expire_and_another_servers_are_worth_nothing() {
    let server = Data::new().serve_with(&[("PARLANCE__ACCOUNTS__ACCESS_SECONDS", "1")]);
    let ada = server.join("ada");
    let deadline = Instant::now() + PATIENCE;
    let error = loop {
        let (status, answer) = server.call("GET", "/v1/me", Some(&ada.token), None);
        if status == 401 {
            break answer;
        }
        assert!(Instant::now() < deadline, "a token of a second lives too long");
        std::thread::sleep(Duration::from_millis(50));
    };
    assert_eq!(error["error"]["code"], json!("token_expired"), "{error}");
    assert_eq!(error["error"]["retry"], json!("reauthenticate"), "{error}");
    let mut socket = server.open();
    socket.send(&json!({"hello": {"token": ada.token}}));
    assert_eq!(socket.closed(), Some(4201));

    // Signed as it should be, by somebody else.
    let forged = Server::start().join("ada").token;
    let (status, error) = server.call("GET", "/v1/me", Some(&forged), None);
    assert_eq!((status, &error["error"]["code"]), (401, &json!("unauthenticated")), "{error}");
    let mut socket = server.open();
    socket.send(&json!({"hello": {"token": forged}}));
    assert_eq!(socket.closed(), Some(4201));
}
