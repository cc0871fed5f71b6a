//! The fuzz targets, run over random bytes and over scripts that are nearly right.

use parlance_websocket::Role;
use parlance_websocket::fuzz::{fuzz_decode, fuzz_handshake};
use proptest::prelude::*;

use crate::script::{Frame, wire};

fn role() -> impl Strategy<Value = Role> {
    prop_oneof![Just(Role::Server), Just(Role::Client)]
}

/// Frames that are mostly allowed, so that scripts get deep before they fail.
fn any_frame() -> impl Strategy<Value = Frame> {
    let first = prop_oneof![
        20 => prop::sample::select(vec![0x81, 0x82, 0x01, 0x02, 0x00, 0x00, 0x80, 0x80, 0x89, 0x8a]),
        1 => Just(0x88),
        1 => any::<u8>(),
    ];
    let payload = prop_oneof![
        4 => ".{0,40}".prop_map(String::into_bytes),
        1 => prop::collection::vec(any::<u8>(), 0..8),
        1 => prop::collection::vec(Just(b'x'), 100..300),
    ];
    (first, payload).prop_map(|(first, payload)| Frame { first, payload })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn random_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200), role in role()) {
        fuzz_decode(&bytes, role);
    }

    #[test]
    fn scripts_with_a_flaw(
        frames in prop::collection::vec(any_frame(), 0..12),
        role in role(),
        flaw in prop::option::of((any::<prop::sample::Index>(), any::<u8>())),
        end in any::<prop::sample::Index>(),
    ) {
        let mut bytes = wire(role, &frames);
        if let (Some((index, flip)), false) = (flaw, bytes.is_empty()) {
            let at = index.index(bytes.len());
            bytes[at] ^= flip;
        }
        fuzz_decode(&bytes, role);
        bytes.truncate(end.index(bytes.len() + 1));
        fuzz_decode(&bytes, role);
    }

    #[test]
    fn heads_with_a_flaw(
        index in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        client in any::<bool>(),
        tail in prop::collection::vec(any::<u8>(), 0..20),
    ) {
        let mut bytes = if client { crate::handshake::REQUEST } else { crate::handshake::RESPONSE }.to_vec();
        fuzz_handshake(&bytes);
        let at = index.index(bytes.len());
        bytes[at] = byte;
        bytes.extend(tail);
        fuzz_handshake(&bytes);
    }

    #[test]
    fn random_heads(head in "[ -~\r\n\t\u{80}]{0,300}") {
        fuzz_handshake(head.as_bytes());
        fuzz_handshake(format!("GET / HTTP/1.1\r\n{head}\r\n\r\n").as_bytes());
        fuzz_handshake(format!("HTTP/1.1 101 \r\n{head}\r\n\r\n").as_bytes());
    }
}
