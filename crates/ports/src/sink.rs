//! The sink: where decided events become durable.

use std::sync::Arc;

use parlance_types::{AccountId, ConversationId, Entry, Marks, Position};
use thiserror::Error;

/// Everything that becomes durable together: one fsync for all of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group {
    /// In the order of decision; dense in `seq` for each conversation.
    pub entries: Vec<Arc<Entry>>,
    /// Marks that ride along. `Marks::position` is ignored on the way in: the sink sets it to the group's position.
    pub marks: Vec<MarkRow>,
}

/// How far an account has come in a conversation: merged as a maximum ([`Marks::merge`]), so that repeating is harmless.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MarkRow {
    pub account: AccountId,
    pub conversation: ConversationId,
    pub marks: Marks,
}

/// A durable group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Committed {
    /// The position of the group's last entry: what a cursor must reach to cover it. All positions of the group are greater than
    /// those of groups that were submitted before it.
    pub end: Position,
}

/// Why a group is not known to be durable.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CommitError {
    /// There is no room. Nothing was written; later commits may succeed.
    #[error("the store is full")]
    Full,
    /// Nothing was written, and nothing will be until the process is restarted.
    #[error("the store does not take writes any more: {0}")]
    Broken(String),
    /// The group may or may not become visible after a restart. Nothing more is written until then.
    #[error("whether the group is durable is not known: {0}")]
    Unknown(String),
}

/// Makes groups durable, in the order in which they were submitted.
///
/// - The submission takes place when `commit` is *called*, not when its future is first polled: two calls one after the other are in
///   order. The future may be dropped without taking the submission back.
/// - Groups become durable in order: when a group is, so is every group submitted before it. When one fails, every later one fails too
///   (except after [`CommitError::Full`], where only groups submitted before the answer was known do).
/// - After the future resolved to `Ok`, [`crate::ConversationStore`] answers for every entry of the group.
/// - Committing again what is already durable, byte for byte, is `Ok` and changes nothing (two owners of a log may be alive). Content
///   that was erased meanwhile is compared by its digest and stays erased.
pub trait EventSink: Send + Sync + 'static {
    fn commit(&self, group: Group) -> CommitFuture;

    /// Every entry at or below this position is durable and readable. Never goes back.
    fn durable(&self) -> Position;
}

/// The answer to [`EventSink::commit`].
pub type CommitFuture =
    std::pin::Pin<Box<dyn Future<Output = Result<Committed, CommitError>> + Send + 'static>>;

impl<T: EventSink + ?Sized> EventSink for Arc<T> {
    fn commit(&self, group: Group) -> CommitFuture {
        (**self).commit(group)
    }

    fn durable(&self) -> Position {
        (**self).durable()
    }
}
