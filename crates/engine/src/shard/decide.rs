//! From a command to the group being built: load, facts, decide, apply.

use std::panic::{AssertUnwindSafe, catch_unwind};

use parlance_core::{Decided, Decision, Named, Refusal, decide, needs, needs_made};
use parlance_ports::{Stamped, Ticket};
use parlance_types::frame::{Heads, Listing};
use parlance_types::{AccountId, Code, ConversationId, Facts};

use super::conversation::{Conversation, Waiting};
use super::flight::{Effect, Waiter};
use super::reads::{FactsNeeded, Wanted};
use super::{CommandSource, Shard};
use crate::reply::{self, Answer, Outcome};

impl<S: CommandSource> Shard<S> {
    /// Takes a command: decides it now, or after the read that it (or one before it) needs.
    pub(super) fn receive(&mut self, stamped: Stamped) {
        let id = stamped.command.conversation;
        let Some(conversation) = self.cache.find(id) else {
            self.cache.wait_for_load(id, Waiting::Command(stamped));
            return self.load(id);
        };
        if conversation.reading || !conversation.waiting.is_empty() {
            conversation.waiting.push_back(Waiting::Command(stamped));
            return;
        }
        self.decide(stamped);
    }

    /// The conversation is loaded and nothing waits before this command.
    pub(super) fn decide(&mut self, stamped: Stamped) {
        let id = stamped.command.conversation;
        let conversation = self.cache.get_mut(id).expect("the caller found it loaded");
        let needs = needs(&conversation.working, &stamped.command);
        let mut facts = Facts::default();
        let mut wanted = Wanted { conversation: id, original: None, target: None };
        if needs.original {
            let (sender, message_id) = (stamped.command.sender, stamped.command.message_id);
            match conversation.original_in_flight(sender, message_id) {
                Some(record) => facts.original = Some(record.clone()),
                None => {
                    if let Err(refusal) =
                        self.shared.lookups.count(&stamped.command, stamped.stamp.time)
                    {
                        return self.refuse(stamped.ticket, refusal);
                    }
                    wanted.original = Some((sender, message_id));
                }
            }
        }
        if let Some(target) = needs.target
            && facts.original.is_none()
        {
            wanted.target = Some(FactsNeeded {
                target,
                record: conversation.record_in_flight(target).cloned(),
            });
        }
        if wanted.is_empty() {
            return self.decide_with(stamped, facts);
        }
        conversation.reading = true;
        conversation.waiting.push_front(Waiting::Command(stamped));
        self.read_facts(wanted, facts);
    }

    /// What the decision asked for first is known; what that leads to may still have to be read.
    pub(super) fn decide_with(&mut self, stamped: Stamped, mut facts: Facts) {
        let id = stamped.command.conversation;
        if facts.made.is_none()
            && let Some(made) = needs_made(&stamped.command, &facts)
        {
            let conversation = self.cache.get_mut(id).expect("the caller found it loaded");
            facts.made = conversation.record_in_flight(made).cloned();
            if facts.made.is_none() {
                conversation.reading = true;
                conversation.waiting.push_front(Waiting::Command(stamped));
                return self.read_made(id, made, facts);
            }
        }
        self.decide_known(&stamped, &facts);
    }

    /// Everything that the decision needs is known.
    pub(super) fn decide_known(&mut self, stamped: &Stamped, facts: &Facts) {
        let Stamped { command, stamp, ticket } = stamped;
        let conversation =
            self.cache.get_mut(command.conversation).expect("the caller found it loaded");
        // `decide` is pure, so a panic leaves nothing half done: the command is refused and the conversation goes on.
        let decision =
            catch_unwind(AssertUnwindSafe(|| decide(&conversation.working, facts, command, stamp)));
        match decision {
            Ok(Decision::Decided(decided)) => {
                let since = stamp.time;
                let waiter = ticket.map(|ticket| Waiter { ticket, since });
                self.apply(command.conversation, decided, waiter);
            }
            Ok(Decision::Duplicate(named)) => self.duplicate(command.conversation, named, *ticket),
            Ok(Decision::Refused(refusal)) => {
                self.refuse_shown(command.conversation, *ticket, refusal);
            }
            Err(_) => {
                self.shared.metrics.panics.increment();
                tracing::error!(conversation.id = %command.conversation, "a decision panicked; its command is refused");
                self.refuse(*ticket, Refusal::new(Code::Internal));
            }
        }
    }

