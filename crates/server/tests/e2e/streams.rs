//! Event streams: what a socket would say, over plain HTTP.

use serde_json::{Value, json};

use crate::harness::{Person, Server};
use crate::socket::{message_id, texts};

fn post(server: &Server, from: &Person, to: &Person, text: &str) -> Value {
    let body = json!({"message_id": message_id(), "body": {"kind": "text", "text": text}});
    let path = format!("/v1/directs/{}/messages", to.account);
    let (status, ok) = server.call("POST", &path, Some(&from.token), Some(&body));
    assert_eq!(status, 201, "{ok}");
    ok
}

fn ticket(server: &Server, person: &Person) -> String {
    let (status, answer) = server.call("POST", "/v1/tickets", Some(&person.token), None);
    assert_eq!(status, 201, "{answer}");
    answer["ticket"].as_str().expect("a ticket").to_owned()
}

#[test]
fn a_stream_says_what_a_socket_says_and_goes_on_where_it_was() {
    let server = Server::start();
    let (ada, bob) = (server.join("ada"), server.join("bob"));
    let mut stream = server.events(&bob, None);
    let ready = stream.expect("ready");
    assert_eq!((&ready["account"], &ready["resumed"]), (&json!(bob.account), &json!(false)));

    let ok = post(&server, &ada, &bob, "one");
    assert_eq!(stream.expect("heads")["heads"][0]["conversation"], ok["conversation"]);
    assert_eq!(stream.expect("event")["body"]["kind"], json!("create"));
    let event = stream.expect("event");
    assert_eq!((&event["body"]["text"], &event["hash"]), (&json!("one"), &ok["hash"]));
    // The id of what was taken follows it at the latest with the next event.
    post(&server, &ada, &bob, "two");
    stream.expect_where("event", |event| event["seq"] == json!(3));
    let id = stream.id.clone().expect("an id");
    drop(stream);

    post(&server, &ada, &bob, "three");
    let mut stream = server.events(&bob, Some(&id));
    let ready = stream.expect("ready");
    assert_eq!(ready["resumed"], json!(true));
    assert_eq!(ready["heads"][0]["last"]["text"], json!("three"));
    post(&server, &ada, &bob, "four");
    stream.expect_where("event", |event| event["body"]["text"] == json!("four"));

    // A cursor is a cursor, whichever door it came from.
    let id = stream.id.clone().expect("an id");
    assert_eq!(server.connect(&bob, Some(&id)).ready["resumed"], json!(true));
}

#[test]
fn a_listing_of_many_pages_comes_without_being_asked_for() {
    let server = Server::start();
    let ada = server.join("ada");
    let mut expected: Vec<_> = (0..45)
        .map(|n| {
            post(&server, &ada, &server.join(&format!("friend{n}")), "hi")["conversation"].clone()
        })
        .collect();
    expected.reverse();
    let mut stream = server.events(&ada, None);
    let mut page = stream.expect("ready");
    let mut got = Vec::new();
    loop {
        got.extend(
            page["heads"]
                .as_array()
                .expect("heads")
                .iter()
                .map(|head| head["conversation"].clone()),
        );
        if page["more"].is_null() {
            break;
        }
        page = stream.expect("heads");
    }
    assert!(page["cursor"].is_string(), "{page}");
    assert_eq!(got, expected, "most recent first, each once");
}

#[test]
fn a_ticket_opens_one_stream() {
    let server = Server::start();
    let (ada, bob) = (server.join("ada"), server.join("bob"));
    let first = ticket(&server, &ada);
    let mut stream = server.events_with(&format!("/v1/events?ticket={first}"), "").expect("open");
    assert_eq!(stream.expect("ready")["account"], json!(ada.account));
    let again = server.events_with(&format!("/v1/events?ticket={first}"), "");
    assert_eq!(again.err(), Some(401), "used up");
    let wrong = ["", "x", "AAAA"].map(|text| format!("/v1/events?ticket={text}"));
    for path in [&wrong[..], &["/v1/events".to_owned()]].concat() {
        assert_eq!(server.events_with(&path, "").err(), Some(401), "{path}");
    }
    let unreadable = format!("Authorization: Bearer {}\r\nLast-Event-ID: what\r\n", bob.token);
    assert_eq!(server.events_with("/v1/events", &unreadable).err(), Some(400));

    // A ticket is worth no more than the session that asked for it.
    let late = ticket(&server, &bob);
    assert_eq!(server.call("DELETE", "/v1/session", Some(&bob.token), None).0, 204);
    assert_eq!(server.events_with(&format!("/v1/events?ticket={late}"), "").err(), Some(401));
}

#[test]
fn a_stream_ends_with_its_session() {
    let server = Server::start();
    let ada = server.join("ada");
    let mut stream = server.events(&ada, None);
    stream.expect("ready");
    assert_eq!(server.call("DELETE", "/v1/session", Some(&ada.token), None).0, 204);
    assert_eq!(stream.expect("bye")["code"], json!(4202));
    assert_eq!(stream.next(), None);
}

#[test]
fn a_stream_is_told_when_to_come_back() {
    let server = Server::start();
    let ada = server.join("ada");
    let mut stream = server.events(&ada, None);
    stream.expect("ready");
    stream.retry = None;
    server.signal("TERM");
    let bye = stream.expect("bye");
    assert_eq!(bye["code"], json!(4101), "{bye}");
    assert_eq!(stream.next(), None);
    let spread = bye["spread_ms"].as_u64().expect("a spread");
    assert!(stream.retry.is_some_and(|ms| ms < spread), "{:?}", stream.retry);
    assert_eq!(server.wait().1, Some(0));
}

#[test]
fn a_client_that_does_not_read_lags_and_is_listed_what_it_missed() {
    const MESSAGES: usize = 12_000;
    let server = Server::start();
    let (ada, bob) = (server.join("ada"), server.join("bob"));
    let mut on_ada = server.connect(&ada, None);
    let conversation =
        on_ada.say_to(&bob.account, "0")["conversation"].as_str().expect("an id").to_owned();
    let mut stream = server.events(&bob, None);
    stream.expect("ready");
    // More than the buffers of the kernel and of the server hold.
    let padding = "x".repeat(2_000);
    for number in 1..MESSAGES {
        let body = json!({"kind": "text", "text": format!("{number} {padding}")});
        let send = json!({"id": number, "conversation": conversation, "message_id": message_id(), "body": body});
        on_ada.send(&json!({"send": send}));
        if number % 500 == 0 {
            on_ada.expect_where("ok", |ok| ok["id"] == json!(number));
            on_ada.forget();
        }
    }
    on_ada.expect_where("ok", |ok| ok["id"] == json!(MESSAGES - 1));

    // The stream may lag more than once: each time it is listed what it missed, and goes on from there.
    let end = json!(MESSAGES + 1);
    stream.expect("lag");
    stream.expect("heads");
    loop {
        let frame = stream.next().expect("it goes on");
        if frame["event"]["seq"] == end || frame["heads"]["heads"][0]["seq"] == end {
            break;
        }
    }
    on_ada.say(&conversation, "live again");
    stream.expect_where("event", |event| event["body"]["text"] == json!("live again"));
    let path = format!("/v1/conversations/{conversation}/messages?limit=1");
    let (_, page) = server.call("GET", &path, Some(&bob.token), None);
    assert_eq!(texts(page["events"].as_array().expect("events")), ["live again"]);
}
