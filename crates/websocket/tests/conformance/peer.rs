//! tungstenite at the other end, as client and as server: it wrote its codec without us.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::rc::Rc;

use bytes::{BufMut, BytesMut};
use parlance_websocket::handshake::{ClientHandshake, ClientRequest, ServerHandshake};
use parlance_websocket::{
    CloseCode, Decoder, FrameWriter, MaskKey, Opcode, Role, header, write, write_close,
};
use proptest::prelude::*;
use tungstenite::protocol::frame::coding::{Data, OpCode};
use tungstenite::protocol::frame::{CloseFrame, Frame, coding};
use tungstenite::{HandshakeError, Message, WebSocket, protocol};

use crate::script::{Event, LIMITS, feed};

/// Two queues of bytes; an empty one would block.
#[derive(Clone, Debug, Default)]
struct Pipe {
    to_peer: Rc<RefCell<VecDeque<u8>>>,
    from_peer: Rc<RefCell<Vec<u8>>>,
}

impl Read for Pipe {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.to_peer.borrow_mut().read(buffer)? {
            0 => Err(io::ErrorKind::WouldBlock.into()),
            bytes => Ok(bytes),
        }
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.from_peer.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What one side says. Fragments become one message.
#[derive(Clone, Debug)]
enum Say {
    Text(Vec<String>),
    Binary(Vec<Vec<u8>>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
}

fn say() -> impl Strategy<Value = Say> {
    let text = prop_oneof![6 => ".{0,60}", 1 => "[a-zé]{100,200}", 1 => Just("€".repeat(30_000))];
    let bytes = || prop::collection::vec(any::<u8>(), 0..125);
    prop_oneof![
        prop::collection::vec(text, 1..4).prop_map(Say::Text),
        prop::collection::vec(bytes(), 1..4).prop_map(Say::Binary),
        bytes().prop_map(Say::Ping),
        bytes().prop_map(Say::Pong),
    ]
}

impl Say {
    fn event(&self) -> Event {
        match self.clone() {
            Self::Text(parts) => Event::Text(parts.concat()),
            Self::Binary(parts) => Event::Binary(parts.concat()),
            Self::Ping(bytes) => Event::Ping(bytes),
            Self::Pong(bytes) => Event::Pong(bytes),
        }
    }

    /// Our side: whole messages in place, fragments by their headers.
    fn write(&self, out: &mut BytesMut, mask: Option<MaskKey>) {
        let (opcode, parts) = self.parts();
        if let [payload] = &parts[..] {
            let mut frame = FrameWriter::begin(out, mask);
            frame.payload().put_slice(payload);
            frame.finish(opcode);
            return;
        }
        for (index, part) in parts.iter().enumerate() {
            let opcode = if index == 0 { opcode } else { Opcode::Continuation };
            let mut whole = BytesMut::new();
            write(&mut whole, opcode, part, mask);
            let header = header(opcode, part.len(), index + 1 == parts.len(), mask);
            out.put_slice(&header);
            out.put_slice(&whole[header.len()..]);
        }
    }

    /// Their side.
    fn send(&self, peer: &mut WebSocket<Pipe>) {
        let (opcode, parts) = self.parts();
        let data = match opcode {
            Opcode::Text => Data::Text,
            Opcode::Binary => Data::Binary,
            Opcode::Ping => return peer.send(Message::Ping(parts.concat().into())).expect("pipe"),
            _ => return peer.send(Message::Pong(parts.concat().into())).expect("pipe"),
        };
        for (index, part) in parts.iter().enumerate() {
            let opcode = OpCode::Data(if index == 0 { data } else { Data::Continue });
            let frame = Frame::message(part.clone(), opcode, index + 1 == parts.len());
            peer.send(Message::Frame(frame)).expect("pipe");
        }
    }