    fn apply(
        &mut self,
        id: ConversationId,
        decided: impl IntoIterator<Item = Decided, IntoIter: ExactSizeIterator>,
        mut waiter: Option<Waiter>,
    ) {
        let conversation = self.cache.get_mut(id).expect("the caller found it loaded");
        let decided = decided.into_iter();
        let last = decided.len() - 1;
        for (index, Decided { event, entry, audience }) in decided.enumerate() {
            let applied = catch_unwind(AssertUnwindSafe(|| conversation.working.apply(&event)));
            if applied.is_err() {
                // The state may be half changed. It is rebuilt from the log once what is in flight has landed.
                self.shared.metrics.panics.increment();
                tracing::error!(conversation.id = %id, "applying an event panicked; the conversation is rebuilt");
                if let Some(waiter) = waiter.take() {
                    self.refuse(Some(waiter.ticket), Refusal::new(Code::Internal));
                }
                return self.cache.rebuild(id);
            }
            conversation.in_flight.push_back(entry.clone());
            let gained = gained(&self.shared.hub, conversation, &entry.rows.memberships);
            let waiter = if index == last { waiter.take() } else { None };
            self.building.group.entries.push(entry);
            self.building.effects.push(Effect::Event { event, audience, gained, waiter });
        }
    }

    /// Answers a retry: at once if its original is durable, otherwise with the group that makes it so.
    fn duplicate(&mut self, id: ConversationId, named: Named, ticket: Option<Ticket>) {
        let Some(ticket) = ticket else { return };
        let Named { message_id, seq, at, hash, ordinal } = named;
        let answer =
            Answer { conversation: id, message_id, seq, at, hash, ordinal, duplicate: true };
        let conversation = self.cache.get_mut(id).expect("the caller found it loaded");
        if conversation.durable.is_none_or(|durable| seq > durable.seq) {
            self.building.effects.push(Effect::Duplicate { ticket, answer });
        } else {
            self.answer(ticket, &Outcome::Decided(answer));
        }
    }

    /// Refuses at once, unless the refusal shows what is not durable yet: then with the group that makes it so.
    fn refuse_shown(&mut self, id: ConversationId, ticket: Option<Ticket>, refusal: Refusal) {
        let shown = refusal.current.as_ref().map(|current| current.seq);
        let durable = self.cache.get_mut(id).and_then(|conversation| conversation.durable);
        match ticket {
            Some(ticket) if shown > durable.map(|mark| mark.seq) => {
                self.building.effects.push(Effect::Refused { ticket, refusal: Box::new(refusal) });
            }
            ticket => self.refuse(ticket, refusal),
        }
    }

    pub(super) fn refuse(&mut self, ticket: Option<Ticket>, refusal: Refusal) {
        self.shared.metrics.refused(refusal.code);
        if let Some(ticket) = ticket {
            self.answer(ticket, &Outcome::Refused(refusal));
        }
    }

    pub(super) fn answer(&mut self, ticket: Ticket, outcome: &Outcome) {
        let waiting = self.shared.tickets.redeem(ticket);
        self.touched.extend(reply::tell(waiting, outcome));
    }
}

/// The heads of a conversation for those who just came in and are online here: a client must know of a conversation before it
/// gets its first event.
fn gained(
    hub: &crate::hub::Hub,
    conversation: &Conversation,
    memberships: &[(AccountId, parlance_types::Membership)],
) -> Vec<(AccountId, Box<Heads>)> {
    let came_in =
        memberships.iter().filter(|(account, row)| row.role.is_some() && hub.is_online(*account));
    came_in
        .filter(|(_, row)| {
            row.intervals.last().is_some_and(|stay| Some(stay.join) == conversation.working.seq())
        })
        .filter_map(|(account, _)| {
            let head = super::marking::head(conversation, *account)?.head;
            let listing = Listing { heads: vec![head], ..Listing::default() };
            Some((*account, Box::new(Heads { id: None, listing })))
        })
        .collect()
}
