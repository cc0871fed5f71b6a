//! From a durable group to people: answers and pushes, in the order of decision, and what a failed group takes with it.

use std::sync::Arc;

use parlance_core::{Refusal, fanout};
use parlance_ports::{CommitError, Committed, Snapshot};
use parlance_types::{AccountId, Code, Event};

use super::conversation::Conversation;
use super::flight::{Building, Effect, Flight, Waiter};
use super::{CommandSource, Shard, send};
use crate::outlet::{self, Push};
use crate::reply::{self, Answer, Outcome, Reply};

/// Events after which a state is handed to the store again.
const SAVE_EVERY: u32 = 256;

impl<S: CommandSource> Shard<S> {
    /// Sends the group being built on its way.
    pub(super) fn submit(&mut self) {
        if self.building.is_empty() {
            return;
        }
        if self.marks_due.is_some() && !self.building.group.entries.is_empty() {
            self.take_marks();
        }
        if self.flights.is_empty() {
            self.shared.watermark.busy(self.index);
        }
        // Groups come in like sizes: room for as many saves copying while the next one grows.
        let room = Building::with_capacity(self.building.group.entries.len());
        let building = std::mem::replace(&mut self.building, room);
        let mut conversations: Vec<(_, u32)> = Vec::new();
        for entry in &building.group.entries {
            match conversations
                .iter_mut()
                .rev()
                .take(4)
                .find(|(id, _)| *id == entry.record.conversation)
            {
                Some((_, count)) => *count += 1,
                None => conversations.push((entry.record.conversation, 1)),
            }
        }
        let marks = building.group.marks.iter().map(|row| (row.conversation, row.account));
        let marks = marks.collect();
        self.shared.metrics.group(building.group.entries.len());
        self.flights.push_back(Flight {
            commit: self.sink.commit(building.group),
            effects: building.effects,
            conversations,
            marks,
            submitted: self.shared.clock.now(),
        });
    }

    /// The oldest group in flight is durable, or it failed.
    pub(super) async fn complete(&mut self, result: Result<Committed, CommitError>) {
        let Some(flight) = self.flights.pop_front() else { return };
        match result {
            Ok(committed) => self.deliver(flight, committed).await,
            Err(error) => self.fail(flight, error).await,
        }
    }

    async fn deliver(&mut self, flight: Flight, committed: Committed) {
        let now = self.shared.clock.now();
        self.shared.metrics.group_time(now, flight.submitted);
        for (id, count) in &flight.conversations {
            if let Some(conversation) = self.cache.in_flight_mut(*id) {
                conversation.land(*count);
                if conversation.unsaved >= SAVE_EVERY && conversation.in_flight.is_empty() {
                    save(&*self.store, conversation, *id, 1);
                }
            }
        }
        self.marks_landed(&flight.marks);
        for effect in flight.effects {
            self.show(effect, now).await;
        }
        self.flush_now();
        if self.flights.is_empty() {
            self.shared.watermark.idle(self.index);
        } else {
            self.shared.watermark.advance(self.index, committed.end);
        }
        self.load_dropped();
    }

    async fn show(&mut self, effect: Effect, now: parlance_types::Micros) {
        match effect {
            Effect::Event { event, audience, gained, waiter } => {
                for (account, heads) in &gained {
                    self.push_to(*account, &outlet::Shared::new(Push::Heads(heads)));
                }
                self.show_event(&event, &audience, waiter, now).await;
            }
            Effect::Duplicate { ticket, answer: named } => {
                self.answer(ticket, &Outcome::Decided(named));
            }
            Effect::Refused { ticket, refusal } => self.refuse(Some(ticket), *refusal),
            Effect::Shelf { shelf, reply } => send(reply, shelf),
            Effect::Head { answer, reply } => send(reply, Some(*answer)),
            Effect::Members { answer, reply } => send(reply, Some(answer)),
        }
    }

