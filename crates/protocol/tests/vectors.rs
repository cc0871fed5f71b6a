//! The vectors in `docs/vectors`: every message means what they say.

use bytes::BytesMut;
use parlance_protocol::{json, protobuf};
use serde::Deserialize;
use serde_json::{Map, Value};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    says: String,
    message: Option<Value>,
    text: Option<String>,
    hex: Option<String>,
    gives: Vec<Value>,
}

impl Case {
    fn bytes(&self) -> Vec<u8> {
        match (&self.message, &self.text, &self.hex) {
            (Some(message), None, None) => message.to_string().into_bytes(),
            (None, Some(text), None) => text.clone().into_bytes(),
            (None, None, Some(hex)) => {
                let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).expect("two digits");
                (0..hex.len()).step_by(2).map(byte).collect()
            }
            _ => panic!("{}: one of message, text and hex", self.says),
        }
    }
}

fn cases(name: &str) -> Vec<Case> {
    let path = format!("{}/../../docs/vectors/{name}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).expect("the vectors are there");
    serde_json::from_str(&text).expect("as their README says")
}

/// What a server makes of a message.
fn read_by_server(bytes: &[u8]) -> Vec<Value> {
    let mut gives = Vec::new();
    json::decode_client(bytes, &mut |read| {
        gives.push(match read {
            Ok(frame) => {
                let mut out = BytesMut::new();
                json::encode_client(&frame, &mut out);
                serde_json::from_slice(&out).expect("a frame is JSON")
            }
            Err(error) => {
                let mut fields = Map::new();
                fields.insert("code".into(), error.code.as_str().into());
                fields.insert("number".into(), error.code.number().into());
                fields
                    .extend(error.field.map(|field| ("field".into(), String::from(field).into())));
                fields.extend(error.id.map(|id| ("id".into(), id.into())));
                Value::Object([("error".into(), fields.into())].into_iter().collect())
            }
        });
    });
    gives
}

#[test]
fn messages_of_clients_mean_what_the_vectors_say() {
    for case in cases("client.json") {
        assert_eq!(read_by_server(&case.bytes()), case.gives, "{}", case.says);
        for frame in case.gives.iter().filter(|frame| frame.get("error").is_none()) {
            let alone = read_by_server(frame.to_string().as_bytes());
            assert_eq!(alone, std::slice::from_ref(frame), "{}", case.says);
        }
    }
}

#[test]
fn messages_of_servers_mean_what_the_vectors_say() {
    for case in cases("server.json") {
        let frames = json::decode_server(&case.bytes())
            .unwrap_or_else(|error| panic!("{}: {error}", case.says));
        let written = |frame| {
            let mut out = BytesMut::new();
            json::encode_server(frame, &mut out);
            serde_json::from_slice::<Value>(&out).unwrap()
        };
        assert_eq!(frames.iter().map(written).collect::<Vec<_>>(), case.gives, "{}", case.says);
    }
}

/// What a frame that JSON gives is when it has been through the other encoding.
fn by_protobuf_of_clients(frame: &Value) -> Value {
    let (mut bytes, mut out) = (BytesMut::new(), BytesMut::new());
    json::decode_client(frame.to_string().as_bytes(), &mut |frame| {
        protobuf::encode_client(&frame.expect("a frame"), &mut bytes);
    });
    protobuf::decode_client(&bytes, &mut |frame| {
        json::encode_client(&frame.expect("a frame"), &mut out);
    });
    serde_json::from_slice(&out).expect("a frame is JSON")
}

fn by_protobuf_of_servers(frame: &Value) -> Value {
    let (mut bytes, mut out) = (BytesMut::new(), BytesMut::new());
    for frame in json::decode_server(frame.to_string().as_bytes()).expect("a frame") {
        protobuf::encode_server(&frame, &mut bytes);
    }
    for frame in protobuf::decode_server(&bytes).expect("frames") {
        json::encode_server(&frame, &mut out);
    }
    serde_json::from_slice(&out).expect("a frame is JSON")
}

#[test]
fn the_vectors_mean_the_same_in_protobuf() {
    for (name, through) in [
        ("client.json", by_protobuf_of_clients as fn(&Value) -> Value),
        ("server.json", by_protobuf_of_servers),
    ] {
        for case in cases(name) {
            for frame in &case.gives {
                if name == "client.json" && frame.get("error").is_some() {
                    continue;
                }
                assert_eq!(through(frame), *frame, "{}", case.says);
            }
        }
    }
}
