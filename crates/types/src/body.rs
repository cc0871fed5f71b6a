//! What an event says: the body, its kinds and their numbers.

use serde::{Deserialize, Serialize};

use crate::{
    AccountId, ConversationKind, Emoji, MessageText, PersonalChange, Role, Seq, Settings,
    SettingsChange, Title,
};

/// The kind of a body. The number is stored and hashed; never renumber, never reuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u16)]
pub enum Kind {
    Text = 1,
    Edit = 64,
    Delete = 65,
    React = 66,
    Unreact = 67,
    Create = 128,
    Add = 129,
    Remove = 130,
    Leave = 131,
    Role = 132,
    Rename = 133,
    Describe = 134,
    Settings = 135,
    Personal = 192,
}

impl Kind {
    pub const ALL: [Self; 14] = [
        Self::Text,
        Self::Edit,
        Self::Delete,
        Self::React,
        Self::Unreact,
        Self::Create,
        Self::Add,
        Self::Remove,
        Self::Leave,
        Self::Role,
        Self::Rename,
        Self::Describe,
        Self::Settings,
        Self::Personal,
    ];

    pub const fn number(self) -> u16 {
        self as u16
    }

    pub fn from_number(number: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.number() == number)
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Edit => "edit",
            Self::Delete => "delete",
            Self::React => "react",
            Self::Unreact => "unreact",
            Self::Create => "create",
            Self::Add => "add",
            Self::Remove => "remove",
            Self::Leave => "leave",
            Self::Role => "role",
            Self::Rename => "rename",
            Self::Describe => "describe",
            Self::Settings => "settings",
            Self::Personal => "personal",
        }
    }

    /// Whether an event of this kind is a person's message: it counts as unread and can be edited, deleted and reacted to.
    pub const fn counts(self) -> bool {
        matches!(self, Self::Text)
    }
}

/// What a stretch of text is. Offsets and lengths count UTF-16 code units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entity {
    pub kind: EntityKind,
    pub offset: u32,
    pub length: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntityKind {
    Mention { account: AccountId },
    Link,
    Bold,
    Italic,
    Strike,
    Code,
    Pre { language: Option<Box<str>> },
    Quote,
    Spoiler,
}

/// A member as named in a `create` event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Listed {
    pub account: AccountId,
    pub role: Role,
}

/// Who reacted with what, and in which event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reaction {
    pub emoji: Emoji,
    pub account: AccountId,
    pub seq: Seq,
}

/// What an event says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    Text {
        text: MessageText,
        entities: Vec<Entity>,
    },
    /// A new text for an own message. Every version is kept.
    Edit {
        target: Seq,
        text: MessageText,
        entities: Vec<Entity>,
    },
    /// Takes a message away for everyone.
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
    /// The first event of every conversation.
    Create {
        kind: ConversationKind,
        title: Option<Title>,
        members: Vec<Listed>,
        settings: Settings,
        /// The home region; 0 in an installation with one.
        region: u16,
    },
    /// Those who came in by this event; who was a member already is not named.
    Add {
        accounts: Vec<AccountId>,
    },
    Remove {
        account: AccountId,
    },
    Leave {
        /// The member who became owner because the last one left.
        promoted: Option<AccountId>,
    },
    Role {
        account: AccountId,
        role: Role,
    },
    Rename {
        title: Title,
    },
    /// `None` takes the description away.
    Describe {
        text: Option<MessageText>,
    },
    Settings(SettingsChange),
    /// In an `account` log: what its owner keeps of a conversation.
    Personal(Box<PersonalChange>),
}

impl Body {
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Text { .. } => Kind::Text,
            Self::Edit { .. } => Kind::Edit,
            Self::Delete { .. } => Kind::Delete,
            Self::React { .. } => Kind::React,
            Self::Unreact { .. } => Kind::Unreact,
            Self::Create { .. } => Kind::Create,
            Self::Add { .. } => Kind::Add,
            Self::Remove { .. } => Kind::Remove,
            Self::Leave { .. } => Kind::Leave,
            Self::Role { .. } => Kind::Role,
            Self::Rename { .. } => Kind::Rename,
            Self::Describe { .. } => Kind::Describe,
            Self::Settings(_) => Kind::Settings,
            Self::Personal(_) => Kind::Personal,
        }
    }

    /// The event that this one changes.
    pub const fn target(&self) -> Option<Seq> {
        match self {
            Self::Edit { target, .. }
            | Self::Delete { target }
            | Self::React { target, .. }
            | Self::Unreact { target, .. } => Some(*target),
            _ => None,
        }
    }

    /// Text and entities of what people write.
    pub fn text(&self) -> Option<(&MessageText, &[Entity])> {
        match self {
            Self::Text { text, entities } | Self::Edit { text, entities, .. } => {
                Some((text, entities))
            }
            _ => None,
        }
    }
}
