//! What carries frames between a machine and a server: a socket both ways, or an event stream or polls down and REST up. Owns what is on its
//! way; decides nothing about it.
//!
//! Dropping any of its futures half-way loses nothing, since what is under way is kept here.

mod answers;
mod events;
mod upward;

use bytes::BytesMut;
use parlance_protocol::{json, protobuf};
use parlance_types::frame::{ClientFrame, ServerFrame};
use parlance_websocket::Opcode;

use crate::ClientError;
use crate::endpoint::Endpoint;
use crate::socket::WebSocket;
use answers::Answers;

/// A way into the server. All of them say the same; they differ in what networks let through and in what they cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Door {
    /// A WebSocket: the cheapest and quickest.
    #[default]
    Socket,
    /// A WebSocket whose frames are Protocol Buffers: fewer bytes, for more work at both ends.
    Protobuf,
    /// Server-Sent Events, and REST for what the client has to say.
    Stream,
    /// Requests that wait for an answer, and REST: what gets through where nothing else does.
    Poll,
}

/// How frames are written on a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Json,
    Protobuf,
}

/// A connection of one of the doors.
#[derive(Debug)]
pub(crate) enum Carrier {
    Socket(Box<WebSocket>, Encoding),
    Answers(Box<Answers>),
}

impl Carrier {
    /// Opens a door. Only a socket has something to wait for before its first frame.
    pub(crate) async fn open(
        door: Door,
        endpoint: &Endpoint,
        compressed: bool,
    ) -> Result<Self, ClientError> {
        let connect = |protocol, kind| WebSocket::connect(endpoint, protocol, kind, compressed);
        Ok(match door {
            Door::Socket => {
                let socket = connect("parlance.v1.json", Opcode::Text).await?;
                Self::Socket(Box::new(socket), Encoding::Json)
            }
            Door::Protobuf => {
                let socket = connect("parlance.v1.protobuf", Opcode::Binary).await?;
                Self::Socket(Box::new(socket), Encoding::Protobuf)
            }
            Door::Stream => Self::Answers(Box::new(Answers::stream(endpoint))),
            Door::Poll => Self::Answers(Box::new(Answers::poll(endpoint))),
        })
    }

    /// Takes a frame; [`Self::exchange`] sends it.
    pub(crate) fn push(&mut self, frame: ClientFrame) -> Result<(), ClientError> {
        match self {
            Self::Socket(socket, encoding) => {
                let mut bytes = BytesMut::new();
                match encoding {
                    Encoding::Json => json::encode_client(&frame, &mut bytes),
                    Encoding::Protobuf => protobuf::encode_client(&frame, &mut bytes),
                }
                Ok(socket.push(&bytes)?)
            }
            Self::Answers(answers) => {
                answers.push(frame);
                Ok(())
            }
        }
    }

    /// Sends what there is, waits for what comes and hands it on. `false`: the other end is gone.
    pub(crate) async fn exchange(
        &mut self,
        mut on: impl FnMut(ServerFrame),
    ) -> Result<bool, ClientError> {
        match self {
            Self::Socket(socket, encoding) => {
                let decode = match encoding {
                    Encoding::Json => json::decode_server,
                    Encoding::Protobuf => protobuf::decode_server,
                };
                let mut fault = None;
                let alive = socket.exchange(|bytes| match decode(bytes) {
                    Ok(frames) => frames.into_iter().for_each(&mut on),
                    Err(error) => fault = Some(error),
                });
                let alive = alive.await?;
                fault.map_or(Ok(alive), |error| Err(error.into()))
            }
            Self::Answers(answers) => {
                let (frames, alive) = answers.next().await?;
                frames.into_iter().for_each(on);
                Ok(alive)
            }
        }
    }
}
