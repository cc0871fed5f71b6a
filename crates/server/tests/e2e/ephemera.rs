//! What is true for a moment.

use serde_json::json;

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
