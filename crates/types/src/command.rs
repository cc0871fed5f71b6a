//! Commands: what somebody wants to happen in a conversation, and what the log may not look up later.

use crate::{
    AccountId, ConversationId, DeviceId, Emoji, Entity, Kind, MessageId, MessageText, Micros,
    Overlay, PersonalChange, Record, Role, Salt, Seq, Settings, SettingsChange, Title,
};

/// A wish of one account for one conversation, named by `message_id` for ever.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    pub conversation: ConversationId,
    pub sender: AccountId,
    pub device: Option<DeviceId>,
    pub message_id: MessageId,
    pub action: Action,
}

/// What is wanted. `reply_to` and `target` name events of the same conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// A message. `to`: the conversation is the direct (or own) one with this account and is created with the message.
    Send {
        to: Option<AccountId>,
        text: MessageText,
        entities: Vec<Entity>,
        reply_to: Option<Seq>,
        seen: Option<Seq>,
        silent: bool,
    },
    Edit {
        target: Seq,
        text: MessageText,
        entities: Vec<Entity>,
    },
    Delete {
        target: Seq,
    },
    React {
        target: Seq,
        emoji: Emoji,
    },
    Unreact {
        target: Seq,
        emoji: Emoji,
    },
    /// A group; its id and message id derive from the creator and a key of the creator's (`parlance-core`).
    Create {
        title: Option<Title>,
        members: Vec<AccountId>,
        settings: Settings,
    },
    Add {
        accounts: Vec<AccountId>,
    },
    Remove {
        account: AccountId,
    },
    Leave,
    Role {
        account: AccountId,
        role: Role,
    },
    Rename {
        title: Title,
    },
    Describe {
        text: Option<MessageText>,
    },
    Settings(SettingsChange),
    /// What the sender keeps of a conversation, for the own devices.
    Personal(Box<PersonalChange>),
}

/// What account-level policy says of a command, decided when it was stamped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verdict {
    #[default]
    Allow,
    /// Blocked, or a privacy setting; the sender cannot tell which.
    CannotMessage,
    Suspended,
    RateLimited {
        retry_after_ms: u64,
    },
}

/// What the log must not look up later, fixed once when a command enters it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    pub time: Micros,
    /// Random; each event of the command salts its digest with bytes derived from it.
    pub salt: Salt,
    pub verdict: Verdict,
    /// Those of the accounts named by the command (`to`, members, added ones) that do not exist.
    pub unknown_accounts: Vec<AccountId>,
}

/// What a decision must know of old events (`parlance-core` says which: `needs`), as of the working state's `seq`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The event that already has the command's name: the command is a retry.
    pub original: Option<Record>,
    /// The event that the command changes, and how it looks today. `None`: there is no such event.
    pub target: Option<(Record, Overlay)>,
    /// The event that the overlay of the target names as having done already what the command wants, or the version that an edit
    /// would replace (`parlance-core` says which: `needs_made`).
    pub made: Option<Record>,
}

impl Action {
    /// The kind of the event that this becomes.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Send { .. } => Kind::Text,
            Self::Edit { .. } => Kind::Edit,
            Self::Delete { .. } => Kind::Delete,
            Self::React { .. } => Kind::React,
            Self::Unreact { .. } => Kind::Unreact,
            Self::Create { .. } => Kind::Create,
            Self::Add { .. } => Kind::Add,
            Self::Remove { .. } => Kind::Remove,
            Self::Leave => Kind::Leave,
            Self::Role { .. } => Kind::Role,
            Self::Rename { .. } => Kind::Rename,
            Self::Describe { .. } => Kind::Describe,
            Self::Settings(_) => Kind::Settings,
            Self::Personal(_) => Kind::Personal,
        }
    }

    pub const fn target(&self) -> Option<Seq> {
        match self {
            Self::Edit { target, .. }
            | Self::Delete { target }
            | Self::React { target, .. }
            | Self::Unreact { target, .. } => Some(*target),
            _ => None,
        }
    }
}
