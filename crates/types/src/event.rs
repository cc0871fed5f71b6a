//! Events: as people see them ([`Event`]) and as they are kept and hashed ([`Record`]).

use bytes::Bytes;

use crate::{
    AccountId, Body, ConversationId, DeviceId, Digest, Hash, Kind, MessageId, Micros, Ordinal,
    Salt, Seq,
};

/// What the sender said, and beside it what it refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    pub body: Body,
    /// An earlier event that this message answers.
    pub reply_to: Option<Seq>,
    /// The highest `seq` that the sender had read when composing.
    pub seen: Option<Seq>,
    /// No sound or push, please.
    pub silent: bool,
}

/// An event with its content, as decided or read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub conversation: ConversationId,
    pub seq: Seq,
    /// Strictly increasing in a conversation.
    pub at: Micros,
    pub sender: AccountId,
    /// The device that sent it; shown to own devices only.
    pub device: Option<DeviceId>,
    pub message_id: MessageId,
    /// The number of counting messages up to and including this event.
    pub ordinal: Ordinal,
    pub hash: Hash,
    pub content: Content,
}

/// The content of a record: its bytes as first written, or what is left of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payload {
    Kept {
        salt: Salt,
        content: Bytes,
    },
    /// Erased. The digest keeps the chain whole; without the salt nothing can be guessed from it.
    Gone {
        digest: Digest,
    },
}

/// An event as it is kept: the header that the chain covers, and the payload whose digest it covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub conversation: ConversationId,
    pub seq: Seq,
    pub at: Micros,
    pub sender: AccountId,
    pub device: Option<DeviceId>,
    pub message_id: MessageId,
    pub kind: Kind,
    /// The event that this one changes (edit, delete, react, unreact).
    pub target: Option<Seq>,
    pub ordinal: Ordinal,
    pub hash: Hash,
    pub payload: Payload,
}
