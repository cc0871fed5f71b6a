//! What is written, byte for byte, and read back.

use bytes::{BufMut, BytesMut};
use parlance_websocket::{
    CloseCode, FrameWriter, MaskKey, Opcode, Role, header, write, write_close, write_text,
};

use crate::script::{BINARY, CLOSE, Event, FIN, LIMITS, PING, TEXT, frame, run, text, wire};

/// The key that `script` masks with.
const KEY: MaskKey = MaskKey::new([0x37, 0xfa, 0x21, 0x3d]);
const SIDES: [(Role, Option<MaskKey>); 2] = [(Role::Server, Some(KEY)), (Role::Client, None)];

#[test]
fn every_length_is_written_as_the_script_lays_it_out() {
    for (reader, mask) in SIDES {
        for length in [0, 1, 7, 8, 9, 124, 125, 126, 127, 65_535, 65_536, 70_001] {
            let payload: Vec<u8> = (0..length).map(|index| (index % 251) as u8).collect();
            let expected = wire(reader, &[frame(FIN | BINARY, &payload)]);
            let mut out = BytesMut::new();
            write(&mut out, Opcode::Binary, &payload, mask);
            assert!(out == expected, "{reader:?}, {length}");
            assert_eq!(
                header(Opcode::Binary, length, true, mask)[..],
                expected[..expected.len() - length]
            );
        }
    }
}

#[test]
fn frames_written_in_place_lie_close_together() {
    for (reader, mask) in SIDES {
        let payloads = [0, 125, 126, 300, 65_535, 65_536, 5].map(|length| "ä".repeat(length / 2));
        let frames: Vec<_> = payloads.iter().map(|payload| frame(FIN | TEXT, payload)).collect();
        let mut out = BytesMut::new();
        let mut bytes = 0;
        for payload in &payloads {
            let mut writer = FrameWriter::begin(&mut out, mask);
            for part in payload.as_bytes().chunks(100) {
                writer.payload().put_slice(part);
            }
            bytes += writer.finish(Opcode::Text);
        }
        assert!(out == wire(reader, &frames), "{reader:?}");
        assert_eq!(bytes, out.len());
    }
}

#[test]
fn an_unfinished_frame_is_taken_back() {
    let mut out = BytesMut::from("before");
    let mut writer = FrameWriter::begin(&mut out, Some(KEY));
    writer.payload().put_slice(b"the encoder failed here");
    drop(writer);
    assert_eq!(out, "before");
}

#[test]
fn control_and_text_frames_are_read_back() {
    for (reader, mask) in SIDES {
        let mut out = BytesMut::new();
        write_text(&mut out, "κόσμε", mask);
        write(&mut out, Opcode::Ping, &[7; 125], mask);
        write_close(&mut out, CloseCode::GOING_AWAY, "later", mask);
        let frames = [
            frame(FIN | TEXT, "κόσμε"),
            frame(FIN | PING, [7; 125]),
            frame(FIN | CLOSE, b"\x03\xe9later"),
        ];
        assert_eq!(out, wire(reader, &frames));
    }
}

#[test]
fn a_long_reason_is_cut_between_characters() {
    let mut out = BytesMut::new();
    write_close(&mut out, CloseCode::INTERNAL, &format!("{}😀", "*".repeat(121)), None);
    let got = run(Role::Client, LIMITS, &mut std::iter::once(&out[..]));
    assert_eq!(got, [Event::Close(Some((1011, "*".repeat(121))))]);
}

#[test]
#[should_panic(expected = "at most 125 bytes")]
fn a_control_frame_that_nobody_would_accept_is_not_written() {
    write(&mut BytesMut::new(), Opcode::Ping, &[0; 126], None);
}

#[test]
fn a_message_may_be_written_in_fragments() {
    let mut out = BytesMut::new();
    for (opcode, part, fin) in
        [(Opcode::Text, "frag", false), (Opcode::Continuation, "ments", true)]
    {
        out.put_slice(&header(opcode, part.len(), fin, None));
        out.put_slice(part.as_bytes());
    }
    assert_eq!(run(Role::Client, LIMITS, &mut std::iter::once(&out[..])), [text("fragments")]);
}
