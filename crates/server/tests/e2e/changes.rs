//! Edits, deletions and reactions.

use serde_json::{Value, json};

use crate::harness::Server;
use crate::socket::texts;

fn at(events: &[Value], seq: &Value) -> Value {
    events
        .iter()
        .find(|event| event["seq"] == *seq)
        .unwrap_or_else(|| panic!("{seq} in {events:?}"))
        .clone()
}

#[test]
fn an_edit_shows_beside_the_first_text() {
    let server = Server::start();
    let (ada, bob) = (server.join("ada"), server.join("bob"));
    let (mut on_ada, mut on_bob) = (server.connect(&ada, None), server.connect(&bob, None));
    let first = on_ada.say_to(&bob.account, "helo");
    let conversation = first["conversation"].as_str().expect("an id");
    let edit =
        json!({"kind": "edit", "target": first["seq"], "body": {"kind": "text", "text": "hello"}});
    let refused = on_bob.change(conversation, edit.clone()).expect_err("refused");
    assert_eq!(refused["code"], json!("forbidden"));
    let edited = on_ada.change(conversation, edit).expect("edited");
    on_bob.expect_where("event", |event| event["body"]["kind"] == json!("edit"));
    let event = at(&on_bob.history(conversation), &first["seq"]);
    assert_eq!(event["body"]["text"], json!("helo"), "as logged");
    assert_eq!(
        (&event["now"]["body"]["text"], &event["now"]["edited"], &event["now"]["as_of"]),
        (&json!("hello"), &json!(true), &edited["seq"])
    );
}

#[test]
fn a_deleted_message_and_its_edits_are_served_without_a_body() {
    let server = Server::start();
    let (ada, bob) = (server.join("ada"), server.join("bob"));
    let (mut on_ada, mut on_bob) = (server.connect(&ada, None), server.connect(&bob, None));
    let first = on_ada.say_to(&bob.account, "secret");
    let conversation = first["conversation"].as_str().expect("an id");
    let edit = json!({"kind": "edit", "target": first["seq"], "body": {"kind": "text", "text": "secret too"}});
    on_ada.change(conversation, edit).expect("edited");
    on_ada
        .change(conversation, json!({"kind": "delete", "target": first["seq"]}))
        .expect("deleted");
    let again = on_ada
        .change(conversation, json!({"kind": "delete", "target": first["seq"]}))
        .expect("accepted");
    assert_eq!(again["duplicate"], json!(true), "a change that changes nothing");
    let events = on_bob.history(conversation);
    assert!(!json!(events).to_string().contains("secret"), "{events:?}");
    assert_eq!(at(&events, &first["seq"])["body"], json!({"kind": "deleted"}));
    assert_eq!(texts(&events), Vec::<String>::new());
    let (_, head) =
        server.call("GET", &format!("/v1/conversations/{conversation}"), Some(&bob.token), None);
    assert_eq!(head["last"].get("text").and_then(Value::as_str), None, "{head}");
    let changes = json!({"conversation": conversation, "changes_after": first["seq"], "up_to": first["seq"], "limit": 10});
    let page = on_bob.fetch(changes).expect("a page");
    assert_eq!(page["events"][0]["seq"], first["seq"], "{page}");
}

#[test]
fn reactions_are_counted_once_and_can_be_taken_back() {
    let server = Server::start();
    let (ada, bob) = (server.join("ada"), server.join("bob"));
    let (mut on_ada, mut on_bob) = (server.connect(&ada, None), server.connect(&bob, None));
    let first = on_ada.say_to(&bob.account, "lunch?");
    let conversation = first["conversation"].as_str().expect("an id");
    let react = json!({"kind": "react", "target": first["seq"], "emoji": "👍"});
    let reacted = on_bob.change(conversation, react.clone()).expect("reacted");
    let again = on_bob.change(conversation, react).expect("accepted");
    assert_eq!((&again["duplicate"], &again["seq"]), (&json!(true), &reacted["seq"]));
    let event = at(&on_ada.history(conversation), &first["seq"]);
    assert_eq!(event["now"]["reactions"].as_array().map(Vec::len), Some(1), "{event}");
    on_bob
        .change(conversation, json!({"kind": "unreact", "target": first["seq"], "emoji": "👍"}))
        .expect("taken back");
    let event = at(&on_ada.history(conversation), &first["seq"]);
    assert!(!event["now"].to_string().contains("👍"), "{event}");
    let word = json!({"kind": "react", "target": first["seq"], "emoji": "lol"});
    assert_eq!(
        on_bob.change(conversation, word).expect_err("refused")["code"],
        json!("invalid_field")
    );
}
