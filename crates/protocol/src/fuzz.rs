//! Fuzz targets: plain functions over outside bytes. They panic only if an invariant of this crate is broken.

use bytes::BytesMut;
use parlance_types::frame::{
    ClientFrame, ErrorFrame, Head, Listing, Ok as OkFrame, Page, Person, ServerFrame,
};

use crate::rest::{
    self, Additions, Group, MarkPage, Me, MeChange, MemberPage, Message, Name, NewMarks, NewRole,
    PasswordChange, PersonalSettings, Polled, PutSettings, Reform, Refresh, RestBody, Sessions,
    SignIn, SignUp, StreamTicket, Tokens, Version,
};
use crate::{DecodeError, json, protobuf};

/// Reads `bytes` as a message from a client. Whatever is accepted is written and read again as the same, and whatever is refused
/// makes an error that a client can read.
pub fn fuzz_client(bytes: &[u8]) {
    json::decode_client(bytes, &mut |frame| match frame {
        Ok(frame) => {
            let mut written = BytesMut::new();
            json::encode_client(&frame, &mut written);
            assert_eq!(once(&written), Some(Ok(frame)));
        }
        Err(error) => explains(error),
    });
}

/// Reads `bytes` as a message of Protocol Buffers from a client, and as one from a server. What is accepted is written and read again as
/// the same.
pub fn fuzz_protobuf(bytes: &[u8]) {
    protobuf::decode_client(bytes, &mut |frame| match frame {
        Ok(frame) => {
            let mut written = BytesMut::new();
            protobuf::encode_client(&frame, &mut written);
            let mut again = Vec::new();
            protobuf::decode_client(&written, &mut |frame| again.push(frame));
            assert_eq!(again, [Ok(frame)]);
        }
        Err(error) => explains(error),
    });
    for frame in protobuf::decode_server(bytes).unwrap_or_default() {
        let mut written = BytesMut::new();
        protobuf::encode_server(&frame, &mut written);
        assert_eq!(protobuf::decode_server(&written), Ok(vec![frame]));
    }
}

/// Reads `bytes` as a message from a server. What is written of it is read again, and then written as the same.
pub fn fuzz_server(bytes: &[u8]) {
    let frames = match json::decode_server(bytes) {
        Ok(frames) => frames,
        Err(error) => return explains(error),
    };
    for frame in frames {
        let mut written = BytesMut::new();
        json::encode_server(&frame, &mut written);
        let read = json::decode_server(&written).expect("what is written here can be read here");
        let mut again = BytesMut::new();
        for frame in &read {
            json::encode_server(frame, &mut again);
        }
        assert_eq!(written, again);
    }
}

/// Reads `bytes` as every body of the REST paths.
pub fn fuzz_rest(bytes: &[u8]) {
    rest_body::<SignUp>(bytes);
    rest_body::<SignIn>(bytes);
    rest_body::<Refresh>(bytes);
    rest_body::<Tokens>(bytes);
    rest_body::<rest::BrowserTokens>(bytes);
    rest_body::<StreamTicket>(bytes);
    rest_body::<Polled>(bytes);
    rest_body::<Name>(bytes);
    rest_body::<Version>(bytes);
    rest_body::<Additions>(bytes);
    rest_body::<NewRole>(bytes);
    rest_body::<Reform>(bytes);
    rest_body::<NewMarks>(bytes);
    rest_body::<MemberPage>(bytes);
    rest_body::<MarkPage>(bytes);
    rest_body::<Me>(bytes);
    rest_body::<Sessions>(bytes);
    rest_body::<PasswordChange>(bytes);
    rest_body::<MeChange>(bytes);
    rest_body::<Person>(bytes);
    rest_body::<Group>(bytes);
    rest_body::<Message>(bytes);
    rest_body::<PersonalSettings>(bytes);
    rest_body::<rest::Tied>(bytes);
    rest_body::<rest::PeoplePage>(bytes);
    rest_body::<PutSettings>(bytes);
    rest_body::<Head>(bytes);
    rest_body::<Listing>(bytes);
    rest_body::<Page>(bytes);
    rest_body::<OkFrame>(bytes);
    rest_body::<ErrorFrame>(bytes);
}

