//! What somebody keeps of conversations, on all own devices and nowhere else.

use serde_json::{Value, json};

use crate::harness::{Person, Server};
use crate::socket::{Socket, message_id};

fn settings_of(conversation: &str) -> String {
    format!("/v1/conversations/{conversation}/settings")
}

fn put(server: &Server, who: &Person, conversation: &str, mut body: Value) -> (u16, Value) {
    body["message_id"] = json!(message_id());
    server.call("PUT", &settings_of(conversation), Some(&who.token), Some(&body))
}

fn listed<'a>(heads: &'a Value, conversation: &str) -> Option<&'a Value> {
    heads.as_array().expect("heads").iter().find(|head| head["conversation"] == json!(conversation))
}

/// The list as a new device gets it.
fn list(server: &Server, who: &Person) -> Value {
    let (status, page) = server.call("GET", "/v1/conversations?limit=100", Some(&who.token), None);
    assert_eq!(status, 200, "{page}");
    page["heads"].clone()
}

/// Two people in a direct, and a socket of each.
fn two(server: &Server) -> (Person, Socket, Person, Socket, String) {
    let (ada, bob) = (server.join("ada"), server.join("bob"));
    let (mut on_ada, on_bob) = (server.connect(&ada, None), server.connect(&bob, None));
    let ok = on_ada.say_to(&bob.account, "hi bob");
    let direct = ok["conversation"].as_str().expect("an id").to_owned();
    (ada, on_ada, bob, on_bob, direct)
}

#[test]
fn what_one_device_wishes_the_others_learn_and_nobody_else() {
    let server = Server::start();
    let (ada, mut on_ada, _, mut on_bob, direct) = two(&server);
    let mut on_tablet = server.connect(&server.sign_in("ada"), None);

    let wish =
        json!({"kind": "personal", "conversation": direct, "archived": true, "draft": "so fa"});
    let send = json!({"message_id": message_id(), "body": wish});
    let ok = on_ada.ask(send.clone()).expect("kept");
    assert_eq!((&ok["seq"], &ok["ordinal"]), (&json!(2), &json!(0)), "{ok}");
    let log = ok["conversation"].as_str().expect("an id");
    assert_eq!(&log[14..16], "84", "the kind stands in the id");
    let again = on_ada.ask(send).expect("a retry");
    assert_eq!((&again["seq"], &again["duplicate"]), (&json!(2), &json!(true)));

    let gained = on_tablet.expect("heads");
    assert_eq!(gained["heads"][0]["kind"], json!("account"));
    let event = on_tablet.expect_where("event", |event| event["body"]["kind"] == "personal");
    assert_eq!((&event["seq"], &event["body"]), (&json!(2), &wish));
    assert_eq!(on_tablet.history(log).len(), 2);

    on_ada.say(&direct, "and now for you");
    on_bob.expect_where("event", |event| event["body"]["text"] == "and now for you");
    assert!(!on_bob.saw_anything_of(log), "it is not for others");
    assert_eq!(on_bob.fetch(json!({"conversation": log})).expect_err("no")["code"], "not_found");
    let theirs = json!({"kind": "personal", "conversation": direct, "archived": true});
    assert_eq!(on_bob.change(log, theirs).expect_err("no")["code"], "not_found");

    let (status, kept) = server.call("GET", &settings_of(&direct), Some(&ada.token), None);
    assert_eq!((status, kept), (200, json!({"seq": 2, "archived": true, "draft": "so fa"})));
}

#[test]
fn a_device_that_does_not_know_the_newest_is_refused_and_told() {
    let server = Server::start();
    let (ada, mut on_ada, _, _, direct) = two(&server);
    let (status, nothing) = server.call("GET", &settings_of(&direct), Some(&ada.token), None);
    assert_eq!((status, nothing), (200, json!({})));
    let (status, ok) = put(&server, &ada, &direct, json!({"pinned": true}));
    assert_eq!((status, &ok["seq"]), (201, &json!(2)), "{ok}");
    let (status, error) = put(&server, &ada, &direct, json!({"draft": "from another device"}));
    assert_eq!((status, &error["error"]["code"]), (409, &json!("outdated")), "{error}");
    assert_eq!(error["error"]["current"], json!({"seq": 2, "pinned": true}));
    assert_eq!(error["error"]["field"], json!("based_on"));
    let wish = json!({"kind": "personal", "conversation": direct, "unread": true});
    let error = on_ada.ask(json!({"message_id": message_id(), "body": wish})).expect_err("late");
    assert_eq!((&error["code"], &error["current"]["seq"]), (&json!("outdated"), &json!(2)));
    let (status, ok) = put(&server, &ada, &direct, json!({"draft": "mine", "based_on": 2}));
    assert_eq!((status, &ok["seq"]), (201, &json!(3)));
    let (status, same) = put(&server, &ada, &direct, json!({"draft": "mine"}));
    assert_eq!((status, &same["seq"], &same["duplicate"]), (200, &json!(3), &json!(true)));
}

