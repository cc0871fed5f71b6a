//! What is true for a moment.

use serde_json::{Value, json};

use crate::harness::Server;

#[test]
fn the_others_see_who_is_typing_and_nobody_else_does() {
    let server = Server::start();
    let (ada, bob, eve) = (server.join("ada"), server.join("bob"), server.join("eve"));
    let ada_laptop = server.sign_in("ada");
    let mut on_ada = server.connect(&ada, None);
    let ok = on_ada.say_to(&bob.account, "hello");
    let conversation = ok["conversation"].as_str().expect("an id").to_owned();
    let (mut on_bob, mut on_eve) = (server.connect(&bob, None), server.connect(&eve, None));
    let mut on_laptop = server.connect(&ada_laptop, None);

    on_ada.send(&json!({"signal": {"conversation": conversation, "kind": "typing"}}));
    let expected = json!({"conversation": conversation, "sender": ada.account, "kind": "typing"});
    assert_eq!(on_bob.expect("signal"), expected);

    on_eve.send(&json!({"signal": {"conversation": conversation, "kind": "typing"}}));
    let error = on_eve.expect("error");
    assert_eq!(
        (&error["code"], &error["field"]),
        (&json!("not_found"), &json!("signal.conversation"))
    );

    // Said twice, heard once: the message comes next, and nothing of it on other devices of the same account.
    on_ada.send(&json!({"signal": {"conversation": conversation, "kind": "typing"}}));
    on_ada.say(&conversation, "how are you?");
    for socket in [&mut on_bob, &mut on_laptop] {
        let next = socket.next().expect("a frame");
        assert_eq!(next["event"]["body"]["text"], json!("how are you?"), "{next}");
    }
}

#[test]
fn who_may_not_send_may_not_signal() {
    let server = Server::start();
    let (ada, bob) = (server.join("ada"), server.join("bob"));
    let (mut on_ada, mut on_bob) = (server.connect(&ada, None), server.connect(&bob, None));
    let body = json!({"kind": "create", "key": "news", "title": "News", "members": [bob.account], "settings": {"send": "admins"}});
    let ok = on_ada.ask(json!({"body": body})).expect("accepted");
    let signal = json!({"signal": {"conversation": ok["conversation"], "kind": "recording"}});
    on_bob.send(&signal);
    assert_eq!(on_bob.expect("error")["code"], json!("forbidden"));
    on_ada.send(&signal);
    assert_eq!(on_bob.expect("signal")["kind"], json!("recording"));

    let remove = json!({"conversation": ok["conversation"], "message_id": crate::socket::message_id(), "body": {"kind": "remove", "account": bob.account}});
    on_ada.ask(remove).expect("accepted");
    on_bob.send(&json!({"signal": {"conversation": ok["conversation"], "kind": "typing"}}));
    assert_eq!(on_bob.expect("error")["code"], json!("not_a_member"));
}

/// Watches, and gives what it says of the accounts.
fn watch(socket: &mut crate::socket::Socket, accounts: &[&str]) -> Vec<Value> {
    socket.send(&json!({"watch": {"id": 900, "accounts": accounts}}));
    let told = accounts.iter().map(|_| socket.expect("presence")).collect();
    assert_eq!(socket.expect_where("ok", |ok| ok["id"] == json!(900)), json!({"id": 900}));
    told
}

#[test]
fn watchers_see_who_comes_and_goes_and_strangers_see_nothing() {
    let server = Server::start();
    let (ada, bob, eve) = (server.join("ada"), server.join("bob"), server.join("eve"));
    let (mut on_ada, mut on_eve) = (server.connect(&ada, None), server.connect(&eve, None));
    on_ada.say_to(&bob.account, "hello");
    let offline = [json!({"account": bob.account, "state": "offline"})];
    assert_eq!(watch(&mut on_ada, &[&bob.account]), offline);

    let mut on_bob = server.connect(&bob, None);
    assert_eq!(on_ada.expect("presence"), json!({"account": bob.account, "state": "online"}));
    assert_eq!(watch(&mut on_eve, &[&bob.account]), offline, "they never spoke");
    on_bob.send(&json!({"presence": {"state": "away"}}));
    assert_eq!(on_ada.expect("presence")["state"], json!("away"));
    on_bob.send(&json!({"presence": {"state": "busy", "text": "On a train"}}));
    let busy = json!({"account": bob.account, "state": "busy", "text": "On a train"});
    assert_eq!(on_ada.expect("presence"), busy);

    drop(on_bob);
    let gone = on_ada.expect("presence");
    assert_eq!(
        (&gone["state"], &gone["text"]),
        (&json!("offline"), &json!("On a train")),
        "{gone}"
    );
    assert!(gone["last_seen"].is_u64(), "{gone}");
}

#[test]
fn who_is_invisible_was_never_there() {
    let server = Server::start();
    let (ada, bob) = (server.join("ada"), server.join("bob"));
    let bob_laptop = server.sign_in("bob");
    let mut on_ada = server.connect(&ada, None);
    on_ada.say_to(&bob.account, "hello");
    watch(&mut on_ada, &[&bob.account]);
    let mut on_bob = server.open();
    let hello = json!({"token": bob.token, "presence": {"state": "invisible"}});
    on_bob.send(&json!({"hello": hello}));
    on_bob.expect("ready");
    let mut on_laptop = server.connect(&bob_laptop, None);
    let own = on_laptop.expect("presence");
    assert_eq!(
        (&own["account"], &own["state"]),
        (&json!(bob.account), &json!("invisible")),
        "own devices know"
    );
    assert!(own["until"].is_u64(), "{own}");

    // The first thing that is seen is the end of it.
    on_bob.send(&json!({"presence": {"state": "busy"}}));
    assert_eq!(on_ada.expect("presence")["state"], json!("busy"));
    assert_eq!(on_laptop.expect("presence")["state"], json!("busy"));
}

#[test]
fn when_somebody_was_last_seen_is_known_after_a_restart() {
    let server = Server::start();
    let (ada, bob) = (server.join("ada"), server.join("bob"));
    let mut on_bob = server.connect(&bob, None);
    on_bob.say_to(&ada.account, "hello");
    drop(on_bob);
    let (data, _) = server.stop();
    let server = data.serve();
    let mut on_ada = server.connect(&ada, None);
    let told = watch(&mut on_ada, &[&bob.account]);
    assert_eq!(told[0]["state"], json!("offline"));
    assert!(told[0]["last_seen"].is_u64(), "{told:?}");
}

#[test]
fn nothing_of_the_moment_passes_a_block() {
    let server = Server::start();
    let (ada, bob) = (server.join("ada"), server.join("bob"));
    let (mut on_ada, _on_bob) = (server.connect(&ada, None), server.connect(&bob, None));
    let ok = on_ada.say_to(&bob.account, "hello");
    assert_eq!(watch(&mut on_ada, &[&bob.account])[0]["state"], json!("online"));
    let path = format!("/v1/blocks/{}", ada.account);
    let (status, _) = server.call("PUT", &path, Some(&bob.token), None);
    assert_eq!(status / 100, 2, "blocked");
    assert_eq!(on_ada.expect("presence")["state"], json!("offline"), "at once");

    on_ada.send(&json!({"signal": {"conversation": ok["conversation"], "kind": "typing"}}));
    assert_eq!(on_ada.expect("error")["code"], json!("cannot_message"));
    assert_eq!(watch(&mut on_ada, &[&bob.account])[0]["state"], json!("offline"));
}
