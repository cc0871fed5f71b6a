//! What one message of the size of a `send` costs, and the same through tungstenite.

use std::io::{self, Cursor, Read, Write};

use bytes::{BufMut, BytesMut};
use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use parlance_websocket::{Decoder, FrameWriter, Input, Limits, MaskKey, Opcode, Role, write};
use tungstenite::WebSocket;

const PAYLOAD: &[u8] = &[b'x'; 259];
const MESSAGES: usize = 200;
const LIMITS: Limits = Limits { message_bytes_max: 128 << 10, fragments_max: 64 };

fn main() {
    divan::main();
}

fn masked() -> Vec<u8> {
    let mut out = BytesMut::new();
    for _ in 0..MESSAGES {
        write(&mut out, Opcode::Text, PAYLOAD, Some(MaskKey::new([1, 2, 3, 4])));
    }
    out.to_vec()
}

#[divan::bench(args = [65_536, 1_000])]
fn decode(bencher: Bencher, read_bytes: usize) {
    bencher.counter(ItemsCount::new(MESSAGES)).with_inputs(masked).bench_local_refs(|bytes| {
        let mut decoder = Decoder::new(Role::Server, LIMITS);
        for part in bytes.chunks_mut(read_bytes) {
            let mut input = Input::new(part);
            while let Some(message) = decoder.next(&mut input).expect("well formed") {
                black_box(message);
            }
        }
    });
}

#[divan::bench]
fn decode_by_tungstenite(bencher: Bencher) {
    struct ReadOnly(Cursor<Vec<u8>>);
    impl Read for ReadOnly {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.0.read(buffer)
        }
    }
    impl Write for ReadOnly {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    bencher
        .counter(ItemsCount::new(MESSAGES))
        .with_inputs(|| {
            let stream = ReadOnly(Cursor::new(masked()));
            WebSocket::from_raw_socket(stream, tungstenite::protocol::Role::Server, None)
        })
        .bench_local_refs(|socket| {
            for _ in 0..MESSAGES {
                black_box(socket.read().expect("well formed"));
            }
        });
}

#[divan::bench(args = [false, true])]
fn encode_in_place(bencher: Bencher, masked: bool) {
    let mask = masked.then(|| MaskKey::new([1, 2, 3, 4]));
    bencher
        .counter(ItemsCount::new(MESSAGES))
        .with_inputs(|| BytesMut::with_capacity(MESSAGES * (PAYLOAD.len() + 14)))
        .bench_local_refs(|out| {
            for _ in 0..MESSAGES {
                let mut frame = FrameWriter::begin(out, mask);
                frame.payload().put_slice(black_box(PAYLOAD));
                frame.finish(Opcode::Text);
            }
        });
}
