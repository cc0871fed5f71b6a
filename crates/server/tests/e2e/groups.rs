//! Groups: who comes and goes, who may what, who sees what.

use serde_json::json;

use crate::harness::Server;
use crate::socket::{Socket, message_id, texts};

fn kinds(socket: &mut Socket, conversation: &str) -> Vec<String> {
    let events = socket.history(conversation);
    events.iter().map(|event| event["body"]["kind"].as_str().expect("a kind").to_owned()).collect()
}

#[test]
fn everyone_sees_the_same_order_and_hashes() {
    let server = Server::start();
    let people: Vec<_> = (0..5).map(|n| server.join(&format!("person{n}"))).collect();
    let mut sockets: Vec<_> = people.iter().map(|person| server.connect(person, None)).collect();
    let members: Vec<_> = people[1..].iter().collect();
    let group = sockets[0].create("family", &members);
    for round in 0..10 {
        for socket in &mut sockets {
            let body = json!({"kind": "text", "text": format!("{round}")});
            socket.send(&json!({"send": {"id": 900 + round, "conversation": group, "message_id": message_id(), "body": body}}));
        }
    }
    for round in 0..10 {
        for socket in &mut sockets {
            socket.expect_where("ok", |ok| ok["id"] == json!(900 + round));
        }
    }
    let mut first = None;
    for socket in &mut sockets {
        let events = socket.history(&group);
        let seen: Vec<_> =
            events.iter().map(|event| (event["seq"].clone(), event["hash"].clone())).collect();
        assert_eq!(*first.get_or_insert_with(|| seen.clone()), seen);
    }
    assert!(first.is_some_and(|seen| seen.len() == 51));
}

#[test]
fn a_new_member_sees_nothing_from_before_and_a_former_one_nothing_from_after() {
    let server = Server::start();
    let (ada, bob, cleo) = (server.join("ada"), server.join("bob"), server.join("cleo"));
    let mut on_ada = server.connect(&ada, None);
    let mut on_cleo = server.connect(&cleo, None);
    let group = on_ada.create("club", &[&bob]);
    on_ada.say(&group, "before");
    assert_eq!(
        on_cleo
            .fetch(json!({"conversation": group, "after": 0, "limit": 10}))
            .expect_err("refused")["code"],
        json!("not_found"),
        "outsiders learn nothing"
    );
    let added =
        on_ada.change(&group, json!({"kind": "add", "accounts": [cleo.account]})).expect("added");
    assert_eq!(on_cleo.expect("heads")["heads"][0]["first"], added["seq"]);
    on_ada.say(&group, "during");
    on_cleo.expect_where("event", |event| event["body"]["text"] == json!("during"));
    assert_eq!(texts(&on_cleo.history(&group)), ["during"]);

    on_ada.change(&group, json!({"kind": "remove", "account": cleo.account})).expect("removed");
    on_cleo.expect_where("event", |event| event["body"]["kind"] == json!("remove"));
    on_ada.say(&group, "after");
    assert_eq!(texts(&on_cleo.history(&group)), ["during"]);
    let refused =
        on_cleo.change(&group, json!({"kind": "text", "text": "let me in"})).expect_err("refused");
    assert_eq!(refused["code"], json!("not_a_member"));
    let (_, head) =
        server.call("GET", &format!("/v1/conversations/{group}"), Some(&cleo.token), None);
    assert_eq!((&head["last"]["text"], &head["role"]), (&json!("during"), &json!(null)), "{head}");

    on_ada.change(&group, json!({"kind": "add", "accounts": [cleo.account]})).expect("added");
    on_ada.say(&group, "again");
    let again = on_cleo.history(&group);
    assert_eq!(texts(&again), ["during", "again"]);
    assert!(
        again.iter().any(|event| event["body"] == json!({"kind": "hidden"})),
        "what was missed is one entry"
    );
}

#[test]
fn roles_decide_who_may_what() {
    let server = Server::start();
    let (ada, bob, cleo) = (server.join("ada"), server.join("bob"), server.join("cleo"));
    let mut on_ada = server.connect(&ada, None);
    let mut on_bob = server.connect(&bob, None);
    let group = on_ada.create("club", &[&bob, &cleo]);
    let forbidden = on_bob
        .change(&group, json!({"kind": "remove", "account": cleo.account}))
        .expect_err("refused");
    assert_eq!(forbidden["code"], json!("forbidden"));
    on_ada
        .change(&group, json!({"kind": "role", "account": bob.account, "role": "admin"}))
        .expect("promoted");
    on_bob.change(&group, json!({"kind": "remove", "account": cleo.account})).expect("removed");
    on_ada.change(&group, json!({"kind": "settings", "send": "admins"})).expect("set");
    on_ada.change(&group, json!({"kind": "rename", "title": "The club"})).expect("renamed");
    let left = on_ada.change(&group, json!({"kind": "leave"})).expect("left");
    let leave = on_bob.expect_where("event", |event| event["seq"] == left["seq"]);
    assert_eq!(leave["body"]["promoted"], json!(bob.account), "the last owner's place is taken");
    let (_, head) =
        server.call("GET", &format!("/v1/conversations/{group}"), Some(&bob.token), None);
    assert_eq!((&head["role"], &head["title"]), (&json!("owner"), &json!("The club")), "{head}");
    assert_eq!(
        kinds(&mut on_bob, &group),
        ["create", "role", "remove", "settings", "rename", "leave"]
    );
}

#[test]
fn creating_a_group_twice_with_one_key_makes_one() {
    let server = Server::start();
    let (ada, bob) = (server.join("ada"), server.join("bob"));
    let body = json!({"key": "trip", "title": "Trip", "members": [bob.account]});
    let (status, first) = server.call("POST", "/v1/conversations", Some(&ada.token), Some(&body));
    assert_eq!(status, 201, "{first}");
    let (status, again) = server.call("POST", "/v1/conversations", Some(&ada.token), Some(&body));
    assert_eq!((status, &again["conversation"]), (200, &first["conversation"]), "{again}");
    let (_, list) = server.call("GET", "/v1/conversations", Some(&bob.token), None);
    assert_eq!(list["heads"].as_array().map(Vec::len), Some(1), "{list}");
}

#[test]
fn members_who_do_not_exist_are_refused_before_anything_is_written() {
    let server = Server::start();
    let ada = server.join("ada");
    let mut socket = server.connect(&ada, None);
    let nobody = message_id();
    let body = json!({"kind": "create", "key": "ghosts", "members": [nobody]});
    let refused = socket.ask(json!({"body": body})).expect_err("refused");
    assert_eq!(refused["code"], json!("not_found"));
    let (_, list) = server.call("GET", "/v1/conversations", Some(&ada.token), None);
    assert_eq!(list["heads"], json!([]));
}
