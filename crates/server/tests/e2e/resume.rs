//! Coming back: a device that was away has everything, once, in order.

use serde_json::json;

use crate::harness::{Data, Server};
use crate::socket::{message_id, texts};

#[test]
fn a_cursor_lists_only_what_changed_since() {
    let server = Server::start();
    let (ada, bob, cleo) = (server.join("ada"), server.join("bob"), server.join("cleo"));
    let mut on_ada = server.connect(&ada, None);
    let with_bob = on_ada.say_to(&bob.account, "hi bob")["conversation"].clone();
    let with_cleo = on_ada.say_to(&cleo.account, "hi cleo")["conversation"].clone();

    let mut on_bob = server.connect(&bob, None);
    assert_eq!(on_bob.ready["heads"][0]["conversation"], with_bob);
    assert_eq!(on_bob.ready["heads"][0]["unread"], json!(1));
    let cursor = on_bob.cursor();
    drop(on_bob);

    let nothing = server.connect(&bob, Some(&cursor));
    assert_eq!((&nothing.ready["resumed"], &nothing.ready["heads"]), (&json!(true), &json!([])));
    drop(nothing);

    on_ada.say_to(&cleo.account, "not for bob");
    on_ada.say_to(&bob.account, "you there?");
    let on_bob = server.connect(&bob, Some(&cursor));
    let heads = on_bob.ready["heads"].as_array().expect("heads");
    assert_eq!(heads.len(), 1);
    assert_eq!((&heads[0]["seq"], &heads[0]["last"]["text"]), (&json!(3), &json!("you there?")));
    assert_ne!(heads[0]["conversation"], with_cleo);
}

#[test]
fn a_listing_comes_in_pages_and_ends_with_a_cursor() {
    let server = Server::start();
    let ada = server.join("ada");
    let mut on_ada = server.connect(&ada, None);
    let mut expected: Vec<_> = (0..45)
        .map(|n| {
            let other = server.join(&format!("friend{n}"));
            on_ada.say_to(&other.account, "hi")["conversation"].clone()
        })
        .collect();
    expected.reverse();
    let mut socket = server.connect(&ada, None);
    let mut got: Vec<_> = socket.ready["heads"].as_array().expect("heads").clone();
    let mut more = socket.ready["more"].clone();
    while !more.is_null() {
        socket.send(&json!({"sync": {"id": 500, "more": more}}));
        let page = socket.expect("heads");
        assert_eq!(
            page["more"].is_null(),
            page["cursor"].is_string(),
            "a cursor on the last page only"
        );
        got.extend(page["heads"].as_array().expect("heads").iter().cloned());
        more = page["more"].clone();
    }
    let got: Vec<_> = got.iter().map(|head| head["conversation"].clone()).collect();
    assert_eq!(got, expected, "most recent first, each once");
}

#[test]
fn everything_is_there_after_a_clean_restart() {
    let server = Data::new().serve();
    let (ada, bob) = (server.join("ada"), server.join("bob"));
    let mut on_ada = server.connect(&ada, None);
    let conversation =
        on_ada.say_to(&bob.account, "0")["conversation"].as_str().expect("an id").to_owned();
    for number in 1..200 {
        on_ada.say(&conversation, &number.to_string());
    }
    let before = on_ada.history(&conversation);
    let cursor = on_ada.cursor();
    let (data, code) = server.stop();
    assert_eq!(code, Some(0));

    let server = data.serve();
    let mut on_ada = server.connect(&ada, Some(&cursor));
    assert_eq!((&on_ada.ready["resumed"], &on_ada.ready["heads"]), (&json!(true), &json!([])));
    let after = on_ada.history(&conversation);
    assert_eq!(before, after, "the same events with the same hashes");
    assert_eq!(texts(&after).len(), 200);
    on_ada.say(&conversation, "on we go");
}

#[test]
fn a_cursor_of_another_life_lists_everything() {
    let server = Server::start();
    let (ada, bob) = (server.join("ada"), server.join("bob"));
    let mut on_ada = server.connect(&ada, None);
    on_ada.say_to(&bob.account, "hi");
    let cursor = on_ada.cursor();

    let other = Server::start();
    let ada = other.join("ada");
    let socket = other.connect(&ada, Some(&cursor));
    assert_eq!(socket.ready["resumed"], json!(false));
}

#[test]
fn a_client_that_does_not_read_lags_and_pulls_what_it_missed() {
    const MESSAGES: usize = 12_000;
    let server = Server::start();
    let (ada, bob) = (server.join("ada"), server.join("bob"));
    let mut on_ada = server.connect(&ada, None);
    let mut on_bob = server.connect(&bob, None);
    let conversation =
        on_ada.say_to(&bob.account, "0")["conversation"].as_str().expect("an id").to_owned();
    // More than the buffers of the kernel and the queue of the server hold.
    let padding = "x".repeat(2_000);
    for number in 1..MESSAGES {
        let body = json!({"kind": "text", "text": format!("{number} {padding}")});
        let send = json!({"id": number, "conversation": conversation, "message_id": message_id(), "body": body});
        on_ada.send(&json!({"send": send}));
        if number % 500 == 0 {
            on_ada.expect_where("ok", |ok| ok["id"] == json!(number));
            on_ada.forget();
        }
    }
    on_ada.expect_where("ok", |ok| ok["id"] == json!(MESSAGES - 1));

    let lag = on_bob.expect("lag");
    on_bob.send(&json!({"sync": {"id": 700, "cursor": lag["cursor"]}}));
    let heads = on_bob.expect_where("heads", |heads| heads["id"] == json!(700));
    assert_eq!(heads["heads"][0]["seq"], json!(MESSAGES + 1), "{heads}");
    let got: Vec<String> = texts(&on_bob.history(&conversation))
        .iter()
        .map(|text| text.split(' ').next().unwrap_or_default().to_owned())
        .collect();
    let expected: Vec<String> = (0..MESSAGES).map(|number| number.to_string()).collect();
    assert_eq!(got, expected);
    on_ada.say(&conversation, "live again");
    on_bob.expect_where("event", |event| event["body"]["text"] == json!("live again"));
}
