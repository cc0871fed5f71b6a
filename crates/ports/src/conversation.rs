//! The conversation store: everything that is read back about conversations.

use async_trait::async_trait;
use bytes::Bytes;
use parlance_types::{
    AccountId, ConversationId, Epoch, Hash, Marks, Membership, MessageId, Micros, Ordinal, Overlay,
    Position, Record, Seq,
};
use thiserror::Error;

/// Why a read did not answer.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum StoreError {
    /// What is stored cannot be read back as it was written. Names what and where.
    #[error("stored data is damaged: {0}")]
    Damaged(String),
    /// Could not be read now.
    #[error("the store cannot be read: {0}")]
    Unavailable(String),
}

/// A state of a conversation as the engine wrote it (`parlance-core` knows the format).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The last event that the state contains.
    pub seq: Seq,
    pub state: Bytes,
}

/// What is needed to go on deciding in a conversation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    pub snapshot: Option<Snapshot>,
    /// Every committed event after the snapshot, in order.
    pub records: Vec<Record>,
    /// Every account's marks that were ever committed.
    pub marks: Vec<(AccountId, Marks)>,
}

/// The end of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadRow {
    pub seq: Seq,
    pub hash: Hash,
    pub ordinal: Ordinal,
    pub at: Micros,
    /// Of the last event.
    pub position: Position,
    /// Of the last mark that was committed here, even if it advanced nothing; 0 if there is none.
    pub marked: Position,
}

/// An account's place in a conversation and its marks there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MembershipRow {
    pub membership: Membership,
    /// The position of the event that wrote the membership.
    pub position: Position,
    pub marks: Marks,
}

/// From which end a range is cut when it exceeds its limits. Records come in ascending order either way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The first ones above `after`.
    Ascending,
    /// The last ones up to `up_to`.
    Descending,
}

/// A range of a conversation: `after < seq ≤ up_to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RangeQuery {
    pub conversation: ConversationId,
    /// 0: from the first.
    pub after: u64,
    /// `None`: to the end.
    pub up_to: Option<Seq>,
    pub direction: Direction,
    pub events_max: usize,
    /// Bytes of content; at least one record is answered whatever its size.
    pub bytes_max: usize,
}

/// Answers for every committed event, wherever it lies.
///
/// All reads see a prefix of the commits that contains everything whose [`crate::EventSink::commit`] resolved before the read began; for
/// one conversation, one read sees one point in its log. What was never committed is `None` or empty, never an error.
///
/// An event whose overlay says that it is deleted, and every edit of it, loses its content: any read may answer it without from the
/// commit of the deletion on, and once a store was closed and opened again no read answers it with. The rest of the record stays.
#[async_trait]
pub trait ConversationStore: Send + Sync + 'static {
    /// The life of this data.
    fn epoch(&self) -> Epoch;

    /// `None`: there is no such conversation.
    async fn load(&self, conversation: ConversationId) -> Result<Option<Loaded>, StoreError>;

    /// Hands a state over, of committed events only. Best effort and without waiting: a store may keep the older one. Never goes back.
    fn save(&self, conversation: ConversationId, snapshot: Snapshot);

    /// One answer per asked id, in order.
    async fn heads(
        &self,
        conversations: &[ConversationId],
    ) -> Result<Vec<Option<HeadRow>>, StoreError>;

    async fn range(&self, query: RangeQuery) -> Result<Vec<Record>, StoreError>;

    /// The event that has this name, however old.
    async fn original(
        &self,
        conversation: ConversationId,
        sender: AccountId,
        message_id: MessageId,
    ) -> Result<Option<Record>, StoreError>;

    /// The overlays of events `from ..= up_to` that have one, in order.
    async fn overlays(
        &self,
        conversation: ConversationId,
        from: Seq,
        up_to: Seq,
    ) -> Result<Vec<(Seq, Overlay)>, StoreError>;

    /// The targets at or below `up_to` that events above `after` touched: ascending, each once, at most `max` (the lowest).
    async fn changes(
        &self,
        conversation: ConversationId,
        after: u64,
        up_to: Seq,
        max: usize,
    ) -> Result<Vec<Seq>, StoreError>;

    /// `None`: never was a member.
    async fn membership(
        &self,
        account: AccountId,
        conversation: ConversationId,
    ) -> Result<Option<MembershipRow>, StoreError>;

    /// Every conversation that the account is or was in, in order of conversation ids.
    async fn memberships(
        &self,
        account: AccountId,
    ) -> Result<Vec<(ConversationId, MembershipRow)>, StoreError>;
}
