//! What a shard is asked besides commands: heads, marks and signals. All are answered as of a point in the conversation's order.

use std::sync::Arc;

use parlance_core::Shelf;
use parlance_types::frame::{AccountMarks, Head};
use parlance_types::{AccountId, ConnectionId, ConversationId, Listed, Seq, SignalRequest};
use tokio::sync::oneshot;

use crate::outlet::Outlet;

/// A head without its last message, which the asker reads from the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeadAnswer {
    pub head: Head,
    /// The reader's stays, for what may be seen of the last messages.
    pub intervals: Vec<parlance_types::Interval>,
}

/// Some members of a conversation, as one reader sees them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MembersAnswer {
    pub members: Vec<Listed>,
    /// How far they have come; a former member is told only the own.
    pub marks: Vec<AccountMarks>,
    /// More follow.
    pub more: bool,
}

/// Which members are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MembersAsked {
    pub viewer: AccountId,
    /// Those above this one, in order of their ids.
    pub after: Option<AccountId>,
    pub max: usize,
}

/// A request to the shard that owns `conversation`.
pub enum Request {
    /// How the conversation looks to `viewer`; `None` if that account never was a member. Dropped without an answer if that cannot be
    /// told now.
    Head {
        conversation: ConversationId,
        viewer: AccountId,
        reply: oneshot::Sender<Option<HeadAnswer>>,
    },
    /// Who is in the conversation; answered as [`Request::Head`].
    Members {
        conversation: ConversationId,
        asked: MembersAsked,
        reply: oneshot::Sender<Option<MembersAnswer>>,
    },
    /// What the owner of an `account` log keeps of conversations. Dropped as a head is.
    Shelf { conversation: ConversationId, reply: oneshot::Sender<Option<Arc<Shelf>>> },
    /// How far `account` has come.
    Mark {
        conversation: ConversationId,
        account: AccountId,
        delivered: Option<Seq>,
        read: Option<Seq>,
        /// Told only if it is refused. `None`: another door, which waits for the answer.
        outlet: Option<Arc<dyn Outlet>>,
        done: Option<oneshot::Sender<Result<(), parlance_core::Refusal>>>,
    },
    /// What the account behind `outlet` is about to say. `is_closed`: one of the two in a direct has blocked the other.
    Signal { signal: SignalRequest, outlet: Arc<dyn Outlet>, is_closed: bool },
}

impl Request {
    pub fn conversation(&self) -> ConversationId {
        match self {
            Self::Head { conversation, .. }
            | Self::Members { conversation, .. }
            | Self::Shelf { conversation, .. }
            | Self::Mark { conversation, .. } => *conversation,
            Self::Signal { signal, .. } => signal.conversation,
        }
    }

    /// The connection that asked, whose own marks it is not told.
    pub(super) fn origin(&self) -> Option<ConnectionId> {
        match self {
            Self::Head { .. } | Self::Members { .. } | Self::Shelf { .. } | Self::Signal { .. } => {
                None
            }
            Self::Mark { outlet, .. } => outlet.as_ref().map(|outlet| outlet.peer().connection),
        }
    }
}
