//! Who belongs to a conversation, since when and with which rights, and how far each has read.

use serde::{Deserialize, Serialize};

use crate::{Hash, Listed, MessageText, Micros, Ordinal, Position, Seq, Title};

/// Rights within a group. The number is stored; never renumber.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Role {
    Member = 1,
    Admin = 2,
    Owner = 3,
}

/// Who may do something in a group. The number is stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Who {
    /// Every member.
    #[default]
    Members = 1,
    /// Admins and owners.
    Admins = 2,
}

/// What a new member sees of the time before joining. The number is stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum History {
    /// Nothing.
    #[default]
    SinceJoin = 1,
    /// Everything, from the first event.
    All = 2,
}

/// The settings of a group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Who may send messages.
    pub send: Who,
    /// Who may add members.
    pub add: Who,
    /// Who may change title and description.
    pub info: Who,
    /// What those added from now on see of the past.
    pub history: History,
}

/// A change of settings: what is `None` stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SettingsChange {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub send: Option<Who>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub add: Option<Who>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub info: Option<Who>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub history: Option<History>,
}

impl Settings {
    #[must_use]
    pub fn with(self, change: SettingsChange) -> Self {
        Self {
            send: change.send.unwrap_or(self.send),
            add: change.add.unwrap_or(self.add),
            info: change.info.unwrap_or(self.info),
            history: change.history.unwrap_or(self.history),
        }
    }
}

/// One stay of an account in a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Interval {
    /// The first event that can be seen: 1 or the join.
    pub from: Seq,
    /// The event that made the account a member.
    pub join: Seq,
    /// The ordinal at the join: what was counted before is never unread.
    pub join_ordinal: Ordinal,
    /// The event that ended the stay; it is the last that can be seen.
    pub left: Option<Seq>,
}

/// A row of the store: an account's place in a conversation, current or former.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// `None` for a former member.
    pub role: Option<Role>,
    /// In order, not overlapping; only the last may be open. At most [`crate::limits::INTERVALS_MAX`].
    pub intervals: Vec<Interval>,
    /// The event that wrote this row.
    pub as_of: Seq,
    /// For a former member: the conversation as it was at the end of the last stay.
    pub frozen: Option<Box<Frozen>>,
}

/// What the head of a conversation stays for somebody who left, as of [`Interval::left`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frozen {
    pub hash: Hash,
    pub ordinal: Ordinal,
    pub at: Micros,
    pub title: Option<Title>,
    pub description: Option<MessageText>,
    pub settings: Settings,
    /// The first [`crate::limits::HEAD_MEMBERS_MAX`] members, as in a head.
    pub members: Vec<Listed>,
    pub member_count: usize,
}

/// How far somebody has come, with the ordinal there so that unread is a subtraction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mark {
    pub seq: Seq,
    pub ordinal: Ordinal,
}

/// The maximum registers of an account in a conversation. `delivered` is never below `read`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Marks {
    pub delivered: Option<Mark>,
    pub read: Option<Mark>,
    /// Where the log stood when they were last written.
    pub position: Position,
}

impl Marks {
    /// Takes the greater of each register; true if anything advanced. A lower position never replaces a higher one.
    pub fn merge(&mut self, other: &Self) -> bool {
        let before = (self.delivered, self.read);
        self.read = self.read.max(other.read);
        self.delivered = self.delivered.max(other.delivered).max(self.read);
        let advanced = before != (self.delivered, self.read);
        if advanced {
            self.position = self.position.max(other.position);
        }
        advanced
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(seq: u64) -> Option<Mark> {
        Seq::new(seq).map(|seq| Mark { seq, ordinal: Ordinal::new(seq.get()) })
    }

    #[test]
    fn marks_only_advance_and_reading_is_delivery() {
        let mut marks = Marks::default();
        assert!(marks.merge(&Marks {
            read: mark(5),
            position: Position::new(9),
            ..Marks::default()
        }));
        assert_eq!(
            (marks.delivered, marks.read, marks.position),
            (mark(5), mark(5), Position::new(9))
        );
        assert!(!marks.merge(&Marks {
            delivered: mark(4),
            read: mark(3),
            position: Position::new(10)
        }));
        assert_eq!((marks.delivered, marks.position), (mark(5), Position::new(9)));
    }
}
