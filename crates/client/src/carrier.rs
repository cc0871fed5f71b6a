//! What carries frames between a machine and a server: a socket both ways, or an event stream or polls down and REST up. Owns what is on its
//! way; decides nothing about it.
//!
//! Dropping any of its futures half-way loses nothing, since what is under way is kept here.

mod answers;
mod events;
mod upward;

use bytes::BytesMut;
use parlance_protocol::json::{decode_server, encode_client};
use parlance_types::frame::{ClientFrame, ServerFrame};

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
    /// Server-Sent Events, and REST for what the client has to say.
    Stream,
    /// Requests that wait for an answer, and REST: what gets through where nothing else does.
    Poll,
}

/// A connection of one of the doors.
#[derive(Debug)]
pub(crate) enum Carrier {
    Socket(Box<WebSocket>),
    Answers(Box<Answers>),
}

impl Carrier {
    /// Opens a door. Only a socket has something to wait for before its first frame.
    pub(crate) async fn open(door: Door, endpoint: &Endpoint) -> Result<Self, ClientError> {
        Ok(match door {
            Door::Socket => Self::Socket(Box::new(WebSocket::connect(endpoint).await?)),
            Door::Stream => Self::Answers(Box::new(Answers::stream(endpoint))),
            Door::Poll => Self::Answers(Box::new(Answers::poll(endpoint))),
        })
    }

    /// Takes a frame; [`Self::exchange`] sends it.
    pub(crate) fn push(&mut self, frame: ClientFrame) -> Result<(), ClientError> {
        match self {
            Self::Socket(socket) => {
                let mut text = BytesMut::new();
                encode_client(&frame, &mut text);
                Ok(socket.push(&text)?)
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
            Self::Socket(socket) => {
                let mut fault = None;
                let alive = socket.exchange(|text| match decode_server(text.as_bytes()) {
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