    async fn show_event(
        &mut self,
        event: &Event,
        audience: &Arc<[AccountId]>,
        waiter: Option<Waiter>,
        now: parlance_types::Micros,
    ) {
        let Event { conversation, message_id, seq, at, hash, ordinal, .. } = *event;
        let waiting = waiter.and_then(|waiter| {
            self.shared.metrics.acknowledged(now, waiter.since);
            self.shared.tickets.redeem(waiter.ticket)
        });
        let origin = match &waiting {
            Some(Reply::Socket { outlet, .. }) => Some(outlet.peer().connection),
            _ => None,
        };
        let named = Answer { conversation, message_id, seq, at, hash, ordinal, duplicate: false };
        self.touched.extend(reply::tell(waiting, &Outcome::Decided(named)));

        let shared = outlet::Shared::new(Push::Event(event));
        let mut delivered = 0;
        let chunk = match fanout::plan(audience.len(), &self.config.fanout) {
            fanout::Plan::Direct => audience.len().max(1),
            fanout::Plan::Chunked { size } => size,
        };
        for (index, accounts) in audience.chunks(chunk).enumerate() {
            if index > 0 {
                // A big conversation lets its neighbours' connections have their turn.
                tokio::task::yield_now().await;
            }
            for account in accounts {
                let Some(outlets) = self.shared.hub.of(*account) else { continue };
                for outlet in
                    outlets.iter().filter(|outlet| Some(outlet.peer().connection) != origin)
                {
                    delivered += 1;
                    if outlet.push(&shared) {
                        self.touched.push(outlet.clone());
                    }
                }
            }
        }
        self.shared.metrics.delivered(delivered);
    }

    /// Pushes to every connection of an account.
    pub(super) fn push_to(&mut self, account: AccountId, shared: &outlet::Shared<'_>) {
        let Some(outlets) = self.shared.hub.of(account) else { return };
        for outlet in outlets.iter() {
            if outlet.push(shared) {
                self.touched.push(outlet.clone());
            }
        }
    }

    /// A failed group takes every group decided on top of it along. Their states are dropped and rebuilt from the log.
    async fn fail(&mut self, flight: Flight, error: CommitError) {
        tracing::error!(%error, groups = self.flights.len() + 1, "a group was not committed");
        self.shared.metrics.failed_groups.increment();
        self.fail_one(flight, &error);
        while let Some(mut flight) = self.flights.pop_front() {
            match flight.commit.as_mut().await {
                Ok(committed) => {
                    // Independent of what failed, and durable: it counts.
                    self.deliver(flight, committed).await;
                }
                Err(error) => self.fail_one(flight, &error),
            }
        }
        self.shared.watermark.idle(self.index);
        self.load_dropped();
    }

    fn fail_one(&mut self, flight: Flight, error: &CommitError) {
        let (outcome, code) = match error {
            CommitError::Full => {
                (Outcome::Refused(Refusal::new(Code::StorageFull)), Code::StorageFull)
            }
            CommitError::Broken(_) => {
                (Outcome::Refused(Refusal::new(Code::Unavailable)), Code::Unavailable)
            }
            CommitError::Unknown(_) => (Outcome::OutcomeUnknown, Code::OutcomeUnknown),
        };
        for (id, count) in &flight.conversations {
            self.cache.rebuild(*id);
            if let Some(conversation) = self.cache.in_flight_mut(*id) {
                conversation.in_flight.drain(..*count as usize);
            }
        }
        self.marks_landed(&flight.marks);
        if *error == CommitError::Full {
            // Shown already, and not to be forgotten: they go with the next group that finds room.
            flight.marks.iter().for_each(|(id, account)| self.write_later(*id, *account));
        }
        for effect in flight.effects {
            let ticket = match effect {
                Effect::Event { waiter, .. } => waiter.map(|waiter| waiter.ticket),
                // The original of the retry went with the group.
                Effect::Duplicate { ticket, .. } | Effect::Refused { ticket, .. } => Some(ticket),
                // What the head says is not so; nobody can tell now how it is.
                Effect::Head { .. } | Effect::Members { .. } | Effect::Shelf { .. } => None,
            };
            if let Some(ticket) = ticket {
                self.shared.metrics.refused(code);
                self.answer(ticket, &outcome);
            }
        }
    }

    fn load_dropped(&mut self) {
        for id in self.cache.drop_broken() {
            self.load_again(id);
        }
    }

    /// Keeps the memory budget.
    pub(super) fn shrink(&mut self) {
        let Self { cache, store, config, .. } = self;
        cache.shrink(config.memory_bytes_max, |id, conversation| {
            save(&**store, conversation, id, config.save_from);
        });
        self.shared.metrics.loaded(self.index, self.cache.size(), self.cache.hits());
    }

    /// Hands every state to the store, before the end.
    pub(super) fn save_all(&mut self) {
        let Self { cache, store, config, .. } = self;
        for (id, conversation) in cache.all_mut() {
            save(&**store, conversation, id, config.save_from);
        }
    }
}

/// Hands a state over, if at least `from` events are new to the store's and nothing is in flight.
fn save(
    store: &dyn parlance_ports::ConversationStore,
    conversation: &mut Conversation,
    id: parlance_types::ConversationId,
    from: u32,
) {
    let Some(seq) = conversation.working.seq() else { return };
    if conversation.unsaved >= from && conversation.in_flight.is_empty() {
        store.save(id, Snapshot { seq, state: conversation.working.encode() });
        conversation.unsaved = 0;
    }
}
