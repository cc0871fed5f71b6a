//! Contacts and blocks.

use serde_json::{Value, json};

use crate::harness::{Person, Server};
use crate::socket::message_id;

fn call(server: &Server, method: &str, who: &Person, what: &str, other: &Person) -> (u16, Value) {
    let path = format!("/v1/{what}/{}", other.account);
    server.call(method, &path, Some(&who.token), None)
}

#[test]
fn contacts_are_kept_listed_and_given_up() {
    let server = Server::start();
    let ada = server.join("ada");
    let others: Vec<_> = (0..5).map(|n| server.join(&format!("friend{n}"))).collect();
    for other in &others {
        let (status, contact) = call(&server, "PUT", &ada, "contacts", other);
        assert_eq!((status, &contact["account"]), (201, &json!(other.account)), "{contact}");
    }
    assert_eq!(call(&server, "PUT", &ada, "contacts", &others[0]).0, 200, "again");
    let (status, contact) = call(&server, "GET", &ada, "contacts", &others[0]);
    assert_eq!((status, &contact["handle"]), (200, &json!("friend0")));
    assert_eq!(call(&server, "GET", &others[0], "contacts", &ada).0, 404, "one-sided");
    assert_eq!(call(&server, "DELETE", &ada, "contacts", &others[1]).0, 204);
    assert_eq!(call(&server, "DELETE", &ada, "contacts", &others[1]).0, 204, "again");

    let (mut listed, mut path) = (Vec::new(), "/v1/contacts?limit=2".to_owned());
    loop {
        let (status, page) = server.call("GET", &path, Some(&ada.token), None);
        assert_eq!(status, 200, "{page}");
        let people = page["people"].as_array().expect("people");
        listed.extend(people.iter().map(|person| person["account"].clone()));
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/v1/contacts?limit=2&after={next}");
    }
    let mut expected: Vec<_> = [0, 2, 3, 4].map(|n: usize| others[n].account.clone()).to_vec();
    expected.sort();
    assert_eq!(listed, expected);

    for (other, status, code) in [
        (ada.account.as_str(), 400, "invalid_field"),
        ("0192f0c0-0000-7000-8000-00000000ada0", 404, "not_found"),
        ("nobody", 404, "not_found"),
    ] {
        let path = format!("/v1/contacts/{other}");
        let (found, error) = server.call("PUT", &path, Some(&ada.token), None);
        assert_eq!((found, &error["error"]["code"]), (status, &json!(code)), "{error}");
    }
}

#[test]
fn a_block_closes_the_direct_at_once_and_leaves_groups_alone() {
    let server = Server::start();
    let (ada, bob) = (server.join("ada"), server.join("bob"));
    let (mut on_ada, mut on_bob) = (server.connect(&ada, None), server.connect(&bob, None));
    let ok = on_bob.say_to(&ada.account, "hi");
    let direct = ok["conversation"].as_str().expect("an id").to_owned();
    let group = on_ada.create("ours", &[&bob]);

    assert_eq!(call(&server, "PUT", &ada, "blocks", &bob).0, 201);
    let text = json!({"kind": "text", "text": "still there?"});
    let refused = on_bob.change(&direct, text.clone()).expect_err("blocked");
    assert_eq!(refused["code"], "cannot_message");
    let to = json!({"to": ada.account, "message_id": message_id(), "body": text});
    assert_eq!(on_bob.ask(to).expect_err("blocked")["code"], "cannot_message");
    let edit = json!({"kind": "edit", "target": 2, "body": {"kind": "text", "text": "ha"}});
    assert_eq!(on_bob.change(&direct, edit).expect_err("blocked")["code"], "cannot_message");
    assert_eq!(on_ada.change(&direct, text.clone()).expect_err("too")["code"], "cannot_message");
    let path = format!("/v1/directs/{}/messages", ada.account);
    let body = json!({"message_id": message_id(), "body": text});
    assert_eq!(server.call("POST", &path, Some(&bob.token), Some(&body)).0, 403);
    assert_eq!(on_ada.history(&direct).len(), 2, "what was said stays");
    assert_eq!(call(&server, "GET", &bob, "blocks", &ada).0, 404, "nobody is told");

    on_bob.say(&group, "in the group");
    on_ada.expect_where("event", |event| event["body"]["text"] == "in the group");

    let server = server.kill().serve();
    let mut on_bob = server.connect(&bob, None);
    assert_eq!(on_bob.change(&direct, text.clone()).expect_err("no")["code"], "cannot_message");
    assert_eq!(call(&server, "GET", &ada, "blocks", &bob).0, 200);
    assert_eq!(call(&server, "DELETE", &ada, "blocks", &bob).0, 204);
    on_bob.change(&direct, text).expect("open again");
}

#[test]
fn a_direct_is_open_when_both_have_given_up_their_block() {
    let server = Server::start();
    let (ada, bob) = (server.join("ada"), server.join("bob"));
    let mut on_bob = server.connect(&bob, None);
    call(&server, "PUT", &ada, "blocks", &bob);
    call(&server, "PUT", &bob, "blocks", &ada);
    call(&server, "DELETE", &ada, "blocks", &bob);
    let text = json!({"kind": "text", "text": "x"});
    let send = json!({"to": ada.account, "message_id": message_id(), "body": text});
    assert_eq!(on_bob.ask(send.clone()).expect_err("one is left")["code"], "cannot_message");
    call(&server, "DELETE", &bob, "blocks", &ada);
    on_bob.ask(send).expect("open");
}
