//! Frames as bytes of a wire shape, in a slice of the thread's arena; a WebSocket message is written behind its reserved header.

use std::cell::RefCell;

use bytes::{Bytes, BytesMut};
use parlance_engine::outlet::Push;
use parlance_protocol::{DecodeError, json, protobuf};
use parlance_types::frame::{Bye, ClientFrame, ServerFrame};
use parlance_websocket::{
    CloseCode, FrameWriter, Message, Opcode, write, write_close, write_deflated,
};

/// Bytes of an arena: many small frames share one allocation.
const ARENA_BYTES: usize = 16 * 1024;

/// Bytes of a frame beyond which it is compressed, where the client offered that.
const DEFLATED_BYTES_MIN: usize = 512;

thread_local! {
    static ARENA: RefCell<BytesMut> = RefCell::new(BytesMut::with_capacity(ARENA_BYTES));
}

/// How the frames of a connection travel: with the version, the wire shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wire {
    /// JSON in WebSocket messages.
    SocketJson,
    /// Protocol Buffers in WebSocket messages.
    SocketProtobuf,
    /// As [`Wire::SocketJson`], long frames compressed.
    DeflatedJson,
    /// As [`Wire::SocketProtobuf`], long frames compressed.
    DeflatedProtobuf,
    /// JSON, which the door of an answer puts together.
    Json,
}

impl Wire {
    /// This, if long frames are compressed or not.
    pub(crate) fn deflated(self, deflate: bool) -> Self {
        match self {
            Self::SocketJson if deflate => Self::DeflatedJson,
            Self::SocketProtobuf if deflate => Self::DeflatedProtobuf,
            wire => wire,
        }
    }

    /// Whether clients may send compressed messages.
    pub(crate) fn inflates(self) -> bool {
        matches!(self, Self::DeflatedJson | Self::DeflatedProtobuf)
    }

    /// The number of the shape for what is shared. `own`: for the sender's own devices, which see the device.
    pub(super) fn shape(self, own: bool) -> u8 {
        self as u8 * 2 + u8::from(own)
    }

    /// Takes the frames of a message from a client.
    pub(crate) fn decode(
        self,
        bytes: &[u8],
        sink: &mut dyn FnMut(Result<ClientFrame, DecodeError>),
    ) {
        match self {
            Self::SocketJson | Self::DeflatedJson | Self::Json => json::decode_client(bytes, sink),
            Self::SocketProtobuf | Self::DeflatedProtobuf => {
                protobuf::decode_client(bytes, sink);
            }
        }
    }

    /// The payload of a WebSocket message, if it is of the kind in which these frames come.
    pub(crate) fn payload<'m>(self, message: &Message<'m>) -> Option<&'m [u8]> {
        match (self, message) {
            (Self::SocketJson | Self::DeflatedJson, Message::Text(text)) => Some(text.as_bytes()),
            (Self::SocketProtobuf | Self::DeflatedProtobuf, Message::Binary(bytes)) => Some(bytes),
            _ => None,
        }
    }

    /// What one of the two writes, by the encoding.
    fn framed(
        self,
        json: impl FnOnce(&mut BytesMut),
        protobuf: impl FnOnce(&mut BytesMut),
    ) -> Bytes {
        ARENA.with_borrow_mut(|arena| {
            if arena.capacity() < 1024 {
                *arena = BytesMut::with_capacity(ARENA_BYTES);
            }
            match self {
                Self::SocketJson => {
                    let mut writer = FrameWriter::begin(arena, None);
                    json(writer.payload());
                    writer.finish(Opcode::Text);
                }
                Self::SocketProtobuf => {
                    let mut writer = FrameWriter::begin(arena, None);
                    protobuf(writer.payload());
                    writer.finish(Opcode::Binary);
                }
                Self::DeflatedJson => {
                    let mut payload = BytesMut::new();
                    json(&mut payload);
                    deflated(Opcode::Text, &payload, arena);
                }
                Self::DeflatedProtobuf => {
                    let mut payload = BytesMut::new();
                    protobuf(&mut payload);
                    deflated(Opcode::Binary, &payload, arena);
                }
                Self::Json => json(arena),
            }
            arena.split().freeze()
        })
    }

    /// A frame for one connection.
    pub(super) fn encode(self, frame: &ServerFrame) -> Bytes {
        self.framed(
            |out| json::encode_server(frame, out),
            |out| protobuf::encode_server(frame, out),
        )
    }

    /// A push for every connection of one wire shape.
    pub(super) fn encode_push(self, push: Push<'_>, own: bool) -> Bytes {
        self.framed(
            |out| match push {
                Push::Event(event) => json::encode_event(event, own, out),
                Push::Mark(mark) => json::encode_mark(mark, out),
                Push::Presence(presence) => json::encode_presence(presence, out),
                Push::Signal(signal) => json::encode_signal(signal, out),
                Push::Heads(heads) => json::encode_heads(heads, out),
            },
            |out| match push {
                Push::Event(event) => protobuf::encode_event(event, own, out),
                Push::Mark(mark) => protobuf::encode_mark(mark, out),
                Push::Presence(presence) => protobuf::encode_presence(presence, out),
                Push::Signal(signal) => protobuf::encode_signal(signal, out),
                Push::Heads(heads) => protobuf::encode_heads(heads, out),
            },
        )
    }
}

/// A message, compressed if it is long enough for that to be worth its while.
fn deflated(opcode: Opcode, payload: &[u8], out: &mut BytesMut) {
    if payload.len() > DEFLATED_BYTES_MIN {
        write_deflated(out, opcode, payload);
    } else {
        write(out, opcode, payload, None);
    }
}

/// `bye`, and on a WebSocket the close frame that carries the same code.
pub(crate) fn goodbye(wire: Wire, bye: &Bye) -> Bytes {
    let frame = wire.encode(&ServerFrame::Bye(bye.clone()));
    if wire == Wire::Json {
        return frame;
    }
    let mut bytes = BytesMut::from(&*frame);
    let number = CloseCode::new(bye.code.number()).expect("codes from 4000 to 4999 may travel");
    write_close(&mut bytes, number, bye.code.as_str(), None);
    bytes.freeze()
}
