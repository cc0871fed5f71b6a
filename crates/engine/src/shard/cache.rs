//! The conversations that a shard has in memory, and those that it waits for.
//!
//! What is idle is dropped under a memory budget, least recently used first (second chance). Dropping loses nothing: everything
//! durable is the store's to answer.

use std::collections::VecDeque;

use hashbrown::{HashMap, HashSet};
use parlance_types::ConversationId;

use super::conversation::{Conversation, Waiting};

/// Loaded conversations by id.
#[derive(Default)]
pub(super) struct Cache {
    loaded: HashMap<ConversationId, Box<Conversation>>,
    loading: HashMap<ConversationId, VecDeque<Waiting>>,
    /// Their states cannot be trusted: they are dropped when nothing of theirs is in flight, and loaded again.
    broken: HashSet<ConversationId>,
    /// Candidates for dropping, oldest first.
    queue: VecDeque<ConversationId>,
    bytes: usize,
    /// Times that a conversation was asked for and there.
    hits: u64,
}

impl Cache {
    pub(super) fn get_mut(&mut self, id: ConversationId) -> Option<&mut Conversation> {
        self.look(id).map(|(conversation, _)| conversation)
    }

    /// As [`Cache::get_mut`], for a command or a question that begins: counts a hit.
    pub(super) fn find(&mut self, id: ConversationId) -> Option<&mut Conversation> {
        let (conversation, hits) = self.look(id)?;
        *hits += 1;
        Some(conversation)
    }

    /// The conversation, and where hits are counted.
    fn look(&mut self, id: ConversationId) -> Option<(&mut Conversation, &mut u64)> {
        if !self.broken.is_empty() && self.broken.contains(&id) {
            return None;
        }
        let conversation = self.loaded.get_mut(&id)?;
        conversation.used = true;
        Some((conversation, &mut self.hits))
    }

    /// Whatever its state: for what was in flight when it broke.
    pub(super) fn in_flight_mut(&mut self, id: ConversationId) -> Option<&mut Conversation> {
        self.loaded.get_mut(&id).map(|boxed| &mut **boxed)
    }

    pub(super) fn wait_for_load(&mut self, id: ConversationId, waiting: Waiting) {
        self.loading.entry(id).or_default().push_back(waiting);
    }

    /// True for the first that waits: a load must be started.
    pub(super) fn must_load(&self, id: ConversationId) -> bool {
        self.loading.get(&id).is_some_and(|waiting| waiting.len() == 1)
            && !self.broken.contains(&id)
    }

    /// The load is done: the conversation is kept, and what waited is the caller's to go on with.
    pub(super) fn insert(
        &mut self,
        id: ConversationId,
        conversation: Box<Conversation>,
    ) -> VecDeque<Waiting> {
        self.bytes += conversation.bytes();
        self.loaded.insert(id, conversation);
        self.queue.push_back(id);
        self.loading.remove(&id).unwrap_or_default()
    }

    /// The load failed: what waited is the caller's to refuse.
    pub(super) fn fail(&mut self, id: ConversationId) -> VecDeque<Waiting> {
        self.loading.remove(&id).unwrap_or_default()
    }

    /// The working state is not to be used any more. A queue exists only where somebody is in it: whoever comes first starts a load, and
    /// of two loads the second would replace a conversation that has events in flight.
    pub(super) fn rebuild(&mut self, id: ConversationId) {
        self.broken.insert(id);
        if let Some(conversation) = self.loaded.get_mut(&id) {
            let waiting = std::mem::take(&mut conversation.waiting);
            if !waiting.is_empty() {
                self.loading.entry(id).or_default().extend(waiting);
            }
        }
    }

    /// Drops broken conversations of which nothing is in flight; those that somebody waits for must be loaded.
    pub(super) fn drop_broken(&mut self) -> Vec<ConversationId> {
        let Self { broken, loaded, loading, bytes, .. } = self;
        let mut to_load = Vec::new();
        broken.retain(|id| {
            if loaded.get(id).is_some_and(|conversation| !conversation.in_flight.is_empty()) {
                return true;
            }
            if let Some(dropped) = loaded.remove(id) {
                *bytes = bytes.saturating_sub(dropped.bytes());
            }
            if loading.contains_key(id) {
                to_load.push(*id);
            }
            false
        });
        to_load
    }

    /// Drops idle conversations until `bytes_max` holds or none is idle. `save` gets each before it goes.
    pub(super) fn shrink(
        &mut self,
        bytes_max: usize,
        mut save: impl FnMut(ConversationId, &mut Conversation),
    ) {
        if self.bytes <= bytes_max {
            return;
        }
        // What is loaded grew since it came in; count again while looking at each once.
        let mut looks = self.queue.len() * 2;
        self.bytes = self.loaded.values().map(|conversation| conversation.bytes()).sum();
        while self.bytes > bytes_max / 4 * 3 && looks > 0 {
            looks -= 1;
            let Some(id) = self.queue.pop_front() else { break };
            let Some(conversation) = self.loaded.get_mut(&id) else { continue };
            if conversation.used || !conversation.is_idle() || self.broken.contains(&id) {
                conversation.used = false;
                self.queue.push_back(id);
                continue;
            }
            save(id, conversation);
            self.bytes = self.bytes.saturating_sub(conversation.bytes());
            self.loaded.remove(&id);
        }
    }

    pub(super) fn all_mut(&mut self) -> impl Iterator<Item = (ConversationId, &mut Conversation)> {
        self.loaded.iter_mut().map(|(id, conversation)| (*id, &mut **conversation))
    }

    pub(super) fn hits(&self) -> u64 {
        self.hits
    }

    /// Loaded conversations and their bytes.
    pub(super) fn size(&self) -> (usize, usize) {
        (self.loaded.len(), self.bytes)
    }
}
