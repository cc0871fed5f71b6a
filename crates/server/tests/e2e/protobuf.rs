//! The other encoding on the wire: bytes made and read by hand from `docs/parlance.proto`.

use std::net::TcpStream;

use tungstenite::client::IntoClientRequest;
use tungstenite::{Message, WebSocket};

use crate::harness::{PATIENCE, Server};

/// A field with bytes in it, of fewer than 16,384.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).expect("short");
    let [high, low] = (((length << 1) & 0xff00) | (length & 0x7f) | 0x80).to_be_bytes();
    [&[number << 3 | 2, low, high], bytes].concat()
}

/// The fields of a message that have bytes in them.
fn fields(mut bytes: &[u8]) -> Vec<(u64, &[u8])> {
    fn number(bytes: &mut &[u8]) -> u64 {
        let mut value = 0;
        for shift in 0.. {
            let (first, rest) = bytes.split_first().expect("a number");
            *bytes = rest;
            value |= u64::from(first & 0x7f) << (7 * shift);
            if first & 0x80 == 0 {
                break;
            }
        }
        value
    }
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let tag = number(&mut bytes);
        let value = number(&mut bytes);
        if tag & 7 == 2 {
            let (taken, rest) = bytes.split_at(usize::try_from(value).expect("short"));
            fields.push((tag >> 3, taken));
            bytes = rest;
        }
    }
    fields
}

fn connect(server: &Server, protocols: &str) -> (WebSocket<TcpStream>, String) {
    let stream = TcpStream::connect(&server.address).expect("connected");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let url = format!("ws://{}/v1/socket", server.address);
    let mut request = url.into_client_request().expect("a request");
    request.headers_mut().insert("Sec-WebSocket-Protocol", protocols.parse().expect("a header"));
    let (socket, answer) = tungstenite::client(request, stream).expect("upgraded");
    let protocol = answer.headers()["Sec-WebSocket-Protocol"].to_str().expect("text").to_owned();
    (socket, protocol)
}

/// The number of the next frame, and what is in it.
fn next(socket: &mut WebSocket<TcpStream>) -> (u64, Vec<u8>) {
    loop {
        if let Message::Binary(message) = socket.read().expect("read") {
            let frame = fields(&message)[0].1.to_vec();
            let (number, body) = fields(&frame)[0];
            return (number, body.to_vec());
        }
    }
}

#[test]
fn a_connection_speaks_protobuf_if_its_client_does() {
    let server = Server::start();
    let (ada, bob) = (server.join("ada"), server.join("bob"));
    let (mut socket, protocol) = connect(&server, "parlance.v1.protobuf, parlance.v1.json");
    assert_eq!(protocol, "parlance.v1.protobuf", "the first that both speak");
    let hello = field(1, &field(1, &field(1, ada.token.as_bytes())));
    socket.send(Message::binary(hello)).expect("sent");
    assert_eq!(next(&mut socket).0, 1, "ready");

    socket.send(Message::binary(&b"\x0a\x05\x32\x03\x08\xac\x02"[..])).expect("sent");
    let (pong, body) = next(&mut socket);
    assert_eq!((pong, &body[..3]), (9, &b"\x08\xac\x02"[..]), "pong 300");

    server.connect(&bob, None).say_to(&ada.account, "hello in both");
    assert_eq!(next(&mut socket).0, 2, "the head of the new conversation");
    assert_eq!(next(&mut socket).0, 5, "its first event");
    let (event, body) = next(&mut socket);
    let body = fields(&body).into_iter().find(|(number, _)| *number == 9).expect("a body").1;
    let (kind, text) = fields(body)[0];
    assert_eq!((event, kind), (5, 1), "a text");
    assert_eq!(fields(text)[0], (1, &b"hello in both"[..]));

    // A frame that cannot be read is answered, and the connection goes on.
    socket.send(Message::binary(&b"\xff"[..])).expect("sent");
    let (error, body) = next(&mut socket);
    assert_eq!((error, fields(&body)[0]), (4, (2, &b"malformed_frame"[..])));
    socket.send(Message::text("{\"ping\":{\"n\":1}}")).expect("sent");
    let closed = loop {
        if let Message::Close(close) = socket.read().expect("read") {
            break close.expect("a code").code;
        }
    };
    assert_eq!(u16::from(closed), 1003, "text is the other subprotocol's");
}
