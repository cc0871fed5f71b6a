//! How an event looks today, when later events changed it.

use crate::{AccountId, Emoji, Reaction, Seq};

/// The changes that one event made to an earlier one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OverlayChange {
    Edited,
    Deleted,
    Reacted { account: AccountId, emoji: Emoji },
    Unreacted { account: AccountId, emoji: Emoji },
}

/// All changes to one event, folded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overlay {
    /// The events that hold the versions after the first, in order.
    pub edits: Vec<Seq>,
    /// The event that deleted it.
    pub deleted: Option<Seq>,
    /// In the order in which they were made.
    pub reactions: Vec<Reaction>,
    /// The last event that changed anything here.
    pub as_of: Option<Seq>,
}

impl Overlay {
    /// Folds the change made by event `seq`. Total, and idempotent: what is at or below `as_of` is already inside.
    pub fn apply(&mut self, seq: Seq, change: &OverlayChange) {
        if self.as_of >= Some(seq) {
            return;
        }
        self.as_of = Some(seq);
        match change {
            OverlayChange::Edited => self.edits.push(seq),
            OverlayChange::Deleted => {
                self.deleted = Some(seq);
                self.reactions.clear();
            }
            OverlayChange::Reacted { account, emoji } => {
                self.reactions.push(Reaction { emoji: emoji.clone(), account: *account, seq });
            }
            OverlayChange::Unreacted { account, emoji } => {
                self.reactions.retain(|r| (r.account, &r.emoji) != (*account, emoji));
            }
        }
    }

    /// The event by which `account` reacted with `emoji`, if the reaction stands.
    pub fn reaction(&self, account: AccountId, emoji: &Emoji) -> Option<Seq> {
        self.reactions.iter().find(|r| r.account == account && r.emoji == *emoji).map(|r| r.seq)
    }
}
