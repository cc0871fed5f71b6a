//! What the engine knows of a connection: a bounded queue that takes frames and is flushed once per group.

use std::cell::RefCell;

use bytes::Bytes;
use parlance_types::frame::{Heads, MarkFrame, ServerFrame};
use parlance_types::{
    AccountId, ConnectionId, DeviceId, Event, PresenceFrame, SessionId, SignalFrame,
};
use smallvec::SmallVec;

/// Who is at the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    pub connection: ConnectionId,
    pub session: SessionId,
    pub account: AccountId,
    pub device: DeviceId,
}

/// What is pushed without being asked for: a hint, since a client knows by arithmetic whether it has everything.
#[derive(Clone, Copy, Debug)]
pub enum Push<'a> {
    Event(&'a Event),
    Mark(&'a MarkFrame),
    Signal(&'a SignalFrame),
    Presence(&'a PresenceFrame),
    /// A conversation that the account gained.
    Heads(&'a Heads),
}

impl Push<'_> {
    /// Of no more use in a moment: dropped first, and nobody misses it.
    pub fn passes(&self) -> bool {
        matches!(self, Self::Signal(_) | Self::Presence(_))
    }
}

/// A push on its way to many connections: encoded once for each wire shape, then shared.
#[derive(Debug)]
pub struct Shared<'a> {
    push: Push<'a>,
    encoded: RefCell<SmallVec<[(u8, Bytes); 2]>>,
}

impl<'a> Shared<'a> {
    pub fn new(push: Push<'a>) -> Self {
        Self { push, encoded: RefCell::new(SmallVec::new()) }
    }

    pub fn push(&self) -> Push<'a> {
        self.push
    }

    /// The bytes for wire shape `shape` (a number that only the gateway understands), made by `encode` for the first who asks.
    pub fn wire(&self, shape: u8, encode: impl FnOnce(Push<'a>) -> Bytes) -> Bytes {
        let mut encoded = self.encoded.borrow_mut();
        if let Some((_, bytes)) = encoded.iter().find(|(known, _)| *known == shape) {
            return bytes.clone();
        }
        let bytes = encode(self.push);
        encoded.push((shape, bytes.clone()));
        bytes
    }
}

/// A live connection. Its methods never block and never fail: what cannot be queued turns it into *lagging*.
pub trait Outlet: Send + Sync + 'static {
    fn peer(&self) -> Peer;

    /// Queues a push, or drops it and lags where the queue is full. True if `flush` was not yet due before: the caller then owes one.
    fn push(&self, frame: &Shared<'_>) -> bool;

    /// Queues a reply; these are never dropped. True as in [`Outlet::push`].
    fn reply(&self, frame: &ServerFrame) -> bool;

    /// Writes what is queued as far as the socket takes it.
    fn flush(&self);

    /// The session was ended: say `bye` and close.
    fn revoke(&self);
}
