//! What the connections of all doors share: greeting, queue, requests, and frames as bytes. A door brings the line on which the bytes go.

mod clock;
mod greeting;
mod queue;
mod requests;
mod wire;

pub(crate) use clock::{instant, now_ms};
pub(crate) use greeting::{admit, greet, turned_away};
pub(crate) use queue::{Line, Need, Outgoing};
pub(crate) use requests::Requests;
pub(crate) use wire::{Wire, goodbye};

/// When nothing is due, look again after this.
pub(crate) const LOOK_AGAIN_MS: u64 = 60_000;
