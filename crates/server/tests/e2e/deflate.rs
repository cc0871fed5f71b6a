//! `permessage-deflate` on the wire, with bytes made by hand.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::harness::{PATIENCE, Server};
use serde_json::Value;

/// Upgrades with an offer; the answer's head.
fn upgrade(server: &Server, offer: &str) -> (TcpStream, String) {
    let mut stream = TcpStream::connect(&server.address).expect("connected");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let request = format!(
        "GET /v1/socket HTTP/1.1\r\nHost: parlance\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: parlance.v1.json\r\n{offer}\r\n"
    );
    stream.write_all(request.as_bytes()).expect("written");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("a head");
        head.push(byte[0]);
    }
    (stream, String::from_utf8(head).expect("UTF-8").to_lowercase())
}

/// A client's frame, under a mask of zeros; the payload has 126 to 65,535 bytes or fewer than 126.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match u8::try_from(payload.len()) {
        Ok(short) if short < 126 => frame.push(0x80 | short),
        _ => {
            frame.push(0xfe);
            frame.extend(u16::try_from(payload.len()).expect("not long").to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}

/// The next frame: whether it is compressed, and its payload as it came.
fn next(stream: &mut TcpStream) -> (bool, Vec<u8>) {
    let mut head = [0; 2];
    stream.read_exact(&mut head).expect("a frame");
    let mut length = usize::from(head[1]);
    if length == 126 {
        let mut long = [0; 2];
        stream.read_exact(&mut long).expect("a length");
        length = usize::from(u16::from_be_bytes(long));
    }
    let mut payload = vec![0; length];
    stream.read_exact(&mut payload).expect("a payload");
    (head[0] & 0x40 != 0, payload)
}

/// What a payload in one stored block of the format is.
fn stored(payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).expect("not long");
    [&[0][..], &length.to_le_bytes(), &(!length).to_le_bytes(), payload, &[0]].concat()
}

#[test]
fn long_frames_are_compressed_for_who_offers_it() {
    let server = Server::start();
    let ada = server.join("ada");
    let hello = format!("{{\"hello\":{{\"token\":\"{}\"}}}}", ada.token);
    let (mut stream, head) = upgrade(
        &server,
        "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n",
    );
    let answer = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
    assert!(head.contains(&format!("sec-websocket-extensions: {answer}")), "{head}");
    stream.write_all(&frame(0xc1, &stored(hello.as_bytes()))).expect("written");
    let (compressed, ready) = next(&mut stream);
    assert!(compressed, "ready is long");
    stream.write_all(&frame(0x81, b"{\"ping\":{\"n\":7}}")).expect("written");
    let (compressed, pong) = next(&mut stream);
    assert!(!compressed, "a pong is short");
    let pong: Value = serde_json::from_slice(&pong).expect("JSON");
    assert_eq!(pong["pong"]["n"], 7);

    let (mut plain, head) = upgrade(&server, "");
    assert!(!head.contains("sec-websocket-extensions"), "{head}");
    plain.write_all(&frame(0x81, hello.as_bytes())).expect("written");
    let (compressed, same) = next(&mut plain);
    assert!(!compressed && same.len() > ready.len(), "{} and {}", same.len(), ready.len());
}
