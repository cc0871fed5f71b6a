//! The decisions of Parlance: what a command comes to, who may what, who sees what, how far somebody has read, what a
//! connection may say when. Sans-I/O and pure: time, salt and randomness are arguments.
//!
//! The heart is [`decide()`]: state, facts about old events, a command and its stamp in; a refusal, a duplicate or events
//! out. [`State::apply`] adds an event to a state. Both read their arguments and nothing else, so the same log makes the
//! same state on every machine and in every version.
//!
//! This crate refuses to know tokio, clocks, sockets, JSON, stores and configuration.

#![deny(missing_docs)]

pub mod chain;
pub mod connection;
pub mod content;
mod decide;
pub mod fanout;
pub mod fuzz;
pub mod head;
pub mod identity;
pub mod marks;
pub mod policy;
pub mod presence;
pub mod rate;
mod refusal;
mod state;
#[cfg(test)]
mod testkit;
mod wire;

pub use content::ContentError;
pub use decide::{Decided, Decision, Named, Needs, decide, needs, needs_made};
pub use refusal::Refusal;
pub use state::{Info, Member, Shelf, State};
pub use wire::FormatError;
