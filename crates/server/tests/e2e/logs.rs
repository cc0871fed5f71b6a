//! What a server says in its log: enough to follow a command by its ids, and nothing private.

use serde_json::{Value, json};

use crate::harness::Data;
use crate::private;
use crate::socket::message_id;

#[test]
fn a_log_as_json_follows_a_command_and_says_nothing_private() {
    let data = Data::new();
    let server = data.serve_with(&[("PARLANCE__LOG__FORMAT", "json")]);
    let (ada, bob) = (server.join("ada"), server.join("bob"));
    let mut socket = server.connect(&ada, None);
    let ok = socket.say_to(&bob.account, "nobody may read this in a log");
    let conversation = ok["conversation"].as_str().expect("an id");
    let sent = ok["message_id"].as_str().expect("an id");

    // One refusal on the socket, one by HTTP, one before anybody is known.
    socket
        .send(&json!({"send": {"id": 77, "conversation": conversation, "message_id": message_id(),
        "body": {"kind": "edit", "target": 999, "body": {"kind": "text", "text": "nor may anybody read this edit"}}}}));
    let refused = socket.expect("error");
    let path = format!("/v1/conversations/{conversation}/messages");
    let body = json!({"message_id": message_id(), "body": {"kind": "text", "text": "nor this one by HTTP"}});
    let stranger = server.join("eve");
    let (_, outside) = server.call("POST", &path, Some(&stranger.token), Some(&body));
    let wrong = json!({"handle": "ada", "password": "a wrong password"});
    let (status, denied) = server.call("POST", "/v1/session", None, Some(&wrong));
    assert_eq!(status, 401);
    private::note_text("somebody looked for this");
    server.call("GET", "/v1/people?q=somebody%20looked%20for%20this", Some(&ada.token), None);

    let log = server.log();
    let lines: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect();
    let with = |name: &str, value: &Value| -> Vec<&Value> {
        lines.iter().filter(|line| line["span"][name] == *value || line[name] == *value).collect()
    };
    let of_command = with("message.id", &json!(sent));
    let said: Vec<&str> = of_command.iter().filter_map(|line| line["message"].as_str()).collect();
    assert_eq!(said, ["taken", "answered"], "{of_command:?}");
    assert_eq!(of_command[1]["span"]["conversation.id"], json!(conversation));
    assert_eq!(of_command[1]["span"]["connection.id"], socket.ready["connection"]);
    for error in [&refused, &outside["error"], &denied["error"]] {
        let named = with("trace", &error["trace"]);
        assert_eq!(named.len(), 1, "{error}");
        assert_eq!(named[0]["code"], error["code"], "{error}");
    }
    assert_eq!(with("request.id", &json!(77)).len(), 2, "taken and refused");
    assert_eq!(private::found_in(log.as_bytes()), None);
    // What finds nothing must be able to find something.
    let told = format!("{{\"x\": 1}}\nhere: {}\n", ada.token);
    assert!(private::found_in(told.as_bytes()).is_some());
}
