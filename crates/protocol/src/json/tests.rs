//! What is written here is read here as the same value, and the templates write what serde would.

pub(crate) mod arbitrary;
mod newer;
mod reference;
mod refusals;

use bytes::BytesMut;
use parlance_types::frame::{ClientFrame, ServerFrame};
use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::DecodeError;

pub(super) fn decoded(bytes: &[u8]) -> Vec<Result<ClientFrame, DecodeError>> {
    let mut frames = Vec::new();
    decode_client(bytes, &mut |frame| frames.push(frame));
    frames
}

pub(super) fn written(frame: &ServerFrame) -> BytesMut {
    let mut out = BytesMut::new();
    encode_server(frame, &mut out);
    out
}

proptest! {
    #[test]
    fn frames_of_clients_survive(frame in arbitrary::client_frame()) {
        let mut out = BytesMut::new();
        encode_client(&frame, &mut out);
        prop_assert_eq!(decoded(&out), vec![Ok(frame)]);
    }

    #[test]
    fn frames_of_clients_survive_in_an_array(frames in prop::collection::vec(arbitrary::client_frame(), 0..5)) {
        let mut out = BytesMut::from("[");
        for (index, frame) in frames.iter().enumerate() {
            out.extend_from_slice(if index == 0 { b" " } else { b" , " });
            encode_client(frame, &mut out);
        }
        out.extend_from_slice(b"]");
        prop_assert_eq!(decoded(&out), frames.into_iter().map(Ok).collect::<Vec<_>>());
    }

    #[test]
    fn the_order_of_fields_and_white_space_do_not_matter(frame in arbitrary::client_frame()) {
        let mut out = BytesMut::new();
        encode_client(&frame, &mut out);
        // A `Value` keeps its fields in the order of their names.
        let value: Value = serde_json::from_slice(&out).unwrap();
        let other = serde_json::to_vec_pretty(&value).unwrap();
        prop_assert_eq!(decoded(&other), vec![Ok(frame)]);
    }

    #[test]
    fn frames_of_servers_survive(frame in arbitrary::server_frame()) {
        let out = written(&frame);
        prop_assert_eq!(decode_server(&out), Ok(vec![frame]));
    }

    #[test]
    fn frames_of_servers_are_those_of_serde(frame in arbitrary::server_frame()) {
        if let Some(expected) = reference::value(&frame) {
            let value: Value = serde_json::from_slice(&written(&frame)).unwrap();
            prop_assert_eq!(value, expected);
        }
    }

    #[test]
    fn only_own_devices_are_shown_the_device(event in arbitrary::event()) {
        for own in [false, true] {
            let mut out = BytesMut::new();
            encode_event(&event, own, &mut out);
            let mut expected = event.clone();
            expected.device = event.device.filter(|_| own);
            prop_assert_eq!(decode_server(&out), Ok(vec![ServerFrame::Event(Box::new(expected))]));
        }
    }
}

#[test]
fn every_naughty_string_survives_as_a_text() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/blns/blns.json");
    let strings: Vec<String> =
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert!(strings.len() > 100, "the excerpt is there");
    for text in strings {
        let message = serde_json::json!({"send": {
            "id": 1,
            "to": "01920000-0000-7000-8000-000000000002",
            "message_id": "01920000-0000-7000-8000-000000000003",
            "body": {"kind": "text", "text": text},
        }});
        let frames = decoded(message.to_string().as_bytes());
        if text.is_empty() {
            let error = frames[0].as_ref().unwrap_err();
            assert_eq!(error.field.as_deref(), Some("send.body.text"));
            continue;
        }
        let Ok(ClientFrame::Send(send)) = &frames[0] else { panic!("{text:?}: {frames:?}") };
        let parlance_types::Action::Send { text: read, .. } = &send.action else {
            panic!("{text:?}")
        };
        assert_eq!(read.as_str(), text);
        let mut out = BytesMut::new();
        encode_client(&ClientFrame::Send(send.clone()), &mut out);
        assert_eq!(decoded(&out), frames, "{text:?}");
    }
}
