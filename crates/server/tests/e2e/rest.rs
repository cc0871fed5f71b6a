//! Whatever a socket can do, REST can do: a conversation led without any socket, and one that watches.

use serde_json::{Value, json};

use crate::harness::{Person, Server};
use crate::socket::message_id;

/// A conversation's path and somebody who walks it.
struct Walk<'s> {
    server: &'s Server,
    path: String,
}

impl Walk<'_> {
    #[expect(clippy::needless_pass_by_value, reason = "tests write the body where they send it")]
    fn call(&self, person: &Person, method: &str, rest: &str, body: Option<Value>) -> (u16, Value) {
        let path = format!("{}{rest}", self.path);
        self.server.call(method, &path, Some(&person.token), body.as_ref())
    }

    /// Writes something under a new name; what it answers.
    fn write(&self, person: &Person, method: &str, rest: &str, mut body: Value) -> Value {
        body["message_id"] = json!(message_id());
        let (status, ok) = self.call(person, method, rest, Some(body.clone()));
        assert_eq!(status, 201, "{method} {rest}: {ok}");
        let (status, again) = self.call(person, method, rest, Some(body));
        assert_eq!((status, &again["seq"]), (200, &ok["seq"]), "a retry of {method} {rest}");
        ok
    }

    fn get(&self, person: &Person, rest: &str) -> Value {
        let (status, answer) = self.call(person, "GET", rest, None);
        assert_eq!(status, 200, "{rest}: {answer}");
        answer
    }

    fn refused(&self, person: &Person, method: &str, rest: &str, body: Option<Value>) -> Value {
        let (status, error) = self.call(person, method, rest, body);
        assert!(status >= 400, "{method} {rest}: {error}");
        error["error"]["code"].clone()
    }
}

fn group<'s>(server: &'s Server, owner: &Person, members: &[&Person]) -> Walk<'s> {
    let members: Vec<&str> = members.iter().map(|person| person.account.as_str()).collect();
    let body = json!({"key": "k", "title": "before", "members": members});
    let (status, head) = server.call("POST", "/v1/conversations", Some(&owner.token), Some(&body));
    assert_eq!(status, 201, "{head}");
    let id = head["conversation"].as_str().expect("an id");
    Walk { server, path: format!("/v1/conversations/{id}") }
}

fn roles(page: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let members = page["members"].as_array().expect("members").iter();
    members.map(|member| (text(&member["account"]), text(&member["role"]))).collect()
}

#[test]
fn messages_are_sent_edited_reacted_to_read_and_deleted() {
    let server = Server::start();
    let (ada, bob, cleo) = (server.join("ada"), server.join("bob"), server.join("cleo"));
    let walk = group(&server, &ada, &[&bob]);
    let mut on_bob = server.connect(&bob, None);
    let sent =
        walk.write(&ada, "POST", "/messages", json!({"body": {"kind": "text", "text": "one"}}));
    let message = format!("/messages/{}", sent["seq"]);
    for text in ["two", "three"] {
        walk.write(&ada, "PATCH", &message, json!({"body": {"kind": "text", "text": text}}));
    }
    let thumb = format!("{message}/reactions/%F0%9F%91%8D");
    walk.write(&bob, "PUT", &thumb, json!({}));
    on_bob.expect_where("event", |event| event["body"]["kind"] == json!("react"));

    let page = walk.get(&bob, &message);
    let shown = &page["events"][0];
    assert_eq!((&shown["body"]["text"], &shown["now"]["edited"]), (&json!("one"), &json!(true)));
    assert_eq!(shown["now"]["reactions"][0]["account"], json!(bob.account));
    let versions = walk.get(&bob, &format!("{message}/versions"));
    let texts: Vec<&Value> = versions["events"]
        .as_array()
        .expect("events")
        .iter()
        .map(|event| {
            if event["body"]["kind"] == json!("edit") {
                &event["body"]["body"]["text"]
            } else {
                &event["body"]["text"]
            }
        })
        .collect();
    assert_eq!(texts, [&json!("one"), &json!("two"), &json!("three")]);
    let later = versions["events"][1]["seq"].as_u64().expect("a seq");
    let rest = walk.get(&bob, &format!("{message}/versions?after={later}"));
    assert_eq!(rest["events"].as_array().map(Vec::len), Some(1), "{rest}");

    walk.write(&bob, "DELETE", &thumb, json!({}));
    walk.write(&ada, "DELETE", &message, json!({}));
    let versions = walk.get(&bob, &format!("{message}/versions"));
    assert!(
        versions["events"]
            .as_array()
            .expect("events")
            .iter()
            .all(|event| event["body"] == json!({"kind": "deleted"})),
        "{versions}"
    );

    for (method, rest) in
        [("GET", &message[..]), ("GET", "/members"), ("GET", "/marks"), ("DELETE", &message)]
    {
        let named = (method == "DELETE").then(|| json!({"message_id": message_id()}));
        assert_eq!(walk.refused(&cleo, method, rest, named), json!("not_found"), "{method} {rest}");
    }
    assert_eq!(walk.refused(&bob, "GET", "/messages/99", None), json!("not_found"));
    assert_eq!(walk.refused(&bob, "GET", "/messages/x", None), json!("not_found"));
    assert_eq!(
        walk.refused(&bob, "DELETE", &message, None),
        json!("invalid_field"),
        "without a name"
    );
}

