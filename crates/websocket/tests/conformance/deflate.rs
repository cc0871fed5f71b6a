//! RFC 7692: compressed messages, whole and in fragments, beside others.

use bytes::BytesMut;
use parlance_websocket::{
    Decoder, Input, Limits, Message, Opcode, ProtocolError, Role, write_deflated,
};

const LIMITS: Limits = Limits { message_bytes_max: 1_000, fragments_max: 4 };

fn texts(frames: &[u8], piece: usize) -> Result<Vec<String>, ProtocolError> {
    let mut decoder = Decoder::new(Role::Client, LIMITS).with_deflate();
    let mut texts = Vec::new();
    let mut frames = frames.to_vec();
    for part in frames.chunks_mut(piece) {
        let mut input = Input::new(part);
        while let Some(message) = decoder.next(&mut input)? {
            if let Message::Text(text) = message {
                texts.push(text.to_owned());
            }
        }
    }
    assert!(decoder.is_idle(), "nothing is kept between messages");
    Ok(texts)
}

/// The examples of section 7.2.3: "Hello" compressed, whole, in two fragments, in a stored block and with a last block.
#[test]
fn the_examples_of_the_rfc() {
    let whole = [0xc1, 0x07, 0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
    let fragments = [0x41, 0x03, 0xf2, 0x48, 0xcd, 0x80, 0x04, 0xc9, 0xc9, 0x07, 0x00];
    let stored = [0xc1, 0x0b, 0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00];
    let last = [0xc1, 0x08, 0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00];
    let plain = [0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f];
    for frames in [&whole[..], &fragments, &stored, &last, &plain] {
        for piece in [1, 3, 100] {
            assert_eq!(texts(frames, piece), Ok(vec!["Hello".to_owned()]), "{frames:?} by {piece}");
        }
        let twice = [frames, &whole].concat();
        assert_eq!(texts(&twice, 100).map(|texts| texts.len()), Ok(2), "each by itself");
    }
}

#[test]
fn long_messages_are_shorter_and_short_ones_as_they_are() {
    let mut out = BytesMut::new();
    let text = "to be or not to be ".repeat(50);
    write_deflated(&mut out, Opcode::Text, text.as_bytes());
    assert!(out.len() < text.len() / 4 && out[0] == 0xc1, "{}", out.len());
    write_deflated(&mut out, Opcode::Text, b"ab");
    assert_eq!(texts(&out, 7), Ok(vec![text, "ab".to_owned()]));
}

#[test]
fn what_is_wrong_with_it_is_refused() {
    // Not of the format; not UTF-8 inside; more inside than a message may hold.
    assert_eq!(texts(&[0xc1, 0x02, 0xff, 0xff], 9), Err(ProtocolError::InvalidDeflate));
    let mut out = BytesMut::new();
    write_deflated(&mut out, Opcode::Text, &[0xff; 100]);
    assert_eq!(texts(&out, 900), Err(ProtocolError::InvalidUtf8));
    out.clear();
    write_deflated(&mut out, Opcode::Text, &[b'x'; 1_001]);
    assert_eq!(texts(&out, 900), Err(ProtocolError::MessageTooBig { bytes_max: 1_000 }));
    // The bit on a control frame, on a continuation, or where nothing was negotiated.
    assert_eq!(texts(&[0xc9, 0x00], 9), Err(ProtocolError::ReservedBits));
    assert_eq!(texts(&[0x01, 0x00, 0xc0, 0x00], 9), Err(ProtocolError::ReservedBits));
    let mut bytes = [0xc1, 0x07, 0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
    let refused = Decoder::new(Role::Client, LIMITS).next(&mut Input::new(&mut bytes)).map(|_| ());
    assert_eq!(refused, Err(ProtocolError::ReservedBits));
}
