//! What somebody keeps of a conversation for themselves: told to the own devices through the `account` log, and to nobody else.

use crate::{ConversationId, DraftText, Micros, Seq};

/// The personal settings of one conversation, always whole: what is absent is not wished.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Personal {
    /// No sound and no push before then.
    pub mute_until: Option<Micros>,
    pub archived: bool,
    pub pinned: bool,
    /// What lies at or below is out of the own view.
    pub cleared: Option<Seq>,
    /// Out of the own list until there is a message above.
    pub hidden: Option<Seq>,
    /// To be shown as unread, whatever the marks say.
    pub unread: bool,
    /// Written and not sent.
    pub draft: Option<DraftText>,
}

impl Personal {
    /// Nothing is wished.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Personal settings, and the event of the `account` log that made them so.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PersonalAt {
    pub seq: Seq,
    pub personal: Personal,
}

/// A change of personal settings by one of the own devices.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PersonalChange {
    pub conversation: ConversationId,
    /// The event that made the settings that the device knew; `None`: it knew of none.
    pub based_on: Option<Seq>,
    /// How they are to be from now on.
    pub personal: Personal,
}
