//! What one message costs in either encoding: the `send` that comes in, the `ok` and the `event` that go out.

use bytes::BytesMut;
use divan::{Bencher, black_box};
use parlance_protocol::{json, protobuf};
use parlance_types::frame::{Ok as OkFrame, ServerFrame};
use parlance_types::{
    AccountId, Body, Content, ConversationId, ConversationKind, Event, Hash, MessageId,
    MessageText, Micros, Ordinal, Seq,
};

const SEND: &str = concat!(
    r#"{"send":{"id":123456,"conversation":"8f1c2b3c-7d4e-8190-a1b2-c3d4e5f60718","message_id":"0192f0c1-2b3c-7d4e-8f90-a1b2c3d4e5f6","#,
    r#""body":{"kind":"text","text":"The quick brown fox jumps over the lazy dog, and the lazy dog sleeps on as if nothing happened"}}}"#
);

fn main() {
    divan::main();
}

#[divan::bench(sample_size = 200)]
fn decode_send() {
    json::decode_client(black_box(SEND.as_bytes()), &mut |frame| {
        black_box(frame.is_ok());
    });
}

#[divan::bench(sample_size = 200)]
fn decode_send_with_context(bencher: Bencher) {
    let text = SEND.replace("}}}", r#"},"reply_to":41,"seen":42,"silent":true}}"#);
    bencher.bench_local(|| {
        json::decode_client(black_box(text.as_bytes()), &mut |frame| {
            black_box(frame.is_ok());
        });
    });
}

#[divan::bench(sample_size = 200)]
fn decode_mark(bencher: Bencher) {
    let text = r#"{"mark":{"conversation":"8f1c2b3c-7d4e-8190-a1b2-c3d4e5f60718","delivered":42}}"#;
    bencher.bench_local(|| {
        json::decode_client(black_box(text.as_bytes()), &mut |frame| {
            black_box(frame.is_ok());
        });
    });
}

#[divan::bench(sample_size = 200)]
fn refuse_send(bencher: Bencher) {
    let text = SEND
        .replace(r#""kind":"text""#, r#""kind":"text","entities":[{"kind":"bold","offset":-1}]"#);
    bencher.bench_local(|| {
        json::decode_client(black_box(text.as_bytes()), &mut |frame| {
            black_box(frame.is_err());
        });
    });
}

#[divan::bench(sample_size = 200)]
fn encode_ok_and_event(bencher: Bencher) {
    let (ok, event) = (ok(), event());
    let mut out = BytesMut::with_capacity(4096);
    bencher.bench_local(|| {
        out.clear();
        json::encode_server(black_box(&ok), &mut out);
        json::encode_event(black_box(&event), false, &mut out);
        out.len()
    });
}

#[divan::bench(sample_size = 200)]
fn encode_event(bencher: Bencher) {
    let event = event();
    let mut out = BytesMut::with_capacity(4096);
    bencher.bench_local(|| {
        out.clear();
        json::encode_event(black_box(&event), false, &mut out);
        out.len()
    });
}

#[divan::bench(sample_size = 200)]
fn decode_event(bencher: Bencher) {
    let mut out = BytesMut::new();
    json::encode_event(&event(), false, &mut out);
    bencher.bench_local(|| json::decode_server(black_box(&out)));
}

#[divan::bench(sample_size = 200)]
fn protobuf_decode_send(bencher: Bencher) {
    let mut message = BytesMut::new();
    json::decode_client(SEND.as_bytes(), &mut |frame| {
        protobuf::encode_client(&frame.expect("a frame"), &mut message);
    });
    bencher.bench_local(|| {
        protobuf::decode_client(black_box(&message), &mut |frame| {
            black_box(frame.is_ok());
        });
    });
}

#[divan::bench(sample_size = 200)]
fn protobuf_encode_ok_and_event(bencher: Bencher) {
    let (ok, event) = (ok(), ServerFrame::Event(Box::new(event())));
    let mut out = BytesMut::with_capacity(4096);
    bencher.bench_local(|| {
        out.clear();
        protobuf::encode_server(black_box(&ok), &mut out);
        protobuf::encode_server(black_box(&event), &mut out);
        out.len()
    });
}

fn ok() -> ServerFrame {
    ServerFrame::Ok(OkFrame {
        id: 123_456,
        conversation: conversation(),
        message_id: MessageId::from_time(1_795_430_000_123, [7; 10]),
        seq: Seq::new(123_456).expect("in its range"),
        at: Micros::new(1_795_430_000_123_456),
        hash: Hash::from_bytes([0xab; 16]),
        ordinal: Ordinal::new(123_400),
        duplicate: false,
    })
}

fn event() -> Event {
    let text = "The quick brown fox jumps over the lazy dog, and the lazy dog sleeps on as if nothing happened";
    let text = MessageText::new(text).expect("short");
    Event {
        conversation: conversation(),
        seq: Seq::new(123_456).expect("in its range"),
        at: Micros::new(1_795_430_000_123_456),
        sender: AccountId::from_time(1_795_430_000_000, [9; 10]),
        device: None,
        message_id: MessageId::from_time(1_795_430_000_123, [7; 10]),
        ordinal: Ordinal::new(123_400),
        hash: Hash::from_bytes([0xab; 16]),
        content: Content {
            body: Body::Text { text, entities: Vec::new() },
            reply_to: None,
            seen: None,
            silent: false,
        },
    }
}

fn conversation() -> ConversationId {
    ConversationId::from_hash(ConversationKind::Direct, [0x8f; 16])
}