fn rest_body<T: RestBody>(bytes: &[u8]) {
    match rest::decode::<T>(bytes) {
        Ok(body) => {
            let written = rest::encode(&body);
            let read = rest::decode::<T>(&written).expect("what is written here can be read here");
            assert_eq!(written, rest::encode(&read));
        }
        Err(error) => explains(error),
    }
}

fn once(bytes: &[u8]) -> Option<Result<ClientFrame, DecodeError>> {
    let mut first = None;
    json::decode_client(bytes, &mut |frame| first = first.take().or(Some(frame)));
    first
}

fn explains(error: DecodeError) {
    assert!(error.message.is_some() && error.field.as_deref() != Some(""));
    let frame = ServerFrame::Error(error.into_frame());
    let mut written = BytesMut::new();
    json::encode_server(&frame, &mut written);
    assert_eq!(json::decode_server(&written), Ok(vec![frame]));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::Index;

    use super::*;
    use crate::json::tests::arbitrary;

    fn fuzz_all(bytes: &[u8]) {
        fuzz_client(bytes);
        fuzz_server(bytes);
        fuzz_rest(bytes);
        fuzz_protobuf(bytes);
    }

    /// Replaces, puts in or takes out some bytes.
    fn damage(mut bytes: Vec<u8>, changes: &[(Index, u8, u8)]) -> Vec<u8> {
        for (index, byte, how) in changes {
            if bytes.is_empty() {
                break;
            }
            let at = index.index(bytes.len());
            match how % 4 {
                0 => bytes[at] = *byte,
                1 => bytes.insert(at, *byte),
                2 => drop(bytes.remove(at)),
                _ => bytes[at] = b"{}[]\",:\\0e-"[usize::from(*byte) % 11],
            }
        }
        bytes
    }

    fn changes() -> impl Strategy<Value = Vec<(Index, u8, u8)>> {
        prop::collection::vec(any::<(Index, u8, u8)>(), 0..4)
    }

    proptest! {
        #[test]
        fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            fuzz_all(&bytes);
        }

        #[test]
        fn what_looks_like_json(text in "[\\[\\]{}\",:\\\\a-z0-9 .-]{0,60}") {
            fuzz_all(text.as_bytes());
        }

        #[test]
        fn damaged_frames_of_clients(frame in arbitrary::client_frame(), changes in changes()) {
            let mut bytes = BytesMut::new();
            json::encode_client(&frame, &mut bytes);
            fuzz_client(&damage(bytes.to_vec(), &changes));
        }

        #[test]
        fn damaged_protobuf(frame in arbitrary::client_frame(), other in arbitrary::server_frame(), changes in changes()) {
            let mut bytes = BytesMut::new();
            protobuf::encode_client(&frame, &mut bytes);
            fuzz_protobuf(&damage(bytes.to_vec(), &changes));
            bytes.clear();
            protobuf::encode_server(&other, &mut bytes);
            fuzz_protobuf(&damage(bytes.to_vec(), &changes));
        }

        #[test]
        fn damaged_frames_of_servers(frame in arbitrary::server_frame(), changes in changes()) {
            let mut bytes = BytesMut::new();
            json::encode_server(&frame, &mut bytes);
            fuzz_server(&damage(bytes.to_vec(), &changes));
        }

        #[test]
        fn damaged_bodies(head in arbitrary::head(), page in arbitrary::page(), changes in changes()) {
            fuzz_rest(&damage(rest::encode(&head).to_vec(), &changes));
            fuzz_rest(&damage(rest::encode(&page).to_vec(), &changes));
        }
    }
}
