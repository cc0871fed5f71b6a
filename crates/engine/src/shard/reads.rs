//! Reads of a shard: loads and facts. Each runs beside the loop; only the conversation that needs it waits.

use std::pin::Pin;
use std::sync::Arc;

use hashbrown::HashMap;
use parlance_core::{Refusal, State, chain};
use parlance_ports::{ConversationStore, Direction, Loaded, RangeQuery, Stamped, StoreError};
use parlance_types::{AccountId, Code, ConversationId, Facts, MessageId, Overlay, Record, Seq};

use super::conversation::{Conversation, Waiting};
use super::{CommandSource, Shard, send};

/// A read under way.
pub(super) type Read = Pin<Box<dyn Future<Output = ReadDone> + Send>>;

/// What was read.
pub(super) enum ReadDone {
    Loaded(ConversationId, Result<Box<Conversation>, StoreError>),
    Facts(ConversationId, Box<Result<Facts, StoreError>>),
}

/// The facts that are not at hand.
pub(super) struct Wanted {
    pub(super) conversation: ConversationId,
    pub(super) original: Option<(AccountId, MessageId)>,
    pub(super) target: Option<FactsNeeded>,
}

/// A target, whose record may be in flight.
pub(super) struct FactsNeeded {
    pub(super) target: Seq,
    pub(super) record: Option<Record>,
}

impl Wanted {
    pub(super) fn is_empty(&self) -> bool {
        self.original.is_none() && self.target.is_none()
    }
}

impl<S: CommandSource> Shard<S> {
    /// Starts loading, if nobody did yet.
    pub(super) fn load(&mut self, id: ConversationId) {
        if self.cache.must_load(id) {
            self.load_again(id);
        }
    }

    /// Starts loading what others wait for already.
    pub(super) fn load_again(&mut self, id: ConversationId) {
        let store = self.store.clone();
        self.shared.metrics.loads.increment();
        self.reads.push(Box::pin(async move {
            let loaded =
                store.load(id).await.and_then(|loaded| rebuild(id, loaded.unwrap_or_default()));
            ReadDone::Loaded(id, loaded.map(Box::new))
        }));
    }

    pub(super) fn read_facts(&mut self, wanted: Wanted, facts: Facts) {
        let store = self.store.clone();
        self.reads.push(Box::pin(async move {
            let id = wanted.conversation;
            ReadDone::Facts(id, Box::new(read_facts(store, wanted, facts).await))
        }));
    }

    /// Reads the event that already did what a command wants. A log that lacks it is damaged.
    pub(super) fn read_made(&mut self, id: ConversationId, made: Seq, mut facts: Facts) {
        let store = self.store.clone();
        self.reads.push(Box::pin(async move {
            let read = record_at(&*store, id, made).await.and_then(|record| match record {
                Some(record) => {
                    facts.made = Some(record);
                    Ok(facts)
                }
                None => Err(StoreError::Damaged(format!(
                    "conversation {id}: event {made} is not there"
                ))),
            });
            ReadDone::Facts(id, Box::new(read))
        }));
    }

    /// Goes on with what waited for a read.
    pub(super) fn resume(&mut self, done: ReadDone) {
        match done {
            ReadDone::Loaded(id, Ok(conversation)) => {
                let waiting = self.cache.insert(id, conversation);
                self.requeue(id, waiting);
                self.go_on(id);
            }
            ReadDone::Loaded(id, Err(error)) => {
                tracing::error!(conversation.id = %id, %error, "could not load a conversation");
                for waiting in self.cache.fail(id) {
                    self.refuse_waiting(waiting);
                }
            }
            ReadDone::Facts(id, facts) => self.resume_with(id, *facts),
        }
    }

    fn requeue(&mut self, id: ConversationId, waiting: std::collections::VecDeque<Waiting>) {
        if let Some(conversation) = self.cache.get_mut(id) {
            conversation.waiting = waiting;
        }
    }

