//! A durable, append-only file of groups of records. It knows bytes and positions and nothing else.
//!
//! ```text
//! shards ── append ──► pending buffer ──► writer thread: one write, one fdatasync ──► completions
//!                                          └ next segment: written with zeros ahead by the preparer
//! ```
//!
//! Invariants:
//! - **Nothing is completed before it is durable**, and a group is written only after the previous one was synced: there
//!   is never more than one unsynced group, so at most the last group on disk can be unreadable after a crash.
//! - **No position is ever used twice.** After anything but a clean stop writing goes on in a new segment.
//! - **A failed write or sync breaks the journal** until it is opened again; what was durable stays readable.
//! - An unreadable group with a readable one behind it is damage, and damage is named, never skipped.
//!
//! Absent on purpose: async, clocks, timers, lingering, the meaning of a record, the *epoch* (its owner is the caller).

mod catalogue;
mod copy;
mod error;
mod files;
mod format;
mod fuzz;
mod group;
mod journal;
mod manifest;
mod position;
mod prepare;
mod queue;
mod reader;
mod recovery;
mod segment;
#[cfg(any(test, feature = "testkit"))]
pub mod testkit;
#[cfg(test)]
mod tests;
mod trim;
mod verify;
mod walk;
mod writer;

pub use copy::{Copier, Copy, Pin, is_name_in_copy};
pub use error::{AppendError, CheckpointError, Damage, Flaw, OpenError, ReadError, TrimError};
pub use files::directory::Directory;
pub use files::{File, Files};
pub use fuzz::fuzz_reader;
pub use group::{GroupBuilder, RecordOffset};
pub use journal::{Condition, Journal, Options};
pub use position::Position;
pub use queue::{Appended, Appender, Completion};
pub use reader::{Reader, Record};
pub use recovery::{Cut, Recovery};
pub use trim::{Trim, Trimmed};
pub use verify::{Progress, Report, verify};
pub use writer::{GroupFigures, Observer};
