//! The documents say what the code does: their examples are frames, their tables are generated, and codes keep their numbers.

use std::fs;
use std::path::PathBuf;

use bytes::BytesMut;
use parlance_protocol::rest::{
    self, Additions, Group, MarkPage, Me, MeChange, MemberPage, Message, Name, NewMarks, NewRole,
    PasswordChange, PersonalSettings, Polled, PutSettings, Reform, Refresh, RestBody, Sessions,
    SignIn, SignUp, StreamTicket, Tokens, Version,
};
use parlance_protocol::{docs, json, protobuf};
use parlance_types::frame::{ErrorFrame, Head, Listing, Ok as OkFrame, Page, ServerFrame};
use parlance_types::{CloseCode, Code, Kind};
use serde_json::{Deserializer, Value};

fn path(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "..", "..", "docs", name].iter().collect()
}

fn document(name: &str) -> String {
    fs::read_to_string(path(name)).expect("the document is there")
}

/// The fenced blocks of a document in this language.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line == format!("```{language}") {
            let block: Vec<_> = lines.by_ref().take_while(|line| *line != "```").collect();
            blocks.push(block.join("\n"));
        }
    }
    blocks
}

/// Everything that `part` says, `whole` says as well.
fn says(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => {
            part.iter().all(|(name, part)| whole.get(name).is_some_and(|whole| says(whole, part)))
        }
        (Value::Array(whole), Value::Array(part)) => {
            whole.len() == part.len()
                && whole.iter().zip(part).all(|(whole, part)| says(whole, part))
        }
        _ => whole == part,
    }
}

/// What a frame is when it was read and written again, as one of a client and as one of a server; empty: it is not a frame at all.
fn through(frame: &Value) -> Vec<Value> {
    let bytes = frame.to_string();
    let (mut client, mut server) = (BytesMut::new(), BytesMut::new());
    json::decode_client(bytes.as_bytes(), &mut |read| {
        if let Ok(read) = read {
            json::encode_client(&read, &mut client);
        }
    });
    let read = json::decode_server(bytes.as_bytes()).unwrap_or_default();
    match read.first() {
        Some(ServerFrame::Event(event)) => json::encode_event(event, true, &mut server),
        Some(other) => json::encode_server(other, &mut server),
        None => {}
    }
    [client, server].iter().filter_map(|out| serde_json::from_slice(out).ok()).collect()
}

#[test]
fn every_example_is_a_frame_and_every_field_of_it_is_known() {
    let text = document("protocol.md");
    let mut names = std::collections::BTreeSet::new();
    for block in blocks(&text, "json") {
        for value in Deserializer::from_str(&block).into_iter::<Value>() {
            let value = value.unwrap_or_else(|error| panic!("{error} in {block}"));
            let again = through(&value);
            assert!(
                again.iter().any(|again| says(again, &value)),
                "read and written again it is\n{again:?}\nand not\n{value}"
            );
            names.extend(value.as_object().unwrap().keys().cloned());
        }
    }
    let all = [
        "bye", "error", "event", "fetch", "heads", "hello", "lag", "mark", "ok", "page", "ping",
        "pong", "presence", "ready", "send", "signal", "sync", "watch",
    ];
    assert_eq!(names.into_iter().collect::<Vec<_>>(), all, "each frame has an example");
}

#[test]
fn every_kind_has_an_example_both_ways() {
    let text = document("protocol.md");
    let (mut sent, mut shown) = (Vec::new(), Vec::new());
    for block in blocks(&text, "json") {
        for value in Deserializer::from_str(&block).into_iter::<Value>() {
            let value = value.unwrap();
            for (frame, kinds) in [("send", &mut sent), ("event", &mut shown)] {
                kinds.extend(value[frame]["body"]["kind"].as_str().map(ToOwned::to_owned));
            }
        }
    }
    for kind in Kind::ALL {
        assert!(sent.iter().any(|name| name == kind.as_str()), "no send of {kind:?}");
    }
    for kind in ["text", "create", "add", "leave", "personal"] {
        assert!(shown.iter().any(|name| name == kind), "no event of {kind}");
    }
}

fn body<T: RestBody>(text: &str) {
    let body = rest::decode::<T>(text.as_bytes()).unwrap_or_else(|error| panic!("{error}: {text}"));
    let again: Value = serde_json::from_slice(&rest::encode(&body)).expect("a body is JSON");
    let example = serde_json::from_str(text).expect("was read already");
    assert!(says(&again, &example), "{again}\n{text}");
}

/// Method and path, without the query and with `{id}` for ids.
fn resource(line: &str) -> String {
    let path = line.split_once('?').map_or(line, |(path, _)| path);
    let segment =
        |segment: &str| if segment.len() == 36 { "{id}".to_owned() } else { segment.to_owned() };
    path.split('/').map(segment).collect::<Vec<_>>().join("/")
}