    fn parts(&self) -> (Opcode, Vec<Vec<u8>>) {
        match self.clone() {
            Self::Text(parts) => {
                (Opcode::Text, parts.into_iter().map(String::into_bytes).collect())
            }
            Self::Binary(parts) => (Opcode::Binary, parts),
            Self::Ping(bytes) => (Opcode::Ping, vec![bytes]),
            Self::Pong(bytes) => (Opcode::Pong, vec![bytes]),
        }
    }
}

fn peer(ours: Role) -> (WebSocket<Pipe>, Pipe) {
    let pipe = Pipe::default();
    let theirs = match ours {
        Role::Server => protocol::Role::Client,
        Role::Client => protocol::Role::Server,
    };
    (WebSocket::from_raw_socket(pipe.clone(), theirs, None), pipe)
}

fn event(message: Message) -> Event {
    match message {
        Message::Text(text) => Event::Text(text.to_string()),
        Message::Binary(bytes) => Event::Binary(bytes.into()),
        Message::Ping(bytes) => Event::Ping(bytes.into()),
        Message::Pong(bytes) => Event::Pong(bytes.into()),
        Message::Close(close) => {
            Event::Close(close.map(|close| (close.code.into(), close.reason.to_string())))
        }
        Message::Frame(_) => unreachable!("only ever sent"),
    }
}

fn role() -> impl Strategy<Value = Role> {
    prop_oneof![Just(Role::Server), Just(Role::Client)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn they_read_what_we_write(said in prop::collection::vec(say(), 0..8), ours in role(), key in any::<[u8; 4]>()) {
        let (mut peer, pipe) = peer(ours);
        let mask = (ours == Role::Client).then(|| MaskKey::new(key));
        let mut out = BytesMut::new();
        for say in &said {
            say.write(&mut out, mask);
        }
        write_close(&mut out, CloseCode::NORMAL, "bye", mask);
        pipe.to_peer.borrow_mut().extend(&out);
        for say in &said {
            prop_assert_eq!(event(peer.read().expect("a message")), say.event());
        }
        let bye = Event::Close(Some((1000, "bye".to_owned())));
        prop_assert_eq!(event(peer.read().expect("a close")), bye);
    }

    #[test]
    fn we_read_what_they_write(said in prop::collection::vec(say(), 0..8), ours in role(), piece in 1..2_000_usize) {
        let (mut peer, pipe) = peer(ours);
        for say in &said {
            say.send(&mut peer);
        }
        let bye = CloseFrame { code: coding::CloseCode::Library(4001), reason: "bye".into() };
        peer.close(Some(bye)).expect("pipe");
        peer.flush().expect("pipe");
        let mut decoder = Decoder::new(ours, LIMITS);
        let mut got = Vec::new();
        for part in pipe.from_peer.borrow().chunks(piece) {
            feed(&mut decoder, part, &mut got);
        }
        let mut expected: Vec<Event> = said.iter().map(Say::event).collect();
        expected.push(Event::Close(Some((4001, "bye".to_owned()))));
        prop_assert_eq!(got, expected);
    }
}

#[test]
fn their_client_and_our_server_shake_hands() {
    let pipe = Pipe::default();
    let Err(HandshakeError::Interrupted(waiting)) =
        tungstenite::client("ws://example.com/v1/socket", pipe.clone())
    else {
        panic!("nobody answered yet");
    };
    let request = pipe.from_peer.take();
    let done = ServerHandshake::new().receive(&request, &[]).expect("good").expect("whole");
    assert_eq!((done.path.as_str(), done.consumed), ("/v1/socket", request.len()));
    pipe.to_peer.borrow_mut().extend(done.response);
    waiting.handshake().expect("our answer is believed");
}

#[test]
fn our_client_and_their_server_shake_hands() {
    let pipe = Pipe::default();
    let (mut handshake, bytes) = ClientHandshake::new(&ClientRequest {
        host: "example.com",
        path: "/v1/socket",
        protocols: &[],
        headers: &[],
        nonce: *b"sixteen bytes ok",
    })
    .expect("a good request");
    pipe.to_peer.borrow_mut().extend(bytes);
    let mut peer = tungstenite::accept(pipe.clone()).expect("our request is good");
    peer.send(Message::text("first")).expect("pipe");
    let response = pipe.from_peer.take();
    let done = handshake.receive(&response).expect("good").expect("whole");
    let mut got = Vec::new();
    feed(&mut Decoder::new(Role::Client, LIMITS), &response[done.consumed..], &mut got);
    assert_eq!(got, [Event::Text("first".to_owned())]);
}