    fn resume_with(&mut self, id: ConversationId, facts: Result<Facts, StoreError>) {
        // A conversation whose state broke meanwhile has handed its queue to the load that follows.
        let Some(conversation) = self.cache.get_mut(id) else { return };
        conversation.reading = false;
        let Some(Waiting::Command(stamped)) = conversation.waiting.pop_front() else { return };
        match facts {
            Ok(mut facts) => {
                conversation.complete(&mut facts);
                self.decide_with(stamped, facts);
            }
            Err(error) => {
                tracing::error!(conversation.id = %id, %error, "could not read facts");
                self.refuse_waiting(Waiting::Command(stamped));
            }
        }
        self.go_on(id);
    }

    /// Works off the queue of a conversation until it is empty or needs another read.
    fn go_on(&mut self, id: ConversationId) {
        while let Some(conversation) = self.cache.get_mut(id) {
            if conversation.reading {
                return;
            }
            match conversation.waiting.pop_front() {
                Some(Waiting::Command(stamped)) => self.decide(stamped),
                Some(Waiting::Request(request)) => self.request_loaded(request),
                None => return,
            }
        }
    }

    fn refuse_waiting(&mut self, waiting: Waiting) {
        let refusal = Refusal::new(Code::Unavailable);
        match waiting {
            Waiting::Command(Stamped { ticket, .. }) => self.refuse(ticket, refusal),
            // Whoever asked learns that nobody could tell.
            Waiting::Request(
                super::Request::Head { .. }
                | super::Request::Members { .. }
                | super::Request::Shelf { .. }
                | super::Request::Signal { .. },
            ) => {}
            Waiting::Request(super::Request::Mark { done, .. }) => {
                if let Some(done) = done {
                    send(done, Err(refusal));
                }
            }
        }
    }
}

/// The working state of a conversation from what the store has.
pub fn rebuild_state(id: ConversationId, loaded: &Loaded) -> Result<State, StoreError> {
    let damaged = |what: String| StoreError::Damaged(format!("conversation {id}: {what}"));
    let mut state = match &loaded.snapshot {
        Some(snapshot) => {
            State::decode(&snapshot.state).map_err(|error| damaged(format!("snapshot: {error}")))?
        }
        None => State::empty(id),
    };
    for record in &loaded.records {
        let expected = Seq::after(state.seq());
        if record.seq != expected {
            return Err(damaged(format!("event {} where {expected} was expected", record.seq)));
        }
        if !chain::check(state.hash(), record) {
            return Err(damaged(format!("event {} does not continue the hash chain", record.seq)));
        }
        state.replay(record).map_err(|error| damaged(format!("event {}: {error}", record.seq)))?;
    }
    Ok(state)
}

fn rebuild(id: ConversationId, loaded: Loaded) -> Result<Conversation, StoreError> {
    let state = rebuild_state(id, &loaded)?;
    let marks: HashMap<_, _> = loaded.marks.into_iter().collect();
    Ok(Conversation::new(state, marks, loaded.records.len() as u32))
}

async fn read_facts(
    store: Arc<dyn ConversationStore>,
    wanted: Wanted,
    mut facts: Facts,
) -> Result<Facts, StoreError> {
    let Wanted { conversation, original, target } = wanted;
    if let Some((sender, message_id)) = original {
        facts.original = store.original(conversation, sender, message_id).await?;
    }
    if let Some(FactsNeeded { target, record }) = target {
        let record = match record {
            Some(record) => Some(record),
            None => record_at(&*store, conversation, target).await?,
        };
        if let Some(record) = record {
            let overlays = store.overlays(conversation, target, target).await?;
            let overlay =
                overlays.into_iter().next().map_or_else(Overlay::default, |(_, overlay)| overlay);
            facts.target = Some((record, overlay));
        }
    }
    Ok(facts)
}

/// One event of a conversation.
pub(crate) async fn record_at(
    store: &dyn ConversationStore,
    conversation: ConversationId,
    seq: Seq,
) -> Result<Option<Record>, StoreError> {
    let query = RangeQuery {
        conversation,
        after: seq.get() - 1,
        up_to: Some(seq),
        direction: Direction::Ascending,
        events_max: 1,
        bytes_max: 1,
    };
    Ok(store.range(query).await?.pop())
}