#[test]
fn what_cannot_be_kept_is_refused_by_name() {
    let server = Server::start();
    let (ada, mut on_ada, bob, _, direct) = two(&server);
    let group = on_ada.create("ours", &[&bob]);
    let cleo = server.join("cleo");
    for (who, conversation, body, code, field) in [
        (&cleo, &direct, json!({"archived": true}), "not_found", "conversation"),
        (&ada, &direct, json!({"cleared": 3}), "seq_unknown", "cleared"),
        (&ada, &direct, json!({"hidden": 9}), "seq_unknown", "hidden"),
        (&ada, &direct, json!({"based_on": 5}), "seq_unknown", "based_on"),
        (&ada, &direct, json!({"draft": ""}), "invalid_field", "draft"),
        (&ada, &direct, json!({"draft": "x".repeat(8_001)}), "invalid_field", "draft"),
        (&ada, &direct, json!({"mute_until": "later"}), "invalid_field", "mute_until"),
    ] {
        let (_, error) = put(&server, who, conversation, body);
        assert_eq!(error["error"]["code"], json!(code), "{error}");
        assert_eq!(error["error"]["field"], json!(field), "{error}");
    }
    let (status, error) = server.call("GET", &settings_of(&direct), Some(&cleo.token), None);
    assert_eq!((status, &error["error"]["code"]), (404, &json!("not_found")));
    let wish = json!({"kind": "personal", "conversation": direct, "archived": true});
    assert_eq!(on_ada.change(&group, wish.clone()).expect_err("no")["code"], "wrong_kind");
    assert_eq!(on_ada.change(&direct, wish).expect_err("no")["code"], "wrong_kind");
    put(&server, &ada, &group, json!({"muted": true, "mute_until": 1}));
    let log = list(&server, &ada)[0]["conversation"].as_str().expect("an id").to_owned();
    let text = json!({"kind": "text", "text": "not a chat"});
    assert_eq!(on_ada.change(&log, text).expect_err("no")["code"], "wrong_kind");
}

#[test]
fn lists_begin_with_the_log_and_carry_what_is_kept() {
    let server = Server::start();
    let (ada, mut on_ada, bob, _, direct) = two(&server);
    let cursor = on_ada.cursor();
    let group = on_ada.create("ours", &[&bob]);
    put(&server, &ada, &direct, json!({"mute_until": 9_000, "pinned": true}));
    on_ada.say(&group, "the newest");

    let fresh = server.connect(&server.sign_in("ada"), None);
    let heads = fresh.ready["heads"].clone();
    let order: Vec<_> = heads.as_array().expect("heads").iter().map(|head| &head["kind"]).collect();
    assert_eq!(order, ["account", "group", "direct"]);
    assert_eq!(heads[2]["personal"], json!({"seq": 2, "mute_until": 9_000, "pinned": true}));
    assert!(heads[1]["personal"].is_null());
    let one = server.call("GET", &format!("/v1/conversations/{direct}"), Some(&ada.token), None).1;
    assert_eq!(one["personal"], heads[2]["personal"]);

    // Page by page as well.
    let mut kinds = Vec::new();
    let mut path = "/v1/conversations?limit=1".to_owned();
    loop {
        let page = server.call("GET", &path, Some(&ada.token), None).1;
        kinds.extend(page["heads"].as_array().expect("heads").iter().map(|h| h["kind"].clone()));
        let Some(more) = page["more"].as_str() else { break };
        path = format!("/v1/conversations?limit=1&more={more}");
    }
    assert_eq!(kinds, ["account", "group", "direct"]);

    let back = server.connect(&ada, Some(&cursor));
    assert_eq!(back.ready["resumed"], json!(true));
    assert_eq!(back.ready["heads"][0]["kind"], json!("account"), "a device that was away sees it");
}

