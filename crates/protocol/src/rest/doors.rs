//! What the doors beside the socket need: tickets for event streams.

use bytes::BytesMut;
use serde::Deserialize;

use super::{RestBody, Secret, TOP};
use crate::DecodeError;
use crate::json::write::object;

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
