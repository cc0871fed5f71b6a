//! Frames as WebSocket messages: JSON written behind a reserved header, in a slice of the thread's arena.

use std::cell::RefCell;

use bytes::{Bytes, BytesMut};
use parlance_engine::outlet::Push;
use parlance_protocol::json;
use parlance_types::frame::{Bye, ServerFrame};
use parlance_websocket::{CloseCode, FrameWriter, Opcode, write_close};

/// Bytes of an arena: many small frames share one allocation.
const ARENA_BYTES: usize = 16 * 1024;

thread_local! {
    static ARENA: RefCell<BytesMut> = RefCell::new(BytesMut::with_capacity(ARENA_BYTES));
}

fn framed(encode: impl FnOnce(&mut BytesMut)) -> Bytes {
    ARENA.with_borrow_mut(|arena| {
        if arena.capacity() < 1024 {
            *arena = BytesMut::with_capacity(ARENA_BYTES);
        }
        let mut writer = FrameWriter::begin(arena, None);
        encode(writer.payload());
        writer.finish(Opcode::Text);
        arena.split().freeze()
    })
}

/// A frame for one connection.
pub(super) fn encode(frame: &ServerFrame) -> Bytes {
    framed(|out| json::encode_server(frame, out))
}

/// A push for every connection of one wire shape. `own`: for the sender's own devices, which see the device.
pub(super) fn encode_push(push: Push<'_>, own: bool) -> Bytes {
    framed(|out| match push {
        Push::Event(event) => json::encode_event(event, own, out),
        Push::Mark(mark) => json::encode_mark(mark, out),
        Push::Signal(signal) => json::encode_signal(signal, out),
        Push::Heads(heads) => json::encode_heads(heads, out),
    })
}

/// `bye` and the close frame that carries the same code.
pub(super) fn goodbye(bye: &Bye) -> Bytes {
    let mut bytes = BytesMut::from(&*encode(&ServerFrame::Bye(bye.clone())));
    let number = CloseCode::new(bye.code.number()).expect("codes from 4000 to 4999 may travel");
    write_close(&mut bytes, number, bye.code.as_str(), None);
    bytes.freeze()
}