#[test]
fn every_request_and_answer_is_what_the_paths_take_and_give() {
    let text = document("protocol.md");
    let mut seen = 0;
    for block in blocks(&text, "http") {
        let mut parts = block.split("\n\n");
        let request = parts.next().unwrap();
        let (line, asked) = request.split_once('\n').unwrap_or((request, ""));
        let answer = parts.next().unwrap();
        let (status, given) = answer.split_once('\n').unwrap_or((answer, ""));
        assert!(parts.next().is_none() && status.parse::<u16>().is_ok(), "{block}");
        match resource(line).as_str() {
            _ if !status.starts_with('2') => body::<ErrorFrame>(given),
            "POST /v1/accounts" => (body::<SignUp>(asked), body::<Tokens>(given)).0,
            "POST /v1/session" => (body::<SignIn>(asked), body::<Tokens>(given)).0,
            "POST /v1/session/refresh" => (body::<Refresh>(asked), body::<Tokens>(given)).0,
            "GET /v1/me" => body::<Me>(given),
            "PATCH /v1/me" => (body::<MeChange>(asked), body::<Me>(given)).0,
            "PUT /v1/me/password" => body::<PasswordChange>(asked),
            "GET /v1/sessions" => body::<Sessions>(given),
            "POST /v1/directs/{id}/messages" | "POST /v1/conversations/{id}/messages" => {
                body::<Message>(asked);
                body::<OkFrame>(given);
            }
            "GET /v1/conversations/{id}/messages"
            | "GET /v1/conversations/{id}/messages/42/versions" => body::<Page>(given),
            "POST /v1/conversations" => (body::<Group>(asked), body::<Head>(given)).0,
            "GET /v1/conversations" => body::<Listing>(given),
            "GET /v1/conversations/{id}" => body::<Head>(given),
            "PATCH /v1/conversations/{id}" => (body::<Reform>(asked), body::<OkFrame>(given)).0,
            "POST /v1/conversations/{id}/members" => {
                body::<Additions>(asked);
                body::<OkFrame>(given);
            }
            "GET /v1/conversations/{id}/members" => body::<MemberPage>(given),
            "PATCH /v1/conversations/{id}/members/{id}" => {
                body::<NewRole>(asked);
                body::<OkFrame>(given);
            }
            "PUT /v1/conversations/{id}/mark" => body::<NewMarks>(asked),
            "GET /v1/conversations/{id}/marks" => body::<MarkPage>(given),
            "PATCH /v1/conversations/{id}/messages/42" => {
                body::<Version>(asked);
                body::<OkFrame>(given);
            }
            "DELETE /v1/conversations/{id}/members/{id}"
            | "PUT /v1/conversations/{id}/messages/42/reactions/%F0%9F%91%8D" => {
                body::<Name>(asked);
                body::<OkFrame>(given);
            }
            "GET /v1/poll" => body::<Polled>(given),
            "POST /v1/tickets" => body::<StreamTicket>(given),
            "PUT /v1/blocks/{id}" => body::<rest::Tied>(given),
            "GET /v1/people" | "GET /v1/contacts" => body::<rest::PeoplePage>(given),
            "GET /v1/conversations/{id}/settings" => body::<PersonalSettings>(given),
            "PUT /v1/conversations/{id}/settings" => {
                body::<PutSettings>(asked);
                body::<OkFrame>(given);
            }
            other => panic!("no such path: {other}"),
        }
        seen += 1;
    }
    assert!(seen >= 8, "{seen}");
}

#[test]
fn the_tables_are_generated() {
    for name in docs::DOCUMENTS {
        let text = document(name);
        let filled = docs::fill(&text).expect("every marker has an end");
        assert!(
            text == filled,
            "docs/{name}: run `cargo run -p parlance-protocol --example tables`"
        );
    }
    for table in docs::tables() {
        let marker = format!("<!-- table: {} -->", table.name);
        assert!(
            docs::DOCUMENTS.iter().any(|name| document(name).contains(&marker)),
            "{marker} is nowhere"
        );
    }
}

/// Names and numbers are permanent: lines may be added here, but none may change or go.
#[test]
fn codes_and_kinds_keep_their_numbers() {
    let codes =
        Code::ALL.iter().map(|code| format!("{} {code} {}", code.number(), code.http_status()));
    let closes = CloseCode::ALL.iter().map(|code| format!("{} {}", code.number(), code.as_str()));
    let kinds = Kind::ALL.iter().map(|kind| format!("{} {}", kind.number(), kind.as_str()));
    let lines: Vec<_> = codes.chain(closes).chain(kinds).collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn the_schema_is_written_from_the_code() {
    assert!(
        document("parlance.proto") == protobuf::document(),
        "docs/parlance.proto: run `cargo run -p parlance-protocol --example tables`"
    );
}
