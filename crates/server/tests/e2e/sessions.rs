//! What an owner does with sessions: a token that was stolen before holds nothing after, by HTTP and on open sockets.

use serde_json::{Value, json};

use crate::harness::{Person, Server};

fn code_of(server: &Server, person: &Person) -> Value {
    let (_, answer) = server.call("GET", "/v1/me", Some(&person.token), None);
    answer["error"]["code"].clone()
}

fn may_refresh(server: &Server, person: &Person) -> bool {
    let body = json!({"refresh_token": person.refresh});
    server.call("POST", "/v1/session/refresh", None, Some(&body)).0 == 200
}

/// Ends sessions with `end`, while a thief has the tokens of `victim`, and looks what they are worth.
fn stolen_tokens_are_worthless(
    end: impl FnOnce(&Server, &Person, &Person) -> u16,
    asker_goes_on: bool,
) {
    let server = Server::start();
    let owner = server.join("ada");
    let victim = server.sign_in("ada");
    let mut of_thief = server.connect(&victim, None);
    let mut of_owner = server.connect(&owner, None);
    assert_eq!(code_of(&server, &victim), Value::Null);
    assert_eq!(end(&server, &owner, &victim), 204);
    assert_eq!(code_of(&server, &victim), json!("session_revoked"));
    let bye = of_thief.expect("bye");
    assert_eq!((&bye["code"], &bye["reason"]), (&json!(4202), &json!("session_revoked")));
    assert_eq!(of_thief.closed(), Some(4202));
    // Nor does it come back: by its refresh token, or as a new socket.
    assert!(!may_refresh(&server, &victim));
    let mut again = server.open();
    again.send(&json!({"hello": {"token": victim.token}}));
    assert_eq!(again.closed(), Some(4202));
    if asker_goes_on {
        of_owner.cursor();
        assert_eq!(code_of(&server, &owner), Value::Null);
    } else {
        assert_eq!(of_owner.closed(), Some(4202));
        assert_eq!(code_of(&server, &owner), json!("session_revoked"));
    }
    // A server that starts again knows.
    let (data, _) = server.stop();
    let server = data.serve();
    assert_eq!(code_of(&server, &victim), json!("session_revoked"));
    assert!(!may_refresh(&server, &victim));
    assert_eq!(may_refresh(&server, &owner), asker_goes_on);
}

#[test]
fn ending_one_session_ends_what_a_thief_has_of_it() {
    stolen_tokens_are_worthless(
        |server, owner, victim| {
            let path = format!("/v1/sessions/{}", victim.session);
            server.call("DELETE", &path, Some(&owner.token), None).0
        },
        true,
    );
}

#[test]
fn signing_out_everywhere_else_ends_what_a_thief_has() {
    stolen_tokens_are_worthless(
        |server, owner, _| {
            server.call("DELETE", "/v1/sessions?others=true", Some(&owner.token), None).0
        },
        true,
    );
}

#[test]
fn signing_out_everywhere_ends_what_a_thief_has() {
    stolen_tokens_are_worthless(
        |server, owner, _| server.call("DELETE", "/v1/sessions", Some(&owner.token), None).0,
        false,
    );
}

#[test]
fn another_password_ends_what_a_thief_has() {
    stolen_tokens_are_worthless(
        |server, owner, _| {
            let body = json!({"password": "correct horse", "new_password": "battery staple"});
            server.call("PUT", "/v1/me/password", Some(&owner.token), Some(&body)).0
        },
        true,
    );
}

#[test]
fn a_thief_cannot_change_the_password() {
    let server = Server::start();
    let ada = server.join("ada");
    for (body, status, code, field) in [
        (
            json!({"password": "guess again", "new_password": "battery staple"}),
            403,
            "wrong_password",
            "password",
        ),
        (
            json!({"password": "correct horse", "new_password": "short"}),
            400,
            "weak_password",
            "new_password",
        ),
        (json!({"new_password": "battery staple"}), 400, "invalid_field", "password"),
    ] {
        let (found, answer) = server.call("PUT", "/v1/me/password", Some(&ada.token), Some(&body));
        let error = &answer["error"];
        assert_eq!((found, &error["code"], &error["field"]), (status, &json!(code), &json!(field)));
    }
    server.sign_in("ada");
}

#[test]
fn an_owner_sees_where_the_account_is_signed_in() {
    let server = Server::start();
    let ada = server.join("ada");
    let bob = server.join("bob");
    let body = json!({"handle": "ada", "password": "correct horse", "device_name": "old phone"});
    let (_, phone) = server.call("POST", "/v1/session", None, Some(&body));
    let (status, listed) = server.call("GET", "/v1/sessions", Some(&ada.token), None);
    let listed = listed["sessions"].as_array().cloned().expect("sessions");
    assert_eq!((status, listed.len()), (200, 2), "{listed:?}");
    let one = |id: &Value| {
        let found = listed.iter().find(|session| session["session"] == *id);
        found.unwrap_or_else(|| panic!("{id} in {listed:?}")).clone()
    };
    let own = one(&json!(ada.session));
    assert_eq!((&own["current"], &own["device_name"]), (&json!(true), &Value::Null));
    let other = one(&phone["session"]);
    assert_eq!(other["device_name"], json!("old phone"));
    assert_eq!((&other["current"], &other["device"]), (&Value::Null, &phone["device"]));
    for session in [&own, &other] {
        let (created, used) = (session["created_at"].as_u64(), session["used_at"].as_u64());
        assert!(used.expect("a time") % 3_600_000_000 == 0 && created.expect("a time") > 0);
    }
    // Others' sessions are not there, and cannot be told from those that never were.
    for id in [bob.session.as_str(), &ada.account, "x"] {
        let path = format!("/v1/sessions/{id}");
        let (status, error) = server.call("DELETE", &path, Some(&ada.token), None);
        assert_eq!((status, &error["error"]["code"]), (404, &json!("not_found")), "{id}");
    }
    assert_eq!(code_of(&server, &bob), Value::Null);
    let (status, error) = server.call("DELETE", "/v1/sessions?others=no", Some(&ada.token), None);
    assert_eq!((status, &error["error"]["field"]), (400, &json!("others")));
}

#[test]
fn a_new_name_is_what_others_see() {
    let server = Server::start();
    let (ada, bob) = (server.join("ada"), server.join("bob"));
    let body = json!({"name": "Ada Lovelace"});
    let (status, me) = server.call("PATCH", "/v1/me", Some(&ada.token), Some(&body));
    assert_eq!((status, &me["name"], &me["handle"]), (200, &json!("Ada Lovelace"), &json!("ada")));
    let (_, found) = server.call("GET", "/v1/people?q=ada", Some(&bob.token), None);
    assert_eq!(found["people"][0]["name"], json!("Ada Lovelace"));
    let (status, error) =
        server.call("PATCH", "/v1/me", Some(&ada.token), Some(&json!({"name": ""})));
    assert_eq!((status, &error["error"]["field"]), (400, &json!("name")));
}
