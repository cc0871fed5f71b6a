//! Categories 5 (fragmentation) and 10 (auto-fragmentation).

use parlance_websocket::Role;

use crate::script::{
    BINARY, CLOSE, CONTINUATION, Event, FIN, Frame, PING, PONG, TEXT, check, check_fails_at, frame,
    text,
};

fn ping(payload: &str) -> Event {
    Event::Ping(payload.as_bytes().to_vec())
}

#[test]
fn case_5_1_and_2_control_frames_are_never_fragmented() {
    for opcode in [PING, PONG, CLOSE] {
        let frames = [frame(opcode, "fragment1"), frame(FIN | CONTINUATION, "fragment2")];
        check(&frames, &[Event::Fail(1002)]);
    }
}

#[test]
fn case_5_3_to_5_a_message_in_two_fragments() {
    for (opcode, expected) in
        [(TEXT, text("fragment1fragment2")), (BINARY, Event::Binary(b"fragment1fragment2".into()))]
    {
        let frames = [frame(opcode, "fragment1"), frame(FIN | CONTINUATION, "fragment2")];
        check(&frames, &[expected]);
    }
}

#[test]
fn case_5_6_to_8_control_frames_between_fragments() {
    let (first, last) = (frame(TEXT, "fragment1"), frame(FIN | CONTINUATION, "fragment2"));
    check(
        &[first.clone(), frame(FIN | PING, "ping payload"), last.clone()],
        &[ping("ping payload"), text("fragment1fragment2")],
    );
    check(
        &[first.clone(), frame(FIN | PONG, ""), frame(FIN | PING, ""), last],
        &[Event::Pong(Vec::new()), ping(""), text("fragment1fragment2")],
    );
    check(&[first, frame(FIN | CLOSE, "")], &[Event::Close(None)]);
}

#[test]
fn case_5_9_to_14_nothing_to_continue() {
    for first in [FIN | CONTINUATION, CONTINUATION] {
        for payload in ["", "non-continuation payload"] {
            check(
                &[frame(first, payload), frame(FIN | TEXT, "Hello, world!")],
                &[Event::Fail(1002)],
            );
        }
        check_fails_at(Role::Client, &[first, 125], 1, 1002);
    }
}

#[test]
fn case_5_15_to_17_a_finished_message_cannot_be_continued() {
    let whole = [frame(TEXT, "fragment1"), frame(FIN | CONTINUATION, "fragment2")];
    for first in [CONTINUATION, FIN | CONTINUATION] {
        let mut frames = whole.to_vec();
        frames.extend([frame(first, "fragment3"), frame(FIN | TEXT, "fragment4")]);
        check(&frames, &[text("fragment1fragment2"), Event::Fail(1002)]);
        let lone = [frame(first, "fragment1"), frame(FIN | CONTINUATION, "fragment2")];
        check(&[&lone[..], &lone[..]].concat(), &[Event::Fail(1002)]);
    }
}

#[test]
fn case_5_18_a_message_inside_a_message() {
    for (outer, inner) in [(TEXT, TEXT), (TEXT, BINARY), (BINARY, TEXT), (BINARY, BINARY)] {
        for fin in [0, FIN] {
            check(&[frame(outer, "a"), frame(fin | inner, "b")], &[Event::Fail(1002)]);
        }
    }
}

#[test]
fn case_5_19_and_20_five_fragments_and_pings() {
    let frames = [
        frame(TEXT, "fragment1"),
        frame(CONTINUATION, "fragment2"),
        frame(FIN | PING, "pongme 1!"),
        frame(CONTINUATION, "fragment3"),
        frame(CONTINUATION, "fragment4"),
        frame(FIN | PING, "pongme 2!"),
        frame(FIN | CONTINUATION, "fragment5"),
        frame(FIN | TEXT, "next"),
    ];
    let expected = [
        ping("pongme 1!"),
        ping("pongme 2!"),
        text("fragment1fragment2fragment3fragment4fragment5"),
        text("next"),
    ];
    check(&frames, &expected);
}

#[test]
fn case_10_a_long_message_in_small_fragments() {
    let message = "*".repeat(65_536);
    check(&in_fragments(TEXT, message.as_bytes(), 1_300), &[text(&message)]);
}

pub(crate) fn in_fragments(opcode: u8, payload: &[u8], fragment_bytes: usize) -> Vec<Frame> {
    let mut frames: Vec<Frame> =
        payload.chunks(fragment_bytes).map(|part| frame(CONTINUATION, part)).collect();
    if let Some(first) = frames.first_mut() {
        first.first = opcode;
    }
    if let Some(last) = frames.last_mut() {
        last.first |= FIN;
    }
    frames
}
