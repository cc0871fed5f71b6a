//! Long polling: what a socket would say, in answers to requests.

use std::thread::ScopedJoinHandle;

use serde_json::{Value, json};

use crate::harness::{Data, Person, Server, wait_until};
use crate::socket::message_id;

/// Polls, and gives the answer.
fn poll(server: &Server, person: &Person, cursor: Option<&str>, wait: u32) -> Value {
    let cursor = cursor.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
    let path = format!("/v1/poll?wait={wait}{cursor}");
    let (status, answer) = server.call("GET", &path, Some(&person.token), None);
    assert_eq!(status, 200, "{answer}");
    answer
}

fn cursor(answer: &Value) -> &str {
    answer["cursor"].as_str().expect("a cursor")
}

fn frames(answer: &Value) -> &[Value] {
    answer["frames"].as_array().expect("frames")
}

/// Texts of the messages that are pushed in `frames`.
fn said(frames: &[Value]) -> Vec<String> {
    let texts = frames.iter().filter_map(|frame| frame["event"]["body"]["text"].as_str());
    texts.map(ToOwned::to_owned).collect()
}

#[test]
fn polls_say_what_a_socket_says_and_a_lost_answer_is_given_again() {
    const MESSAGES: usize = 300;
    let server = Server::start();
    let (ada, bob) = (server.join("ada"), server.join("bob"));
    let mut on_ada = server.connect(&ada, None);
    let first = poll(&server, &bob, None, 20);
    assert_eq!(frames(&first)[0]["ready"]["account"], json!(bob.account));
    let nothing = poll(&server, &bob, Some(cursor(&first)), 0);
    assert_eq!(frames(&nothing).len(), 0, "{nothing}");

    let conversation =
        on_ada.say_to(&bob.account, "0")["conversation"].as_str().expect("an id").to_owned();
    let (mut got, mut at) = (Vec::new(), cursor(&nothing).to_owned());
    for number in 1..MESSAGES {
        let body = json!({"kind": "text", "text": number.to_string()});
        let send = json!({"id": number, "conversation": conversation, "message_id": message_id(), "body": body});
        on_ada.send(&json!({"send": send}));
        if number % 20 == 0 {
            let answer = poll(&server, &bob, Some(&at), 20);
            assert_eq!(poll(&server, &bob, Some(&at), 20), answer, "as if it had been lost");
            got.extend(said(frames(&answer)));
            cursor(&answer).clone_into(&mut at);
        }
    }
    while got.len() < MESSAGES {
        let answer = poll(&server, &bob, Some(&at), 20);
        got.extend(said(frames(&answer)));
        cursor(&answer).clone_into(&mut at);
    }
    assert_eq!(got, (0..MESSAGES).map(|number| number.to_string()).collect::<Vec<_>>());
}

#[test]
fn the_later_of_two_polls_waits_on() {
    let server = Server::start();
    let (ada, bob) = (server.join("ada"), server.join("bob"));
    let first = poll(&server, &bob, None, 20);
    let at = cursor(&first).to_owned();
    std::thread::scope(|scope| {
        let earlier = scope.spawn(|| poll(&server, &bob, Some(&at), 30));
        while !earlier.is_finished() {
            assert_eq!(frames(&poll(&server, &bob, Some(&at), 0)).len(), 0);
        }
        assert_eq!(frames(&earlier.join().expect("answered")).len(), 0);
    });
    server.connect(&ada, None).say_to(&bob.account, "hello");
    let answer = poll(&server, &bob, Some(&at), 20);
    assert_eq!(said(frames(&poll(&server, &bob, Some(&at), 0))), said(frames(&answer)));
}

#[test]
fn nothing_is_lost_when_the_connection_is() {
    let server = Data::new().serve();
    let (ada, bob) = (server.join("ada"), server.join("bob"));
    let mut on_ada = server.connect(&ada, None);
    let first = poll(&server, &bob, None, 20);
    on_ada.say_to(&bob.account, "before");
    let (data, _) = server.stop();
    let server = data.serve();
    let answer = poll(&server, &bob, Some(cursor(&first)), 20);
    let ready = &frames(&answer)[0]["ready"];
    assert_eq!(
        (&ready["resumed"], &ready["heads"][0]["last"]["text"]),
        (&json!(true), &json!("before"))
    );

    // Nor when another session's cursor comes, or another door's.
    let other = poll(&server, &server.sign_in("bob"), Some(cursor(&answer)), 20);
    assert_eq!(frames(&other)[0]["ready"]["heads"], json!([]));
    let mut socket = server.connect(&bob, Some(cursor(&answer)));
    assert_eq!(socket.ready["resumed"], json!(true));
    let of_socket = socket.cursor();
    assert_eq!(
        frames(&poll(&server, &bob, Some(&of_socket), 20))[0]["ready"]["resumed"],
        json!(true)
    );
}

#[test]
fn a_poll_that_waits_is_told_at_once_that_the_server_goes_down() {
    // Longer than this test has patience for: only an answer at once comes in time.
    let server = Data::new().serve_with(&[("PARLANCE__SERVER__DRAIN_SECONDS", "25")]);
    let bob = server.join("bob");
    let at = cursor(&poll(&server, &bob, None, 20)).to_owned();
    std::thread::scope(|scope| {
        let mut polls = [0, 1].map(|_| Some(scope.spawn(|| poll(&server, &bob, Some(&at), 30))));
        // As soon as one of them is answered with nothing, the other one waits.
        wait_until("answered", || polls.iter().flatten().any(ScopedJoinHandle::is_finished));
        let waits = usize::from(polls[0].as_ref().is_some_and(ScopedJoinHandle::is_finished));
        let earlier = polls[1 - waits].take().expect("not looked at yet");
        assert_eq!(frames(&earlier.join().expect("answered")).len(), 0);
        server.signal("TERM");
        let told = polls[waits].take().expect("it waits").join().expect("answered");
        let bye = &frames(&told)[0]["bye"];
        assert_eq!((&bye["code"], &bye["reason"]), (&json!(4101), &json!("shutting_down")));
        assert!(bye["spread_ms"].is_u64(), "{bye}");
    });
}

#[test]
fn a_session_has_few_connections_by_polling_and_none_after_its_end() {
    let server = Server::start();
    let bob = server.join("bob");
    let first = poll(&server, &bob, None, 20);
    for _ in 0..4 {
        poll(&server, &bob, None, 20);
    }
    let again = poll(&server, &bob, Some(cursor(&first)), 20);
    assert_eq!(frames(&again)[0]["ready"]["resumed"], json!(true), "another connection: {again}");

    for path in ["/v1/poll?wait=61", "/v1/poll?wait=x", "/v1/poll?cursor=x"] {
        let (status, error) = server.call("GET", path, Some(&bob.token), None);
        assert_eq!((status, &error["error"]["code"]), (400, &json!("invalid_field")), "{path}");
    }
    let path = format!("/v1/poll?wait=30&cursor={}", cursor(&again));
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| server.call("GET", &path, Some(&bob.token), None));
        assert_eq!(server.call("DELETE", "/v1/session", Some(&bob.token), None).0, 204);
        // It was told while it waited, or refused because it came later.
        match waiting.join().expect("answered") {
            (200, answer) => assert_eq!(frames(&answer)[0]["bye"]["code"], json!(4202), "{answer}"),
            (status, error) => assert_eq!(status, 401, "{error}"),
        }
    });
    assert_eq!(server.call("GET", "/v1/poll", Some(&bob.token), None).0, 401);
}