#[test]
fn members_come_get_roles_and_go() {
    let server = Server::start();
    let (ada, bob, cleo) = (server.join("ada"), server.join("bob"), server.join("cleo"));
    let walk = group(&server, &ada, &[&bob]);
    walk.write(&bob, "POST", "/members", json!({"accounts": [cleo.account]}));
    walk.write(&ada, "PATCH", &format!("/members/{}", bob.account), json!({"role": "admin"}));
    let mut expected = [(&ada, "owner"), (&bob, "admin"), (&cleo, "member")]
        .map(|(person, role)| (person.account.clone(), role.to_owned()));
    expected.sort();
    let page = walk.get(&cleo, "/members");
    assert_eq!(roles(&page), expected);
    assert_eq!(page["people"].as_array().map(Vec::len), Some(3));
    let (mut got, mut after) = (Vec::new(), String::new());
    loop {
        let page = walk.get(&cleo, &format!("/members?limit=1{after}"));
        got.extend(roles(&page));
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    assert_eq!(got, expected, "page by page");

    for change in [
        json!({"title": "after"}),
        json!({"description": "about"}),
        json!({"settings": {"send": "admins"}}),
    ] {
        walk.write(&bob, "PATCH", "", change);
    }
    let head = walk.get(&cleo, "");
    assert_eq!((&head["title"], &head["description"]), (&json!("after"), &json!("about")));
    assert_eq!(head["settings"]["send"], json!("admins"));
    let two = json!({"message_id": message_id(), "title": "x", "description": "y"});
    assert_eq!(walk.refused(&bob, "PATCH", "", Some(two)), json!("invalid_field"));
    walk.write(&bob, "PATCH", "", json!({"description": ""}));
    assert_eq!(walk.get(&cleo, "")["description"], Value::Null);

    walk.write(&ada, "DELETE", &format!("/members/{}", bob.account), json!({}));
    walk.write(&cleo, "DELETE", &format!("/members/{}", cleo.account), json!({}));
    assert_eq!(roles(&walk.get(&ada, "/members")), [(ada.account.clone(), "owner".to_owned())]);
    // Who left keeps what was shown to them.
    assert_eq!(roles(&walk.get(&bob, "/members")).len(), 2, "as when bob was removed");
}

#[test]
fn marks_are_set_and_read() {
    let server = Server::start();
    let (ada, bob) = (server.join("ada"), server.join("bob"));
    let walk = group(&server, &ada, &[&bob]);
    let mut on_ada = server.connect(&ada, None);
    let sent =
        walk.write(&ada, "POST", "/messages", json!({"body": {"kind": "text", "text": "one"}}));
    let (status, _) = walk.call(&bob, "PUT", "/mark", Some(json!({"read": sent["seq"]})));
    assert_eq!(status, 204);
    let marks = on_ada.expect("mark");
    assert_eq!(marks["marks"][0]["read"], sent["seq"]);
    let page = walk.get(&ada, "/marks");
    let of = |person: &Person| {
        let marks = page["marks"].as_array().expect("marks");
        marks.iter().find(|marks| marks["account"] == json!(person.account)).expect("there").clone()
    };
    let bobs = of(&bob);
    assert_eq!((&bobs["delivered"], &bobs["read"]), (&sent["seq"], &sent["seq"]));
    assert_eq!(of(&ada)["read"], sent["seq"], "own messages are read");
    assert_eq!(walk.refused(&bob, "PUT", "/mark", Some(json!({"read": 99}))), json!("seq_unknown"));
    assert_eq!(walk.refused(&bob, "PUT", "/mark", Some(json!({}))), json!("invalid_field"));
}
