//! What the doors beside the socket need: tickets for event streams, answers to long polls.

use bytes::{BufMut, BytesMut};
use parlance_types::frame::ServerFrame;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{RestBody, Secret, TOP};
use crate::json::write::object;
use crate::{DecodeError, PollCursor, decode_poll_cursor, encode_poll_cursor, json};

/// The answer of `POST /v1/tickets`: opens one event stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamTicket {
    /// For the address of the stream.
    pub ticket: Secret,
    /// Seconds until it is worth nothing.
    pub expires_in: u64,
}

impl RestBody for StreamTicket {
    fn read(text: &str) -> Result<Self, DecodeError> {
        #[derive(Deserialize)]
        struct In {
            ticket: Option<Secret>,
            expires_in: Option<u64>,
        }

        let read: In = TOP.read(text)?;
        Ok(Self {
            ticket: TOP.need("ticket", read.ticket)?,
            expires_in: TOP.need("expires_in", read.expires_in)?,
        })
    }

    fn write(&self, out: &mut BytesMut) {
        object(out, |fields| {
            fields.put("ticket", &self.ticket).put("expires_in", self.expires_in);
        });
    }
}

/// The answer of `GET /v1/poll`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Polled {
    /// In order; none if nothing happened in time.
    pub frames: Vec<ServerFrame>,
    /// For the next poll.
    pub cursor: PollCursor,
}

/// Writes the answer to a poll from frames that are JSON already.
pub fn write_polled<'a>(
    frames: impl Iterator<Item = &'a [u8]>,
    cursor: PollCursor,
    out: &mut BytesMut,
) {
    out.put_slice(b"{\"frames\":[");
    for (index, frame) in frames.enumerate() {
        if index > 0 {
            out.put_u8(b',');
        }
        out.put_slice(frame);
    }
    out.put_slice(b"],\"cursor\":\"");
    out.put_slice(encode_poll_cursor(cursor).as_bytes());
    out.put_slice(b"\"}");
}

impl RestBody for Polled {
    fn read(text: &str) -> Result<Self, DecodeError> {
        #[derive(Deserialize)]
        struct In<'a> {
            #[serde(borrow)]
            frames: Option<&'a RawValue>,
            cursor: Option<String>,
        }

        let read: In<'_> = TOP.read(text)?;
        let frames = json::decode_server(TOP.need("frames", read.frames)?.get().as_bytes())?;
        let cursor = TOP.need("cursor", read.cursor)?;
        let cursor = decode_poll_cursor(&cursor)
            .ok_or_else(|| DecodeError::field("cursor", "is not a cursor of a poll"))?;
        Ok(Self { frames, cursor })
    }

    fn write(&self, out: &mut BytesMut) {
        let encode = |frame| {
            let mut bytes = BytesMut::new();
            json::encode_server(frame, &mut bytes);
            bytes.freeze()
        };
        let frames: Vec<_> = self.frames.iter().map(encode).collect();
        write_polled(frames.iter().map(|frame| &frame[..]), self.cursor, out);
    }
}
