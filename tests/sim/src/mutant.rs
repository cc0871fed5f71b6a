//! Deliberate faults, as an adapter around the real ports: what a broken store, sink or wire would do. The checkers must notice
//! each of them; without a mutation the adapter passes everything through.

mod commit;
mod read;

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use parlance_ports::Loaded;
use parlance_ports::memory::MemoryConversations;
use parlance_types::ConversationId;

use crate::judge::Judge;

/// What is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutation {
    /// Commits are answered and shown, and never synced.
    SkipSync,
    /// Commits are answered before they are durable.
    AcknowledgeEarly,
    /// Some groups are not there after a crash.
    DropTail,
    /// A load lacks the last event.
    LoadShort,
    /// A load answers what the first load answered.
    LoadOld,
    /// The original of a retry is not found.
    ForgetNames,
    /// A load does not know how far the ids of its members went: a retry looks fresh.
    ForgetLastId,
    /// Whoever was removed stays in the membership rows.
    KeepRemoved,
    /// Some pushes go to another account.
    WrongAudience,
    /// Some pushes are lost, and the connection's cursor goes on.
    LosePushes,
    /// The durable end runs ahead of what was fanned out.
    CursorTooFar,
    /// A listing shows heads as they were when they were first asked for.
    StaleHeads,
    /// A listing lacks a conversation.
    HideConversation,
    /// An event is committed again under the next number.
    Repeat,
    /// Two events of a group change places.
    Reorder,
    /// A byte of a content is flipped.
    FlipByte,
    /// Marks are not found again.
    LoseMarks,
    /// Changes of events are not found again.
    LoseOverlays,
    /// An owner salts for itself instead of reading the salt from the log.
    OwnSalt,
    /// An owner reads the log in another order.
    OwnOrder,
}

impl Mutation {
    pub const ALL: [Self; 20] = [
        Self::SkipSync,
        Self::AcknowledgeEarly,
        Self::DropTail,
        Self::LoadShort,
        Self::LoadOld,
        Self::ForgetNames,
        Self::ForgetLastId,
        Self::KeepRemoved,
        Self::WrongAudience,
        Self::LosePushes,
        Self::CursorTooFar,
        Self::StaleHeads,
        Self::HideConversation,
        Self::Repeat,
        Self::Reorder,
        Self::FlipByte,
        Self::LoseMarks,
        Self::LoseOverlays,
        Self::OwnSalt,
        Self::OwnOrder,
    ];
}

/// A store between the engine and memory.
pub(crate) struct Adapter {
    inner: Arc<MemoryConversations>,
    mutation: Option<Mutation>,
    judge: Arc<Judge>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    commits: u64,
    first_loads: BTreeMap<ConversationId, Option<Loaded>>,
    first_heads: BTreeMap<ConversationId, parlance_ports::HeadRow>,
}

impl Adapter {
    pub(crate) fn new(
        inner: Arc<MemoryConversations>,
        mutation: Option<Mutation>,
        judge: Arc<Judge>,
    ) -> Self {
        Self { inner, mutation, judge, state: Mutex::default() }
    }

    fn is(&self, mutation: Mutation) -> bool {
        self.mutation == Some(mutation)
    }

    /// True for every `n`th commit.
    fn every(&self, n: u64) -> bool {
        self.state.lock().commits.is_multiple_of(n)
    }
}
