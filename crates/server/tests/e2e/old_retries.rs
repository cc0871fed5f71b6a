//! Retries so old that the disk may have to be read: answered as any other, and not too many of them for one account.

use serde_json::{Value, json};

use crate::harness::Server;
use crate::socket::{Socket, message_id};

/// An id of an hour ago, later than those before it.
fn old_id(number: u64) -> String {
    let time = uuid::Uuid::now_v7().get_timestamp().expect("a time").to_unix();
    let time = uuid::Timestamp::from_unix(uuid::NoContext, time.0 - 3_600 + number, 0);
    uuid::Uuid::new_v7(time).to_string()
}

fn send(socket: &mut Socket, conversation: &str, id: &str) -> Result<Value, Value> {
    let body = json!({"kind": "text", "text": "an old one"});
    socket.ask(json!({"conversation": conversation, "message_id": id, "body": body}))
}

#[test]
fn an_account_has_old_messages_looked_for_only_so_often() {
    let server = Server::start();
    let (ada, bob) = (server.join("ada"), server.join("bob"));
    let mut on_ada = server.connect(&ada, None);
    let mut on_bob = server.connect(&bob, None);
    let ok = on_ada.say_to(&bob.account, "now");
    let conversation = ok["conversation"].as_str().expect("an id");
    on_bob.say(conversation, "now");

    let id = old_id(0);
    let first = send(&mut on_ada, conversation, &id).expect("an old id is no fault");
    let mut taken = 1;
    let refusal = loop {
        match send(&mut on_ada, conversation, &id) {
            Ok(ok) => assert_eq!((&ok["seq"], &ok["duplicate"]), (&first["seq"], &json!(true))),
            Err(refusal) => break refusal,
        }
        taken += 1;
        assert!(taken < 3_000, "there is no limit");
    };
    assert!(taken >= 300, "only {taken} were taken");
    assert_eq!(refusal["code"], json!("rate_limited"), "{refusal}");
    assert_eq!(refusal["retry"], json!("after"), "{refusal}");
    let wait = refusal["retry_after_ms"].as_u64().expect("how long");
    assert!((1..=1_000).contains(&wait), "{refusal}");

    // Neither what is new nor other people wait.
    on_ada.say(conversation, "still here");
    send(&mut on_bob, conversation, &old_id(1)).expect("another account");
    let recent = message_id();
    let body = json!({"kind": "text", "text": "once"});
    let once = json!({"conversation": conversation, "message_id": recent, "body": body});
    let ok = on_ada.ask(once.clone()).expect("accepted");
    assert_eq!(on_ada.ask(once).expect("a retry")["seq"], ok["seq"]);

    std::thread::sleep(std::time::Duration::from_millis(wait));
    let again = send(&mut on_ada, conversation, &id).expect("as advised");
    assert_eq!((&again["seq"], &again["hash"]), (&first["seq"], &first["hash"]));
}
