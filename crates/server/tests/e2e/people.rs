//! Finding people.

use serde_json::{Value, json};

use crate::harness::{Person, Server};

/// The handles of those whom somebody finds.
fn find(server: &Server, person: &Person, query: &str) -> Vec<String> {
    let path = format!("/v1/people?{query}");
    let (status, found) = server.call("GET", &path, Some(&person.token), None);
    assert_eq!(status, 200, "{found}");
    handles(&found)
}

fn handles(page: &Value) -> Vec<String> {
    let people = page["people"].as_array().expect("people").iter();
    people.map(|person| person["handle"].as_str().expect("a handle").to_owned()).collect()
}

/// Text as it stands in an address.
fn quoted(text: &str) -> String {
    text.bytes().fold(String::new(), |quoted, byte| quoted + &format!("%{byte:02x}"))
}

fn rename(server: &Server, person: &Person, name: &str) {
    let body = json!({"name": name});
    let (status, answer) = server.call("PATCH", "/v1/me", Some(&person.token), Some(&body));
    assert_eq!(status, 200, "{answer}");
}

#[test]
fn people_are_found_by_the_beginning_of_a_name_in_every_script() {
    let server = Server::start();
    let [ada, bob, cyd] = ["ada", "bob", "cyd"].map(|handle| server.join(handle));
    rename(&server, &ada, "Ada Lovelace");
    rename(&server, &bob, "王小明");
    rename(&server, &cyd, "Стра\u{301}ße สมชาย");
    for (text, expected) in [
        ("AD", vec!["ada"]),
        ("love", vec!["ada"]),
        ("lovelace a", vec!["ada"]),
        ("小明", vec!["bob"]),
        ("СТРА\u{301}SSE", vec!["cyd"]),
        ("สม", vec!["cyd"]),
        ("o", vec![]),
        ("…", vec![]),
    ] {
        assert_eq!(find(&server, &ada, &format!("q={}", quoted(text))), expected, "{text}");
    }
    rename(&server, &ada, "Augusta");
    assert_eq!(find(&server, &bob, "q=love"), [""; 0], "under the new name only");
    let server = server.kill().serve();
    assert_eq!(find(&server, &bob, "q=aug"), ["ada"]);
    assert_eq!(find(&server, &bob, "handle=ADA"), ["ada"]);
    assert_eq!(find(&server, &bob, "handle=ad"), [""; 0], "exactly");

    let long = "x".repeat(101);
    for query in ["", "q=", "q=a&handle=ada", &format!("q={long}"), "q=a&after=x"] {
        let path = format!("/v1/people?{query}");
        let (status, error) = server.call("GET", &path, Some(&ada.token), None);
        assert_eq!((status, &error["error"]["code"]), (400, &json!("invalid_field")), "{query}");
    }
}

#[test]
fn contacts_are_found_first_and_pages_follow_one_another() {
    let server = Server::start();
    let people: Vec<Person> =
        (0..7).map(|number| server.join(&format!("person_{number}"))).collect();
    let path = format!("/v1/contacts/{}", people[5].account);
    assert_eq!(server.call("PUT", &path, Some(&people[0].token), None).0, 201);
    let (mut all, mut after) = (Vec::new(), String::new());
    loop {
        let path = format!("/v1/people?q=person&limit=2{after}");
        let (_, page) = server.call("GET", &path, Some(&people[0].token), None);
        all.extend(handles(&page));
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    let numbers = [5, 0, 1, 2, 3, 4, 6].map(|number| format!("person_{number}"));
    assert_eq!(all, numbers);
}

#[test]
fn whoever_blocks_somebody_is_not_found_by_them() {
    let server = Server::start();
    let (ada, bob) = (server.join("ada"), server.join("bob"));
    let path = format!("/v1/blocks/{}", bob.account);
    assert_eq!(server.call("PUT", &path, Some(&ada.token), None).0, 201);
    assert_eq!(find(&server, &bob, "q=ada"), [""; 0]);
    assert_eq!(find(&server, &bob, "handle=ada"), [""; 0]);
    assert_eq!(find(&server, &ada, "q=bob"), ["bob"]);
}
