//! Conversations in memory: the model that other adapters are compared to, and the store of the simulation.
//!
//! What is durable is a list of groups; what is seen is folded from it, so that opening again is the same code as going on. It
//! refuses to be clever: every read walks the events of one conversation.

mod faults;
mod log;

use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use parlance_types::{AccountId, ConversationId, Epoch, MessageId, Overlay, Position, Record, Seq};

use crate::conversation::{
    ConversationStore, HeadRow, Loaded, MembershipRow, RangeQuery, Snapshot, StoreError,
};
use crate::sink::{CommitFuture, EventSink, Group};
use faults::Machine;
use log::Log;

pub use faults::{CommitFault, Faults};

/// A sink and store of conversations that forgets when the last handle is dropped.
#[derive(Debug)]
pub struct MemoryConversations {
    machine: Arc<Mutex<Machine>>,
    /// A handle of an earlier opening is dead.
    opening: u64,
}

impl MemoryConversations {
    /// Empty, with this epoch.
    pub fn new(epoch: Epoch) -> Self {
        Self { machine: Arc::new(Mutex::new(Machine::new(epoch))), opening: 0 }
    }

    /// What goes wrong from now on.
    pub fn faults(&self) -> Faults {
        Faults::new(self.machine.clone())
    }

    /// As after a crash: what was durable is there, and this handle is dead. Of the groups that were submitted and not answered
    /// the first `survivors` turn out to be durable.
    #[must_use]
    pub fn reopen(&self, survivors: usize) -> Self {
        let opening = self.machine.lock().reopen(survivors);
        Self { machine: self.machine.clone(), opening }
    }

    fn read<T>(&self, read: impl FnOnce(&Log) -> T) -> Result<T, StoreError> {
        let machine = self.machine.lock();
        if machine.opening() != self.opening {
            return Err(StoreError::Unavailable("it was opened again".into()));
        }
        Ok(read(machine.seen()))
    }
}

impl EventSink for MemoryConversations {
    fn commit(&self, group: Group) -> CommitFuture {
        self.machine.lock().commit(self.opening, group)
    }

    fn durable(&self) -> Position {
        self.machine.lock().seen().end()
    }
}

#[async_trait]
impl ConversationStore for MemoryConversations {
    fn epoch(&self) -> Epoch {
        self.machine.lock().epoch()
    }

    async fn load(&self, conversation: ConversationId) -> Result<Option<Loaded>, StoreError> {
        self.read(|log| log.load(conversation))
    }

    fn save(&self, conversation: ConversationId, snapshot: Snapshot) {
        self.machine.lock().save(self.opening, conversation, snapshot);
    }

    async fn heads(
        &self,
        conversations: &[ConversationId],
    ) -> Result<Vec<Option<HeadRow>>, StoreError> {
        self.read(|log| conversations.iter().map(|id| log.head(*id)).collect())
    }

    async fn range(&self, query: RangeQuery) -> Result<Vec<Record>, StoreError> {
        self.read(|log| log.range(&query))
    }

    async fn original(
        &self,
        conversation: ConversationId,
        sender: AccountId,
        message_id: MessageId,
    ) -> Result<Option<Record>, StoreError> {
        self.read(|log| log.original(conversation, sender, message_id))
    }

    async fn overlays(
        &self,
        conversation: ConversationId,
        from: Seq,
        up_to: Seq,
    ) -> Result<Vec<(Seq, Overlay)>, StoreError> {
        self.read(|log| log.overlays(conversation, from, up_to))
    }

    async fn changes(
        &self,
        conversation: ConversationId,
        after: u64,
        up_to: Seq,
        max: usize,
    ) -> Result<Vec<Seq>, StoreError> {
        self.read(|log| log.changes(conversation, after, up_to, max))
    }

    async fn membership(
        &self,
        account: AccountId,
        conversation: ConversationId,
    ) -> Result<Option<MembershipRow>, StoreError> {
        self.read(|log| log.membership(account, conversation))
    }

    async fn memberships(
        &self,
        account: AccountId,
    ) -> Result<Vec<(ConversationId, MembershipRow)>, StoreError> {
        self.read(|log| log.memberships(account))
    }
}

#[cfg(test)]
mod tests;
