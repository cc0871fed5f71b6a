//! What the decision of an event tells a store to keep beside the log, so that no store needs to know what an event means.

use crate::{AccountId, Membership, OverlayChange, Record, Seq};

/// An event and its rows: durable together or not at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub record: Record,
    pub rows: Rows,
}

/// Idempotent writes: rows replace what was there, an overlay change folds once ([`crate::Overlay::apply`]).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    /// The event that this one changes (again in [`Record::target`]), and how.
    pub overlay: Option<(Seq, OverlayChange)>,
    /// The new place of each account whose membership this event changes.
    pub memberships: Vec<(AccountId, Membership)>,
    /// Those mentioned who can see it.
    pub mentions: Vec<AccountId>,
}
