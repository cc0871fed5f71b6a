//! Two people.

use serde_json::json;

use crate::harness::Server;
use crate::socket::{message_id, texts};

#[test]
fn a_message_arrives_once_and_in_order_on_every_device() {
    let server = Server::start();
    let (ada, bob) = (server.join("ada"), server.join("bob"));
    let ada_laptop = server.sign_in("ada");
    let mut on_ada = server.connect(&ada, None);
    let mut on_laptop = server.connect(&ada_laptop, None);
    let mut on_bob = server.connect(&bob, None);

    let ok = on_ada.say_to(&bob.account, "hello");
    assert_eq!(ok["seq"], json!(2), "the first event creates the conversation");
    for (socket, own) in [(&mut on_laptop, true), (&mut on_bob, false)] {
        let heads = socket.expect("heads");
        assert_eq!(
            heads["heads"][0]["conversation"], ok["conversation"],
            "a conversation is known before its events"
        );
        let create = socket.expect("event");
        assert_eq!((&create["seq"], &create["body"]["kind"]), (&json!(1), &json!("create")));
        let event = socket.expect("event");
        assert_eq!(event["body"]["text"], json!("hello"));
        assert_eq!(
            (&event["seq"], &event["hash"], &event["at"]),
            (&ok["seq"], &ok["hash"], &ok["at"])
        );
        assert_eq!(event["device"].is_string(), own, "the device is for own devices only");
    }
    let conversation = ok["conversation"].as_str().expect("an id");
    for number in 0..50 {
        on_ada.say(conversation, &number.to_string());
    }
    let got: Vec<u64> =
        (0..50).map(|_| on_bob.expect("event")["seq"].as_u64().expect("a number")).collect();
    assert_eq!(got, (3..53).collect::<Vec<_>>());
}

#[test]
fn a_retry_gets_the_first_answer_and_another_body_is_refused() {
    let server = Server::start();
    let (ada, bob) = (server.join("ada"), server.join("bob"));
    let mut socket = server.connect(&ada, None);
    let send = json!({"to": bob.account, "message_id": message_id(), "body": {"kind": "text", "text": "once"}});
    let first = socket.ask(send.clone()).expect("accepted");
    for _ in 0..3 {
        let again = socket.ask(send.clone()).expect("accepted");
        assert_eq!(
            (&again["seq"], &again["hash"], &again["duplicate"]),
            (&first["seq"], &first["hash"], &json!(true))
        );
    }
    let mut other = send.clone();
    other["body"]["text"] = json!("twice");
    assert_eq!(socket.ask(other).expect_err("refused")["code"], json!("message_id_conflict"));
    let conversation = first["conversation"].as_str().expect("an id");
    assert_eq!(texts(&socket.history(conversation)), ["once"]);
}

#[test]
fn two_first_messages_make_one_conversation() {
    let server = Server::start();
    let (ada, bob) = (server.join("ada"), server.join("bob"));
    let (mut on_ada, mut on_bob) = (server.connect(&ada, None), server.connect(&bob, None));
    let from_ada = on_ada.say_to(&bob.account, "from ada");
    let from_bob = on_bob.say_to(&ada.account, "from bob");
    assert_eq!(from_ada["conversation"], from_bob["conversation"]);
    assert_eq!((&from_ada["seq"], &from_bob["seq"]), (&json!(2), &json!(3)));
}

#[test]
fn notes_to_oneself_are_a_conversation_of_one() {
    let server = Server::start();
    let ada = server.join("ada");
    let mut socket = server.connect(&ada, None);
    let ok = socket.say_to(&ada.account, "milk");
    let conversation = ok["conversation"].as_str().expect("an id");
    assert_eq!(texts(&socket.history(conversation)), ["milk"]);
    let (_, head) =
        server.call("GET", &format!("/v1/conversations/{conversation}"), Some(&ada.token), None);
    assert_eq!((&head["kind"], &head["unread"]), (&json!("self"), &json!(0)), "{head}");
}

#[test]
fn delivered_and_read_are_seen_and_only_advance() {
    let server = Server::start();
    let (ada, bob) = (server.join("ada"), server.join("bob"));
    let (mut on_ada, mut on_bob) = (server.connect(&ada, None), server.connect(&bob, None));
    let ok = on_ada.say_to(&bob.account, "one");
    let conversation = ok["conversation"].clone();
    on_ada.say_to(&bob.account, "two");
    on_bob.expect_where("event", |event| event["seq"] == json!(3));
    on_bob.send(&json!({"mark": {"conversation": conversation, "delivered": 3, "read": 2}}));
    let marks = on_ada.expect("mark");
    assert_eq!(marks["marks"][0], json!({"account": bob.account, "delivered": 3, "read": 2}));

    on_bob.send(&json!({"mark": {"conversation": conversation, "read": 99}}));
    let error = on_bob.expect("error");
    assert_eq!(error["code"], json!("seq_unknown"));

    let path = format!("/v1/conversations/{}", conversation.as_str().expect("an id"));
    let (_, head) = server.call("GET", &path, Some(&bob.token), None);
    assert_eq!(head["unread"], json!(1), "{head}");
}

#[test]
fn rest_and_socket_write_into_the_same_log() {
    let server = Server::start();
    let (ada, bob) = (server.join("ada"), server.join("bob"));
    let mut on_bob = server.connect(&bob, None);
    let body = json!({"message_id": message_id(), "body": {"kind": "text", "text": "by REST"}});
    let path = format!("/v1/directs/{}/messages", bob.account);
    let (status, ok) = server.call("POST", &path, Some(&ada.token), Some(&body));
    assert_eq!((status, &ok["seq"]), (201, &json!(2)), "{ok}");
    let (status, again) = server.call("POST", &path, Some(&ada.token), Some(&body));
    assert_eq!(
        (status, &again["seq"], &again["duplicate"]),
        (200, &json!(2), &json!(true)),
        "{again}"
    );
    on_bob.expect_where("event", |event| event["body"]["text"] == json!("by REST"));
    let conversation = ok["conversation"].as_str().expect("an id");
    on_bob.say(conversation, "by socket");
    let path = format!("/v1/conversations/{conversation}/messages?after=0");
    let (_, page) = server.call("GET", &path, Some(&ada.token), None);
    assert_eq!(texts(page["events"].as_array().expect("events")), ["by REST", "by socket"]);
}
