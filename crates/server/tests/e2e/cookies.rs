//! The refresh token of a browser: in a cookie, and of no use to other sites.

use serde_json::{Value, json};

use crate::harness::{Data, Server};

/// Asks as a browser does; the head and the JSON of the answer.
fn ask(server: &Server, method: &str, path: &str, more: &str, body: &str) -> (String, Value) {
    let (head, body) = server.call_with(method, path, more, body.as_bytes());
    (head, serde_json::from_str(&body).unwrap_or(Value::Null))
}

/// The one cookie that an answer sets: its value, and what is said of it.
fn cookie(head: &str) -> (String, String) {
    let mut set = head.lines().filter_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("set-cookie").then_some(value)
    });
    let one = set.next().unwrap_or_else(|| panic!("no cookie in {head}"));
    assert!(set.next().is_none(), "{head}");
    let (pair, attributes) = one.split_once("; ").expect("attributes");
    let (name, value) = pair.split_once('=').expect("a value");
    assert_eq!(name, "parlance_refresh");
    (value.to_owned(), attributes.to_owned())
}

fn status(head: &str) -> &str {
    head.split(' ').nth(1).expect("a status")
}

#[test]
fn a_browser_refreshes_without_ever_seeing_its_token() {
    let server = Server::start();
    server.join("ada");
    let body = json!({"handle": "ada", "password": "correct horse"}).to_string();
    let (head, answer) = ask(&server, "POST", "/v1/session?cookie=true", "", &body);
    assert_eq!((status(&head), &answer["refresh_token"]), ("200", &Value::Null), "{answer}");
    let (first, attributes) = cookie(&head);
    for wanted in ["HttpOnly", "SameSite=Strict", "Path=/v1/session", "Max-Age=7776000"] {
        assert!(attributes.split("; ").any(|found| found == wanted), "{wanted} in {attributes}");
    }
    assert!(!attributes.contains("Secure"), "over plain HTTP a browser would not send it back");

    let sent = format!("Cookie: theme=dark; parlance_refresh={first}\r\n");
    let (head, answer) = ask(&server, "POST", "/v1/session/refresh", &sent, "");
    assert_eq!((status(&head), &answer["refresh_token"]), ("200", &Value::Null), "{answer}");
    let (second, _) = cookie(&head);
    assert_ne!(first, second);
    let token = answer["access_token"].as_str().expect("a token").to_owned();
    assert_eq!(server.call("GET", "/v1/me", Some(&token), None).0, 200);

    // Another site can do nothing with it.
    let foreign = format!("Cookie: parlance_refresh={second}\r\nOrigin: https://evil.example\r\n");
    let (head, answer) = ask(&server, "POST", "/v1/session/refresh", &foreign, "");
    assert_eq!((status(&head), &answer["error"]["code"]), ("403", &json!("forbidden")));
    let evil = "Origin: https://evil.example\r\n";
    let (head, _) = ask(&server, "POST", "/v1/session?cookie=true", evil, &body);
    assert_eq!(status(&head), "403", "nor sign somebody in");

    let sent = format!(
        "Cookie: parlance_refresh={second}\r\nOrigin: http://parlance\r\nAuthorization: Bearer {token}\r\n"
    );
    let (head, _) = ask(&server, "DELETE", "/v1/session", &sent, "");
    assert_eq!(status(&head), "204");
    let (value, attributes) = cookie(&head);
    assert!(value.is_empty() && attributes.contains("Max-Age=0"), "{attributes}");
    let (head, answer) = ask(&server, "POST", "/v1/session/refresh", &sent, "");
    assert_eq!((status(&head), &answer["error"]["code"]), ("401", &json!("session_revoked")));
    assert!(cookie(&head).0.is_empty(), "what is worth nothing is taken away");
}

#[test]
fn behind_a_proxy_the_cookie_is_for_secure_connections() {
    let networks = ("PARLANCE__PROXIES__NETWORKS", r#"["127.0.0.0/8"]"#);
    let server = Data::new().serve_with(&[networks]);
    let body = json!({"handle": "ada", "password": "correct horse"}).to_string();
    let (head, _) = ask(&server, "POST", "/v1/accounts?cookie=true", "", &body);
    let (_, attributes) = cookie(&head);
    assert!(attributes.ends_with("; Secure"), "{attributes}");
}
