//! Signing up, in and out, and what a token is worth.

use serde_json::{Value, json};

use crate::harness::Server;

#[test]
fn a_handle_belongs_to_one_account_whatever_its_case() {
    let server = Server::start();
    let ada = server.join("Ada");
    let (status, me) = server.call("GET", "/v1/me", Some(&ada.token), None);
    assert_eq!((status, &me["handle"], &me["account"]), (200, &json!("ada"), &json!(ada.account)));
    let again = json!({"handle": "ADA", "password": "another one"});
    let (status, error) = server.call("POST", "/v1/accounts", None, Some(&again));
    assert_eq!((status, &error["error"]["code"]), (409, &json!("handle_taken")));
}

#[test]
fn wrong_password_and_unknown_handle_look_alike() {
    let server = Server::start();
    server.join("ada");
    for body in [
        json!({"handle": "ada", "password": "wrong password"}),
        json!({"handle": "nobody", "password": "wrong password"}),
    ] {
        let (status, error) = server.call("POST", "/v1/session", None, Some(&body));
        assert_eq!((status, &error["error"]["code"]), (401, &json!("invalid_credentials")));
    }
}

#[test]
fn a_refresh_rotates_and_a_lost_answer_is_repeated() {
    let server = Server::start();
    let ada = server.join("ada");
    let body = json!({"refresh_token": ada.refresh});
    let (status, first) = server.call("POST", "/v1/session/refresh", None, Some(&body));
    let (again, second) = server.call("POST", "/v1/session/refresh", None, Some(&body));
    assert_eq!((status, again), (200, 200), "{first} {second}");
    assert_ne!(first["refresh_token"], json!(ada.refresh));
    assert_eq!(first["refresh_token"], second["refresh_token"], "two tabs get the same successor");
}

#[test]
fn signing_out_closes_the_sockets_of_that_session_only() {
    let server = Server::start();
    let phone = server.join("ada");
    let laptop = server.sign_in("ada");
    let mut on_phone = server.connect(&phone, None);
    let mut on_laptop = server.connect(&laptop, None);
    let (status, _) = server.call("DELETE", "/v1/session", Some(&phone.token), None);
    assert_eq!(status, 204);
    assert_eq!(on_phone.closed(), Some(4202));
    on_laptop.cursor();
    let (status, error) = server.call("GET", "/v1/me", Some(&phone.token), None);
    assert_eq!((status, &error["error"]["code"]), (401, &json!("session_revoked")));
}

#[test]
fn no_answer_names_anybody_twice() {
    let server = Server::start();
    let (ada, bob, cyd) = (server.join("ada"), server.join("bob"), server.join("cyd"));
    let mut on_ada = server.connect(&ada, None);
    let mut on_bob = server.connect(&bob, None);
    let groups = ["one", "two"].map(|key| on_ada.create(key, &[&bob, &cyd]));
    for group in &groups {
        for text in ["a", "b", "c"] {
            on_ada.say(group, text);
            on_bob.say(group, text);
        }
    }
    let accounts = |answer: &Value| -> Vec<String> {
        let people = answer["people"].as_array().expect("people").iter();
        let mut accounts: Vec<String> =
            people.map(|person| person["account"].as_str().expect("an id").to_owned()).collect();
        accounts.sort();
        accounts
    };
    let mut everybody = [&ada, &bob, &cyd].map(|person| person.account.clone());
    everybody.sort();
    let mut again = server.connect(&cyd, None);
    assert_eq!(accounts(&again.ready), everybody);
    let page = again.fetch(json!({"conversation": groups[0], "after": 0, "limit": 100}));
    let mut both = [ada.account.clone(), bob.account.clone()];
    both.sort();
    assert_eq!(accounts(&page.expect("a page")), both, "those who wrote");
    let ids = format!("/v1/people?ids={0},{1},{0},{1},{0}", bob.account, ada.account);
    let (_, found) = server.call("GET", &ids, Some(&ada.token), None);
    assert_eq!(accounts(&found), both, "{found}");
    assert_eq!(found["people"][0]["account"], json!(bob.account), "in the order asked for");
}
