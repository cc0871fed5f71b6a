use std::collections::BTreeSet;

use proptest::prelude::*;

use super::schema::{CLIENT_FRAME, SERVER_FRAME, Type};
use super::*;
use crate::json::tests::arbitrary;

fn written(frame: &ClientFrame) -> BytesMut {
    let mut out = BytesMut::new();
    encode_client(frame, &mut out);
    out
}

fn read(bytes: &[u8]) -> Vec<Result<ClientFrame, DecodeError>> {
    let mut frames = Vec::new();
    decode_client(bytes, &mut |frame| frames.push(frame));
    frames
}

// A frame or a field that fails here is new in JSON: give it a number in `schema`.
proptest! {
    #[test]
    fn frames_of_clients_survive(frame in arbitrary::client_frame()) {
        prop_assert_eq!(read(&written(&frame)), vec![Ok(frame)]);
    }

    #[test]
    fn frames_of_servers_survive(frame in arbitrary::server_frame()) {
        let mut out = BytesMut::new();
        encode_server(&frame, &mut out);
        prop_assert_eq!(decode_server(&out), Ok(vec![frame]));
    }

    #[test]
    fn messages_hold_many_frames(frames in prop::collection::vec(arbitrary::client_frame(), 2..5)) {
        let message: Vec<u8> = frames.iter().flat_map(|frame| written(frame).to_vec()).collect();
        prop_assert_eq!(read(&message), frames.into_iter().map(Ok).collect::<Vec<_>>());
    }
}

proptest! {
    #[test]
    fn both_ways_write_the_same(frame in arbitrary::server_frame()) {
        let (mut text, mut by_json, mut straight) = (BytesMut::new(), BytesMut::new(), BytesMut::new());
        json::encode_server(&frame, &mut text);
        write::message(&SERVER_FRAME, &text, &mut by_json);
        encode_server(&frame, &mut straight);
        prop_assert_eq!(&straight, &by_json);
        if let ServerFrame::Event(event) = frame {
            let (mut text, mut by_json, mut straight) = (BytesMut::new(), BytesMut::new(), BytesMut::new());
            json::encode_event(&event, true, &mut text);
            write::message(&SERVER_FRAME, &text, &mut by_json);
            encode_event(&event, true, &mut straight);
            prop_assert_eq!(&straight, &by_json);
        }
    }

    #[test]
    fn both_ways_read_the_same(
        frames in prop::collection::vec(arbitrary::client_frame(), 1..4),
        change in prop::option::of((any::<prop::sample::Index>(), any::<u8>())),
    ) {
        let mut message: Vec<u8> = frames.iter().flat_map(|frame| written(frame).to_vec()).collect();
        if let Some((index, byte)) = change {
            let at = index.index(message.len());
            message[at] = byte;
        }
        if let Some(straight) = decode::plain(&message) {
            let mut by_json = Vec::new();
            decode_by_json(&message, &mut |frame| by_json.push(frame));
            prop_assert_eq!(straight.into_iter().map(Ok).collect::<Vec<_>>(), by_json);
        }
    }
}

#[test]
fn a_plain_message_needs_no_json() {
    let send = |text: &str| {
        ClientFrame::Send(parlance_types::frame::Send {
            id: 7,
            place: parlance_types::frame::Place::To(parlance_types::AccountId::from_bytes([8; 16])),
            message_id: Some(parlance_types::MessageId::from_time(1, [1; 10])),
            action: parlance_types::Action::Send {
                to: Some(parlance_types::AccountId::from_bytes([8; 16])),
                text: parlance_types::MessageText::new(text).unwrap(),
                entities: Vec::new(),
                reply_to: parlance_types::Seq::new(4),
                seen: None,
                silent: true,
            },
        })
    };
    for length in [1, 127, 128, 16_000] {
        let send = send(&"x".repeat(length));
        assert_eq!(decode::plain(&written(&send)), Some(vec![send]));
    }
    // So long that its JSON might be too long: there it is decided.
    assert_eq!(decode::plain(&written(&send(&"x".repeat(17_000)))), None);
}

#[test]
fn known_bytes_are_what_they_are_in_every_implementation() {
    let ping = [0x0a, 0x05, 0x32, 0x03, 0x08, 0xac, 0x02];
    assert_eq!(read(&ping), [Ok(ClientFrame::Ping { n: 300 })]);
    assert_eq!(&written(&ClientFrame::Ping { n: 300 })[..], ping);
}

#[test]
fn what_is_wrong_is_named_as_in_json() {
    let refused = |bytes: &[u8]| {
        let error = read(bytes).remove(0).expect_err("refused");
        (error.code, error.field.map(String::from))
    };
    // Not of the wire format; a length beyond the end; a number where bytes belong.
    for bytes in [&b"\xff"[..], b"\x0a\x05\x32", b"\x08\x01", b"\x0b", b"\x0a\x02\x32\x05"] {
        assert_eq!(refused(bytes), (Code::MalformedFrame, None), "{bytes:?}");
    }
    // A frame of a later version, and one without its field.
    assert_eq!(refused(b"\x0a\x04\xa2\x06\x01\x00").0, Code::UnknownFrame);
    assert_eq!(refused(b"\x0a\x02\x32\x00"), (Code::InvalidField, Some("ping.n".to_owned())));
    // An id of three bytes.
    let mark = b"\x0a\x07\x1a\x05\x0a\x03abc";
    assert_eq!(refused(mark), (Code::InvalidField, Some("mark.conversation".to_owned())));
    assert!(read(b"").is_empty(), "no frames");
}

#[test]
fn too_deep_and_too_many_are_refused() {
    // An edit of an edit of an edit …
    let mut body = BytesMut::new();
    for _ in 0..40 {
        let mut edit = BytesMut::new();
        wire::put_bytes(2, &body, &mut edit);
        body.clear();
        wire::put_bytes(64, &edit, &mut body);
    }
    let (mut send, mut frame, mut message) = Default::default();
    wire::put_bytes(5, &body, &mut send);
    wire::put_bytes(2, &send, &mut frame);
    wire::put_bytes(1, &frame, &mut message);
    assert_eq!(read(&message)[0].as_ref().expect_err("refused").code, Code::MalformedFrame);

    let many = b"\x0a\x04\x32\x02\x08\x01".repeat(101);
    assert_eq!(read(&many)[0].as_ref().expect_err("refused").code, Code::FrameTooLarge);
}

#[test]
fn numbers_and_names_are_given_once() {
    let mut messages = vec![&CLIENT_FRAME, &SERVER_FRAME];
    let mut seen = BTreeSet::new();
    while let Some(message) = messages.pop() {
        if !seen.insert(message.name) {
            continue;
        }
        let numbers: BTreeSet<u32> = message.fields.iter().map(|field| field.number).collect();
        let names: BTreeSet<&str> = message.fields.iter().map(|field| field.name).collect();
        let count = message.fields.len();
        assert_eq!((numbers.len(), names.len()), (count, count), "{}", message.name);
        messages.extend(message.fields.iter().filter_map(|field| match field.of {
            Type::Is(of) => Some(of),
            _ => None,
        }));
    }
}