#[test]
fn what_is_hidden_stays_out_until_something_is_said() {
    let server = Server::start();
    let (ada, mut on_ada, _, mut on_bob, direct) = two(&server);
    on_bob.say(&direct, "hello");
    on_ada.expect_where("event", |event| event["body"]["text"] == "hello");
    let (status, _) = put(&server, &ada, &direct, json!({"hidden": 3}));
    assert_eq!(status, 201);
    assert!(listed(&list(&server, &ada), &direct).is_none());
    let react = json!({"kind": "react", "target": 3, "emoji": "👍"});
    on_bob.change(&direct, react).expect("reacted");
    assert!(listed(&list(&server, &ada), &direct).is_none(), "that is no message");
    assert_eq!(on_ada.history(&direct).len(), 4, "it is a view, and takes no rights");

    on_bob.say(&direct, "are you there?");
    let heads = list(&server, &ada);
    let head = listed(&heads, &direct).expect("something was said");
    assert_eq!((&head["last"]["text"], &head["unread"]), (&json!("are you there?"), &json!(2)));
    let theirs =
        server.call("GET", "/v1/conversations", Some(&server.sign_in("bob").token), None).1;
    assert!(listed(&theirs["heads"], &direct).is_some(), "for others nothing changed");
}

#[test]
fn what_was_cleared_is_neither_shown_nor_unread() {
    let server = Server::start();
    let (ada, _, _, mut on_bob, direct) = two(&server);
    for text in ["one", "two", "three"] {
        on_bob.say(&direct, text);
    }
    put(&server, &ada, &direct, json!({"cleared": 4}));
    let heads = list(&server, &ada);
    let head = listed(&heads, &direct).expect("listed");
    assert_eq!((&head["unread"], &head["last"]["text"]), (&json!(1), &json!("three")));
    put(&server, &ada, &direct, json!({"cleared": 5, "based_on": 2}));
    let heads = list(&server, &ada);
    let head = listed(&heads, &direct).expect("listed");
    assert_eq!((&head["unread"], &head["last"]), (&json!(0), &Value::Null));
}

#[test]
fn what_is_kept_survives_the_end_of_the_server() {
    let server = Server::start();
    let (ada, _, _, _, direct) = two(&server);
    put(&server, &ada, &direct, json!({"draft": "half a th"}));
    let server = server.kill().serve();
    let kept = server.call("GET", &settings_of(&direct), Some(&ada.token), None).1;
    assert_eq!(kept, json!({"seq": 2, "draft": "half a th"}));
    let (data, code) = server.stop();
    assert_eq!(code, Some(0));
    let server = data.serve();
    let heads = list(&server, &ada);
    let head = listed(&heads, &direct).expect("listed");
    assert_eq!(head["personal"]["draft"], json!("half a th"));
    let (status, error) = put(&server, &ada, &direct, json!({"draft": "other"}));
    assert_eq!((status, &error["error"]["current"]["seq"]), (409, &json!(2)));
}

#[test]
fn of_two_devices_at_once_one_wins_and_the_other_is_told() {
    let server = Server::start();
    let (_, mut on_ada, _, _, direct) = two(&server);
    let mut on_tablet = server.connect(&server.sign_in("ada"), None);
    let mut based_on = Value::Null;
    for round in 0..40 {
        // Both are on their way before either is answered, so the refusal waits for what it shows.
        let wish = |by: &str| {
            let draft = format!("{by} {round}");
            let body = json!({"kind": "personal", "conversation": direct, "based_on": based_on, "draft": draft});
            json!({"send": {"id": 900 + round, "message_id": message_id(), "body": body}})
        };
        on_ada.send(&wish("telephone"));
        on_tablet.send(&wish("tablet"));
        let answers = [&mut on_ada, &mut on_tablet].map(|socket| socket.outcome(900 + round));
        let won: Vec<_> = answers.iter().filter_map(|answer| answer.as_ref().ok()).collect();
        let lost: Vec<_> = answers.iter().filter_map(|answer| answer.as_ref().err()).collect();
        assert_eq!((won.len(), lost.len()), (1, 1), "{answers:?}");
        assert_eq!(lost[0]["code"], "outdated");
        assert_eq!(lost[0]["current"]["seq"], won[0]["seq"]);
        let by = if answers[0].is_ok() { "telephone" } else { "tablet" };
        assert_eq!(lost[0]["current"]["draft"], json!(format!("{by} {round}")));
        based_on = won[0]["seq"].clone();
    }
    let log = list(&server, &server.sign_in("ada"))[0]["conversation"].clone();
    let log = log.as_str().expect("an id");
    assert_eq!(on_ada.history(log).len(), 41, "one event a round, and the first");
    assert_eq!(on_ada.history(log), on_tablet.history(log));
}
