//! The source of commands: where the owner loop takes them from.

use async_trait::async_trait;
use parlance_types::{Command, Stamp};
use thiserror::Error;

/// Finds who waits for the answer, on the node that accepted the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ticket(pub u64);

/// A command with what was fixed when it entered the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamped {
    pub command: Command,
    pub stamp: Stamp,
    /// `None`: nobody here waits.
    pub ticket: Option<Ticket>,
}

/// There will be no more commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the source of commands is closed")]
pub struct SourceClosed;

/// Commands in one order per conversation: every reader of the same source sees the same order and the same stamps.
#[async_trait]
pub trait CommandSource: Send + 'static {
    /// Waits until there is something, and takes all of it up to a bound of the source. Safe to drop: nothing is taken until it is answered.
    async fn drain(&mut self, into: &mut Vec<Stamped>) -> Result<(), SourceClosed>;
}
