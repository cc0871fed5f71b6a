//! kill -9 while messages pour in: nothing that was acknowledged is lost, nothing is there twice.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::json;

use crate::harness::{Data, Person, Server};
use crate::socket::message_id;

/// One sender's messages: id → the `ok`, if one came.
type Sent = BTreeMap<String, Option<serde_json::Value>>;

/// Sends until the server dies; resends first what was not acknowledged.
fn flood(server: &Server, person: &Person, group: &str, sent: &mut Sent, stop: &AtomicBool) {
    let Some(mut socket) = server.try_connect(person) else { return };
    let pending: Vec<String> =
        sent.iter().filter(|(_, ok)| ok.is_none()).map(|(id, _)| id.clone()).collect();
    let fresh = std::iter::repeat_with(message_id);
    for id in pending.into_iter().chain(fresh) {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        sent.entry(id.clone()).or_default();
        let body = json!({"kind": "text", "text": id});
        socket.send_unless_closed(
            &json!({"send": {"id": 1, "conversation": group, "message_id": id, "body": body}}),
        );
        match socket.ok_or_closed() {
            Some(ok) => drop(sent.insert(id, Some(ok))),
            None => return,
        }
    }
}

/// How often the server is killed: thirty times, or as `PARLANCE_KILLS` says.
#[expect(
    clippy::disallowed_methods,
    reason = "the long run of `cargo xtask ci` asks for more kills in this way"
)]
fn kills() -> u64 {
    std::env::var("PARLANCE_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(30)
}

#[test]
fn kills_lose_nothing_acknowledged() {
    let mut data = Data::new();
    let mut people: Vec<(Person, Sent)> = Vec::new();
    let mut group = String::new();
    for round in 0..kills() {
        let server = data.serve();
        if people.is_empty() {
            people = (0..4).map(|n| (server.join(&format!("person{n}")), Sent::new())).collect();
            let members: Vec<&Person> = people[1..].iter().map(|(person, _)| person).collect();
            group = server.connect(&people[0].0, None).create("flood", &members);
        }
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for (person, sent) in &mut people {
                let (server, group, stop) = (&server, &group, &stop);
                scope.spawn(move || flood(server, person, group, sent, stop));
            }
            // The moment of the kill differs from round to round, and not with the machine's mood.
            std::thread::sleep(Duration::from_millis(20 + round * 37 % 180));
            server.signal("KILL");
            stop.store(true, Ordering::Relaxed);
        });
        data = server.kill();
    }
    check(&data.serve(), &people, &group);
}

fn check(server: &Server, people: &[(Person, Sent)], group: &str) {
    let events = server.connect(&people[0].0, None).history(group);
    let mut by_id: BTreeMap<&str, &serde_json::Value> = BTreeMap::new();
    for (index, event) in events.iter().enumerate() {
        assert_eq!(event["seq"], json!(index + 1), "dense");
        let id = event["message_id"].as_str().expect("an id");
        assert!(by_id.insert(id, event).is_none(), "{id} is there twice");
    }
    let mut acknowledged = 0;
    for (id, ok) in people.iter().flat_map(|(_, sent)| sent) {
        let Some(ok) = ok else { continue };
        acknowledged += 1;
        let event = by_id
            .get(id.as_str())
            .unwrap_or_else(|| panic!("{id} was acknowledged and is lost: {ok}"));
        assert_eq!((&event["seq"], &event["hash"]), (&ok["seq"], &ok["hash"]));
        assert_eq!(event["body"]["text"], json!(id));
    }
    assert!(acknowledged > 100, "only {acknowledged} messages were acknowledged");
}
