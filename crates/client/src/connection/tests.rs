//! The connection over a real socket, against the tiny honest server of the machine's tests.

use bytes::BytesMut;
use parlance_protocol::json::{decode_client, encode_server};
use parlance_types::frame::{ClientFrame, Place};
use parlance_types::{DeviceId, SessionId};
use parlance_websocket::handshake::ServerHandshake;
use parlance_websocket::{Decoder, Input, Limits, Message, Role, write};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::machine::tests::server::{ME, OTHER, Server, conversation, text};
use crate::{Secret, Tokens};

/// Serves one connection until the client goes, or until `deaf` frames were read: the last one's answers are never sent.
async fn serve(mut stream: TcpStream, server: &mut Server, deaf: Option<usize>) {
    let mut buffer = vec![0; 64 * 1024];
    let mut handshake = ServerHandshake::new();
    let mut decoder =
        Decoder::new(Role::Server, Limits { message_bytes_max: 1 << 20, fragments_max: 9 });
    let (mut upgraded, mut frames) = (false, 0);
    loop {
        let bytes = stream.read(&mut buffer).await.unwrap();
        if bytes == 0 {
            return;
        }
        let mut out = BytesMut::new();
        let mut start = 0;
        if !upgraded {
            let done = handshake.receive(&buffer[..bytes], &["parlance.v1.json"]).unwrap();
            let done = done.expect("the request comes in one piece");
            assert_eq!(done.path, "/v1/socket");
            out.extend_from_slice(&done.response);
            (upgraded, start) = (true, done.consumed);
        }
        let mut input = Input::new(&mut buffer[start..bytes]);
        while let Some(message) = decoder.next(&mut input).unwrap() {
            let Message::Text(text) = message else { continue };
            let mut read: Vec<ClientFrame> = Vec::new();
            decode_client(text.as_bytes(), &mut |frame| read.push(frame.unwrap()));
            for frame in read {
                frames += 1;
                let answers = server.receive(&frame);
                if deaf == Some(frames) {
                    return;
                }
                for answer in answers {
                    let mut payload = BytesMut::new();
                    encode_server(&answer, &mut payload);
                    write(&mut out, parlance_websocket::Opcode::Text, &payload, None);
                }
            }
        }
        stream.write_all(&out).await.unwrap();
    }
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_again_and_nothing_is_written_twice() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let tokens = Tokens {
        account: ME,
        device: DeviceId::from_bytes([3; 16]),
        session: SessionId::from_bytes([9; 16]),
        access_token: Secret::new("a"),
        expires_in: 900,
        refresh_token: Secret::new("r"),
    };
    let mut connection =
        Client::resume(&url, tokens).unwrap().connect(Saved::default(), u64::MAX).unwrap();
    let mut server = Server::default();
    let theirs = MessageId::from_time(1, [1; 10]);
    server.write(conversation(0), OTHER, theirs, &text("theirs"));
    let mine = connection.send(Place::Conversation(conversation(0)), text("mine")).unwrap();

    let serving = async {
        // Three frames: hello, fetch and send, in one order or the other; then the connection breaks.
        let (stream, _) = listener.accept().await.unwrap();
        serve(stream, &mut server, Some(3)).await;
        let (stream, _) = listener.accept().await.unwrap();
        serve(stream, &mut server, None).await;
    };
    let watching = async {
        let (mut events, mut offline, mut sent) = (Vec::new(), 0, 0);
        while events.len() < 2 || sent == 0 {
            match connection.next().await.unwrap() {
                Update::Event { event, .. } => events.push(event),
                Update::Offline => offline += 1,
                Update::Sent { message_id, seq, .. } => {
                    assert_eq!((message_id, seq.get()), (mine, 2));
                    sent += 1;
                }
                _ => {}
            }
        }
        assert_eq!(offline, 1, "the connection was lost once");
        assert_eq!(sent, 1);
        events
    };
    let events = tokio::select! {
        () = serving => panic!("the client left"),
        events = watching => events,
    };
    assert_eq!(events.iter().map(|e| e.message_id).collect::<Vec<_>>(), [theirs, mine]);
    assert_eq!(server.logs[&conversation(0)].len(), 2);
}
