//! Categories 1 (framing), 2 (pings and pongs), 3 (reserved bits), 4 (opcodes), and the rules of lengths and masks
//! that Autobahn leaves out.

use parlance_websocket::Role;

use crate::script::{
    BINARY, CLOSE, Event, FIN, LIMITS, PING, PONG, TEXT, check, check_bytes, check_fails_at, frame,
    text, wire,
};

const LENGTHS: [usize; 7] = [0, 125, 126, 127, 128, 65_535, 65_536];

#[test]
fn case_1_messages_of_every_length_class() {
    for length in LENGTHS {
        let stars = "*".repeat(length);
        check(&[frame(FIN | TEXT, &stars)], &[text(&stars)]);
        let bytes = vec![0xfe; length];
        check(&[frame(FIN | BINARY, &bytes)], &[Event::Binary(bytes)]);
    }
}

#[test]
fn case_2_pings_and_pongs() {
    let payloads: [&[u8]; 4] =
        [b"", b"Hello, world!", b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff", &[0xfe; 125]];
    for payload in payloads {
        check(&[frame(FIN | PING, payload)], &[Event::Ping(payload.to_vec())]);
        check(&[frame(FIN | PONG, payload)], &[Event::Pong(payload.to_vec())]);
        check(
            &[frame(FIN | PONG, payload), frame(FIN | PING, "after")],
            &[Event::Pong(payload.to_vec()), Event::Ping(b"after".to_vec())],
        );
    }
    for opcode in [PING, PONG, CLOSE] {
        check(&[frame(FIN | opcode, [0xfe; 126])], &[Event::Fail(1002)]);
    }
    let ten: Vec<String> = (0..10).map(|index| format!("payload-{index}")).collect();
    let frames: Vec<_> = ten.iter().map(|payload| frame(FIN | PING, payload)).collect();
    let expected: Vec<_> = ten.into_iter().map(|ping| Event::Ping(ping.into_bytes())).collect();
    check(&frames, &expected);
}

#[test]
fn case_3_reserved_bits_fail() {
    let good = frame(FIN | TEXT, "Hello, world!");
    for bits in 1..=7 {
        for opcode in [TEXT, BINARY, PING, PONG, CLOSE] {
            let bad = frame(FIN | bits << 4 | opcode, "");
            check(std::slice::from_ref(&bad), &[Event::Fail(1002)]);
            check(
                &[good.clone(), bad, frame(FIN | PING, "")],
                &[text("Hello, world!"), Event::Fail(1002)],
            );
        }
    }
}

#[test]
fn case_4_reserved_opcodes_fail() {
    let good = frame(FIN | TEXT, "Hello, world!");
    for opcode in [0x3, 0x4, 0x5, 0x6, 0x7, 0xb, 0xc, 0xd, 0xe, 0xf] {
        for payload in ["", "reserved opcode payload"] {
            let bad = frame(FIN | opcode, payload);
            check(std::slice::from_ref(&bad), &[Event::Fail(1002)]);
            check(
                &[good.clone(), bad, frame(FIN | PING, "")],
                &[text("Hello, world!"), Event::Fail(1002)],
            );
        }
    }
}

#[test]
fn clients_must_mask_and_servers_must_not() {
    let frames = [frame(FIN | TEXT, "Hello"), frame(FIN | PING, "")];
    for (reader, other) in [(Role::Server, Role::Client), (Role::Client, Role::Server)] {
        check_bytes(reader, LIMITS, &wire(other, &frames), &[Event::Fail(1002)]);
        // Known from the second byte on: nobody waits for a payload that will be refused.
        check_fails_at(reader, &wire(other, &frames), 1, 1002);
    }
}

#[test]
fn examples_of_the_rfc() {
    let masked = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
    check_bytes(Role::Server, LIMITS, &masked, &[text("Hello")]);
    let bare = [0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f];
    check_bytes(Role::Client, LIMITS, &bare, &[text("Hello")]);
    let fragments = [0x01, 0x03, 0x48, 0x65, 0x6c, 0x80, 0x02, 0x6c, 0x6f];
    check_bytes(Role::Client, LIMITS, &fragments, &[text("Hello")]);
}

#[test]
fn lengths_must_be_in_their_shortest_form() {
    for length in [0_u16, 1, 125] {
        let mut bytes = vec![FIN | BINARY, 126];
        bytes.extend(length.to_be_bytes());
        check_fails_at(Role::Client, &bytes, 3, 1002);
        bytes.extend(vec![0; usize::from(length)]);
        check_bytes(Role::Client, LIMITS, &bytes, &[Event::Fail(1002)]);
    }
    for length in [0_u64, 125, 126, 65_535, 1 << 63, u64::MAX] {
        let mut bytes = vec![FIN | BINARY, 127];
        bytes.extend(length.to_be_bytes());
        check_fails_at(Role::Client, &bytes, 9, 1002);
        check_bytes(Role::Client, LIMITS, &bytes, &[Event::Fail(1002)]);
    }
}
