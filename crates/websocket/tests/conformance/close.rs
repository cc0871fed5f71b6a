//! Category 7: closing, with every code there is.

use parlance_websocket::{CloseCode, Role};

use crate::script::{
    BINARY, CLOSE, CONTINUATION, Event, FIN, LIMITS, PING, TEXT, check, frame, run, text, wire,
};

fn close(code: u16, reason: impl AsRef<[u8]>) -> Vec<u8> {
    [&code.to_be_bytes(), reason.as_ref()].concat()
}

fn closed(code: u16, reason: &str) -> Event {
    Event::Close(Some((code, reason.to_owned())))
}

#[test]
fn case_7_1_nothing_counts_after_a_close() {
    let bye = frame(FIN | CLOSE, close(1000, ""));
    let after = [
        frame(FIN | CLOSE, close(1000, "")),
        frame(FIN | PING, "ping"),
        frame(FIN | TEXT, "late"),
        frame(FIN | TEXT, b"\xff"),
        frame(0x7f, "all wrong"),
        frame(FIN | TEXT, "*".repeat(262_144)),
    ];
    for late in after {
        check(
            &[frame(FIN | TEXT, "Hello"), bye.clone(), late.clone(), frame(FIN | PING, "")],
            &[text("Hello"), closed(1000, "")],
        );
    }
    check(
        &[frame(TEXT, "fragment1"), bye.clone(), frame(FIN | CONTINUATION, "fragment2")],
        &[closed(1000, "")],
    );
    let long = "BAsd7&jh23".repeat(26_214);
    check(
        &[frame(FIN | TEXT, &long), bye, frame(FIN | PING, "")],
        &[text(&long), closed(1000, "")],
    );
}

#[test]
fn nothing_counts_after_an_error() {
    check(
        &[frame(FIN | TEXT, b"\xff"), frame(FIN | TEXT, "late"), frame(FIN | CLOSE, "")],
        &[Event::Fail(1007)],
    );
}

#[test]
fn case_7_3_payloads_of_every_shape() {
    check(&[frame(FIN | CLOSE, "")], &[Event::Close(None)]);
    check(&[frame(FIN | CLOSE, "a")], &[Event::Fail(1002)]);
    check(&[frame(FIN | CLOSE, close(1000, ""))], &[closed(1000, "")]);
    check(&[frame(FIN | CLOSE, close(1000, "Hello World!"))], &[closed(1000, "Hello World!")]);
    let longest = "*".repeat(123);
    check(&[frame(FIN | CLOSE, close(1000, &longest))], &[closed(1000, &longest)]);
    check(&[frame(FIN | CLOSE, close(1000, "*".repeat(124)))], &[Event::Fail(1002)]);
}

#[test]
fn case_7_5_reasons_are_utf_8() {
    let reason =
        b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80\x65\x64\x69\x74\x65\x64";
    check(&[frame(FIN | CLOSE, close(1000, reason))], &[Event::Fail(1007)]);
    check(&[frame(FIN | CLOSE, close(1000, "κόσμε"))], &[closed(1000, "κόσμε")]);
}

#[test]
fn case_7_7_and_9_and_13_every_code() {
    for code in 0..=u16::MAX {
        let valid = matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999);
        assert_eq!(CloseCode::new(code).is_some(), valid);
        let expected = if valid { closed(code, "why") } else { Event::Fail(1002) };
        let bytes = wire(Role::Server, &[frame(FIN | CLOSE, close(code, "why"))]);
        assert_eq!(run(Role::Server, LIMITS, &mut std::iter::once(&bytes[..])), [expected]);
    }
}

#[test]
fn the_answer_to_an_error_says_what_kind_it_was() {
    check(&[frame(FIN | TEXT, b"\xff")], &[Event::Fail(1007)]);
    check(&[frame(FIN | CONTINUATION, "")], &[Event::Fail(1002)]);
    check(&[frame(FIN | BINARY, vec![0; (16 << 20) + 1])], &[Event::Fail(1009)]);
}
