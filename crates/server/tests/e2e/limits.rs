//! How much one may do, and that others do not pay for it.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::{Data, Server};
use crate::socket::message_id;

const PREFIX: &str = "PARLANCE__LIMITS__";

/// A server on which these buckets hold so many at once, and get as many back in a minute.
fn serve(buckets: &[(&str, u32, u32)]) -> Server {
    let settings: Vec<(String, String)> = buckets
        .iter()
        .flat_map(|(name, burst, per_minute)| {
            let key = format!("{PREFIX}{name}__");
            [
                (format!("{key}BURST"), burst.to_string()),
                (format!("{key}PER_MINUTE"), per_minute.to_string()),
            ]
        })
        .collect();
    let settings: Vec<_> =
        settings.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    Data::new().serve_with(&settings)
}

/// A wrong password: the code, and when to come back.
fn guess(server: &Server, handle: &str) -> (u16, Value, Option<u64>) {
    let body = json!({"handle": handle, "password": "wrong horse"});
    let (status, answer) = server.call("POST", "/v1/session", None, Some(&body));
    (status, answer["error"]["code"].clone(), answer["error"]["retry_after_ms"].as_u64())
}

#[test]
fn guessing_is_limited_and_says_when_to_come_back() {
    let server = serve(&[("SIGN_IN_PAIR", 3, 2)]);
    server.join("ada");
    for handle in ["ada", "nobody"] {
        for _ in 0..3 {
            assert_eq!(guess(&server, handle), (401, json!("invalid_credentials"), None));
        }
        let (status, code, wait) = guess(&server, handle);
        assert_eq!((status, code), (429, json!("rate_limited")), "{handle}");
        assert!(wait.is_some_and(|wait| wait > 0 && wait <= 30_000), "{wait:?}");
    }
    let body = json!({"handle": "ada", "password": "wrong horse"}).to_string();
    let head =
        server.call_whole("POST", "/v1/session", None, body.as_bytes()).0.to_ascii_lowercase();
    assert!(head.contains("\r\nretry-after: "), "{head}");
}

#[test]
fn new_accounts_are_limited() {
    let server = serve(&[("SIGN_UP_ADDRESS", 2, 1)]);
    server.join("ada");
    server.join("bob");
    let body = json!({"handle": "carol", "password": "correct horse"});
    let (status, answer) = server.call("POST", "/v1/accounts", None, Some(&body));
    assert_eq!((status, &answer["error"]["code"]), (429, &json!("rate_limited")));
}

#[test]
fn sends_are_limited_over_every_door_and_a_retry_is_not() {
    let server = serve(&[("COMMANDS_ACCOUNT", 5, 1)]);
    let (ada, bob) = (server.join("ada"), server.join("bob"));
    let mut on_ada = server.connect(&ada, None);
    let mut on_bob = server.connect(&bob, None);
    let named: Vec<String> = (0..5).map(|_| message_id()).collect();
    let send = |id: usize, name: &str| {
        json!({"send": {"id": id, "to": bob.account, "message_id": name,
            "body": {"kind": "text", "text": "hello"}}})
    };
    for (id, name) in named.iter().enumerate() {
        on_ada.send(&send(id, name));
        on_ada.expect("ok");
    }
    on_ada.send(&send(9, &message_id()));
    let error = on_ada.expect("error");
    assert_eq!((&error["code"], &error["id"]), (&json!("rate_limited"), &json!(9)));
    assert!(error["retry_after_ms"].as_u64().is_some_and(|wait| wait > 0), "{error}");
    // What was written is answered with it, and nothing is written twice.
    on_ada.send(&send(10, &named[0]));
    assert_eq!(on_ada.expect("ok")["duplicate"], json!(true));
    let body = json!({"message_id": message_id(), "body": {"kind": "text", "text": "again"}});
    let path = format!("/v1/directs/{}/messages", bob.account);
    let (status, answer) = server.call("POST", &path, Some(&ada.token), Some(&body));
    assert_eq!((status, &answer["error"]["code"]), (429, &json!("rate_limited")));
    // Others have their own.
    on_bob.say_to(&ada.account, "are you there?");
}

#[test]
fn who_goes_on_regardless_is_read_more_slowly_and_others_are_not() {
    let server = serve(&[("COMMANDS_DEVICE", 5, 60)]);
    let (ada, bob) = (server.join("ada"), server.join("bob"));
    let mut on_ada = server.connect(&ada, None);
    let frame = |id: usize| {
        json!({"send": {"id": id, "to": ada.account, "message_id": message_id(),
            "body": {"kind": "text", "text": "flood"}}})
    };
    let flood: Vec<Value> = (0..100).map(frame).collect();
    let started = Instant::now();
    on_ada.send(&Value::Array(flood));
    for _ in 0..95 {
        assert_eq!(on_ada.expect("error")["code"], json!("rate_limited"));
    }
    let mut on_bob = server.connect(&bob, None);
    on_bob.say_to(&bob.account, "note");
    on_ada.send(&json!({"ping": {"n": 1}}));
    on_ada.expect("pong");
    // 95 refusals are 950 ms in which nothing is read; a slow machine only makes it longer.
    assert!(started.elapsed() > Duration::from_millis(900), "{:?}", started.elapsed());
}
