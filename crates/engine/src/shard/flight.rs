//! Groups: the one being built and those in flight, each with what becomes visible when it is durable.

use std::sync::Arc;

use parlance_core::{Refusal, Shelf};
use parlance_ports::{CommitFuture, Group, Ticket};
use parlance_types::frame::Heads;
use parlance_types::{AccountId, ConversationId, Event, Micros};
use tokio::sync::oneshot;

use super::request::{HeadAnswer, MembersAnswer};
use crate::reply::Answer;

/// What becomes visible once a group is durable, in the order of decision.
pub(super) enum Effect {
    /// An event was decided.
    Event {
        event: Box<Event>,
        audience: Arc<[AccountId]>,
        /// Heads for members who came in by this event and are online here.
        gained: Vec<(AccountId, Box<Heads>)>,
        /// Whoever waits for this event.
        waiter: Option<Waiter>,
    },
    /// A retry, or a change that changed nothing, of something not durable when it was asked.
    Duplicate { ticket: Ticket, answer: Answer },
    /// A refusal that shows what this group makes so.
    Refused { ticket: Ticket, refusal: Box<Refusal> },
    /// Personal settings that contain events of this group.
    Shelf { shelf: Option<Arc<Shelf>>, reply: oneshot::Sender<Option<Arc<Shelf>>> },
    /// A head that contains events of this group.
    Head { answer: Box<HeadAnswer>, reply: oneshot::Sender<Option<HeadAnswer>> },
    /// Members as events of this group left them.
    Members { answer: MembersAnswer, reply: oneshot::Sender<Option<MembersAnswer>> },
}

/// Who waits, and since when.
pub(super) struct Waiter {
    pub(super) ticket: Ticket,
    pub(super) since: Micros,
}

/// The group being built.
#[derive(Default)]
pub(super) struct Building {
    pub(super) group: Group,
    pub(super) effects: Vec<Effect>,
}

impl Building {
    pub(super) fn with_capacity(entries: usize) -> Self {
        let group = Group { entries: Vec::with_capacity(entries), marks: Vec::new() };
        Self { group, effects: Vec::with_capacity(entries) }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.group.entries.is_empty() && self.group.marks.is_empty() && self.effects.is_empty()
    }
}

/// A group on its way to the disk.
pub(super) struct Flight {
    pub(super) commit: CommitFuture,
    pub(super) effects: Vec<Effect>,
    /// How many entries each conversation has in it.
    pub(super) conversations: Vec<(ConversationId, u32)>,
    /// Whose marks are in it.
    pub(super) marks: Vec<(ConversationId, AccountId)>,
    pub(super) submitted: Micros,
}
