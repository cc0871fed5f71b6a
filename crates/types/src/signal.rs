//! What is true for a moment and stored nowhere.

use crate::{AccountId, ConversationId};

/// What somebody is about to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SignalKind {
    /// Writes.
    Typing,
    /// Speaks into a voice message.
    Recording,
    /// Neither any more.
    Idle,
}

impl SignalKind {
    pub const ALL: &[Self] = &[Self::Typing, Self::Recording, Self::Idle];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Typing => "typing",
            Self::Recording => "recording",
            Self::Idle => "idle",
        }
    }
}

/// From a client: what its account is about to say. Over after [`crate::limits::SIGNAL_MS`], unless said again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignalRequest {
    pub conversation: ConversationId,
    pub kind: SignalKind,
}

/// From a server: what another member is about to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignalFrame {
    pub conversation: ConversationId,
    pub sender: AccountId,
    pub kind: SignalKind,
}
