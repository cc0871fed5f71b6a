//! Category 9 (limits and performance, at the sizes of the suite) and our own limits.

use parlance_websocket::{Decoder, Limits, Role};

use crate::fragments::in_fragments;
use crate::script::{
    BINARY, CONTINUATION, Event, FIN, LIMITS, PING, TEXT, check, check_bytes, check_within, feed,
    frame, run, text, wire,
};

const TIGHT: Limits = Limits { message_bytes_max: 1_000, fragments_max: 3 };

#[test]
fn case_9_1_and_2_messages_up_to_16_mib() {
    for shift in [16, 18, 20, 22, 23, 24] {
        let message = "*".repeat(1 << shift);
        let bytes = wire(Role::Server, &[frame(FIN | TEXT, &message)]);
        for piece in [bytes.len(), 65_536, 1_500] {
            let got = run(Role::Server, LIMITS, &mut bytes.chunks(piece));
            assert!(got == [text(&message)], "2^{shift} in pieces of {piece}");
        }
    }
}

#[test]
fn case_9_3_and_4_a_long_message_in_fragments_of_every_size() {
    let message = vec![0xfe; 4 << 20];
    for fragment_bytes in
        [64, 256, 1 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20, 4 << 20]
    {
        let bytes = wire(Role::Client, &in_fragments(BINARY, &message, fragment_bytes));
        let got = run(Role::Client, LIMITS, &mut bytes.chunks(16 << 10));
        assert!(got == [Event::Binary(message.clone())], "fragments of {fragment_bytes}");
    }
}

#[test]
fn case_9_5_and_6_a_long_message_in_pieces_of_every_size() {
    let message = "*".repeat(1 << 20);
    let bytes = wire(Role::Server, &[frame(FIN | TEXT, &message)]);
    for piece in [64, 128, 256, 512, 1024, 2048] {
        let got = run(Role::Server, LIMITS, &mut bytes.chunks(piece));
        assert!(got == [text(&message)], "pieces of {piece}");
    }
}

#[test]
fn case_9_7_and_8_a_thousand_messages_in_one_stream() {
    for length in [0, 16, 64, 256, 1024, 4096] {
        let message = "*".repeat(length);
        let bytes = wire(Role::Server, &vec![frame(FIN | TEXT, &message); 1_000]);
        let got = run(Role::Server, LIMITS, &mut bytes.chunks(8_192));
        assert!(got == vec![text(&message); 1_000], "messages of {length}");
    }
}

#[test]
fn too_big_is_said_when_the_header_announces_it() {
    let full = "*".repeat(1_000);
    check_within(TIGHT, &[frame(FIN | TEXT, &full)], &[text(&full)]);
    check_within(TIGHT, &[frame(FIN | TEXT, "*".repeat(1_001))], &[Event::Fail(1009)]);
    for announced in [1_001_u64, 1 << 16, 1 << 40, (1 << 63) - 1] {
        let header = match u16::try_from(announced) {
            Ok(short) => [&[FIN | BINARY, 126], &short.to_be_bytes()[..]].concat(),
            Err(_) => [&[FIN | BINARY, 127], &announced.to_be_bytes()[..]].concat(),
        };
        check_bytes(Role::Client, TIGHT, &header, &[Event::Fail(1009)]);
    }
}

#[test]
fn fragments_count_together() {
    let fragments = |sizes: &[usize]| {
        let message = "*".repeat(sizes.iter().sum());
        let mut frames: Vec<_> =
            sizes.iter().map(|size| frame(CONTINUATION, "*".repeat(*size))).collect();
        frames[0].first = TEXT;
        frames.last_mut().expect("never empty").first |= FIN;
        frames.insert(1, frame(FIN | PING, "is not counted"));
        (frames, [Event::Ping(b"is not counted".into()), text(&message)])
    };
    let (frames, expected) = fragments(&[500, 499, 1]);
    check_within(TIGHT, &frames, &expected);
    let (frames, expected) = fragments(&[500, 499, 2]);
    check_within(TIGHT, &frames, &[expected[0].clone(), Event::Fail(1009)]);
    let (frames, expected) = fragments(&[0, 0, 0, 0]);
    check_within(TIGHT, &frames, &[expected[0].clone(), Event::Fail(1008)]);
}

#[test]
fn limits_are_for_each_message_anew() {
    let half = "*".repeat(600);
    let frames = vec![frame(FIN | TEXT, &half); 5];
    check_within(TIGHT, &frames, &vec![text(&half); 5]);
    let three = [frame(TEXT, &half), frame(CONTINUATION, ""), frame(FIN | CONTINUATION, "")];
    check_within(TIGHT, &[&three[..], &three[..]].concat(), &[text(&half), text(&half)]);
}

#[test]
fn an_idle_decoder_is_small_and_holds_nothing() {
    assert!(size_of::<Decoder>() <= 64, "{}", size_of::<Decoder>());
    let mut decoder = Decoder::new(Role::Server, LIMITS);
    let bytes = wire(
        Role::Server,
        &[frame(FIN | TEXT, "cut"), frame(TEXT, "in"), frame(FIN | CONTINUATION, "fragments")],
    );
    let ends = [9, bytes.len()];
    for (index, byte) in bytes.iter().enumerate() {
        feed(&mut decoder, &[*byte], &mut Vec::new());
        assert_eq!(decoder.is_idle(), ends.contains(&(index + 1)), "after byte {index}");
    }
    check(
        &[frame(FIN | TEXT, "whole frames never need a carry")],
        &[text("whole frames never need a carry")],
    );
    feed(&mut decoder, &bytes[..9], &mut Vec::new());
    assert!(decoder.is_idle());
}
