//! The judge: watches everything that leaves the servers, and compares it with what is left in the end.
//!
//! It shares no code with what it judges but the nouns: chain, contents, membership, overlays and marks are computed here again,
//! the naive way. A violation is a sentence; a run without any has passed.

mod audit;
mod content;
mod cursor;
mod end;
mod marks;
mod members;
mod replica;
mod tale;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use parking_lot::Mutex;
use parlance_ports::memory::MemoryConversations;
use parlance_ports::{Group, record};
use parlance_types::frame::{Head, Heads, Ok as OkFrame, Page, PageEntry};
use parlance_types::{
    AccountId, Action, Body, Command, ConversationId, Event, Hash, MessageId, Micros, Ordinal, Seq,
};

use crate::cast::SimClock;
use marks::MarkBook;

/// Violations that are told; the first says the most.
const TOLD_MAX: usize = 8;

pub(crate) struct Judge {
    clock: SimClock,
    /// Several owners write the same.
    owners: bool,
    store: Mutex<Arc<MemoryConversations>>,
    book: Mutex<Book>,
}

/// What an `ok` says.
type Answer = (Seq, Hash, Micros, Ordinal);

/// Who received a body, and how much of the log they may have known then (0: pushed at that event).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Sight {
    conversation: ConversationId,
    seq: u64,
    account: AccountId,
    as_of: u64,
}

#[derive(Default)]
struct Book {
    violations: Vec<String>,
    hashes: BTreeMap<(ConversationId, u64), Hash>,
    names: BTreeMap<(ConversationId, u64), (AccountId, MessageId)>,
    acked: BTreeMap<(ConversationId, AccountId, MessageId), Answer>,
    said: BTreeMap<(AccountId, MessageId), Box<str>>,
    sights: BTreeSet<Sight>,
    /// Since when everybody could know that a message is deleted.
    deleted: BTreeMap<(ConversationId, u64), u64>,
    written: BTreeMap<(ConversationId, u64), Vec<u8>>,
    marks: MarkBook,
    trace: blake3::Hasher,
    pushes: u64,
}

/// What a run did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Events in the store in the end.
    pub events: u64,
    /// Names that were acknowledged.
    pub acked: u64,
    /// Events pushed.
    pub pushes: u64,
    /// Everything that was pushed and acknowledged, in order: equal runs have equal traces.
    pub trace: [u8; 16],
}

impl Judge {
    pub(crate) fn new(clock: SimClock, owners: bool, store: Arc<MemoryConversations>) -> Self {
        Self { clock, owners, store: Mutex::new(store), book: Mutex::default() }
    }

    /// The store was opened again.
    pub(crate) fn opened(&self, store: Arc<MemoryConversations>) {
        *self.store.lock() = store;
    }

    pub(crate) fn violation(&self, what: String) {
        self.book.lock().violation(what);
    }

    pub(crate) fn violations(&self) -> Vec<String> {
        self.book.lock().violations.clone()
    }

    /// Somebody is about to ask for this.
    pub(crate) fn said(&self, command: &Command) {
        if let Action::Send { text, .. } | Action::Edit { text, .. } = &command.action {
            let name = (command.sender, command.message_id);
            self.book.lock().said.insert(name, text.as_str().into());
        }
    }

    /// A group is on its way to the store. Whoever writes an event again writes the same.
    pub(crate) fn committing(&self, group: &Group) {
        if !self.owners {
            return;
        }
        let book = &mut *self.book.lock();
        for entry in &group.entries {
            let mut bytes = Vec::new();
            record::encode_entry(entry, &mut bytes);
            let key = (entry.record.conversation, entry.record.seq.get());
            let first = book.written.entry(key).or_insert_with(|| bytes.clone());
            if *first != bytes {
                book.violation(format!("{key:?} was written with different bytes"));
            }
        }
    }

    pub(crate) fn pushed(&self, account: AccountId, event: &Event) {
        let now = self.clock.ms();
        let book = &mut *self.book.lock();
        book.pushes += 1;
        book.event(event);
        book.trace.update(account.as_bytes()).update(&now.to_be_bytes());
        book.trace.update(event.hash.as_bytes());
        book.see(account, event, 0);
        if let Body::Delete { target } = event.content.body {
            book.deleted.entry((event.conversation, target.get())).or_insert(now);
        }
    }

    /// `ok` leaves for whoever asked.
    pub(crate) fn answered(&self, asked: &Command, ok: &OkFrame) {
        let book = &mut *self.book.lock();
        let OkFrame { conversation, message_id, seq, at, hash, ordinal, duplicate, .. } = *ok;
        book.hash(conversation, seq, hash);
        book.trace.update(hash.as_bytes());
        if conversation != asked.conversation {
            book.violation(format!("{} was answered in {conversation}", asked.message_id));
        }
        if message_id != asked.message_id {
            // A change that changed nothing names the event that made it so.
            if !duplicate {
                book.violation(format!("{} was answered as {message_id}", asked.message_id));
            }
            return;
        }
        let answer = (seq, hash, at, ordinal);
        let key = (conversation, asked.sender, message_id);
        let first = *book.acked.entry(key).or_insert(answer);
        if first != answer {
            book.violation(format!("{key:?} was answered {answer:?} after {first:?}"));
        }
    }

    /// A page leaves for a client that asked for it at `asked_ms`.
    pub(crate) fn page(&self, account: AccountId, page: &Page, asked_ms: u64) {
        let book = &mut *self.book.lock();
        for entry in &page.events {
            match entry {
                PageEntry::Event { event, .. } => {
                    book.event(event);
                    book.see(account, event, page.head.get());
                    let deleted = book.deleted.get(&(event.conversation, event.seq.get()));
                    if deleted.is_some_and(|deleted| *deleted < asked_ms) {
                        let (conversation, seq) = (event.conversation, event.seq);
                        book.violation(format!(
                            "{conversation} {seq} was shown after its deletion"
                        ));
                    }
                }
                PageEntry::Deleted(deleted) => {
                    book.hash(page.conversation, deleted.seq, deleted.hash);
                }
                PageEntry::Hidden { .. } => {}
            }
        }
    }

    /// Heads leave for a client that asked for them at `asked_ms`.
    pub(crate) fn heads(&self, heads: &[Head], asked_ms: u64) {
        let now = self.clock.ms();
        let book = &mut *self.book.lock();
        for head in heads {
            book.hash(head.conversation, head.seq, head.hash);
            if self.owners {
                continue;
            }
            for marks in &head.marks {
                let stale = book.marks.shown(head.conversation, marks, asked_ms, now);
                book.blame(stale);
            }
        }
    }

    /// The head of a conversation that an account gained.
    pub(crate) fn gained(&self, heads: &Heads) {
        let book = &mut *self.book.lock();
        for head in &heads.listing.heads {
            book.hash(head.conversation, head.seq, head.hash);
        }
    }
}

impl Book {
    fn violation(&mut self, what: String) {
        if self.violations.len() < TOLD_MAX {
            self.violations.push(what);
        }
    }

    fn blame(&mut self, wrong: impl IntoIterator<Item = String>) {
        for what in wrong {
            self.violation(what);
        }
    }

    fn hash(&mut self, conversation: ConversationId, seq: Seq, hash: Hash) {
        let first = *self.hashes.entry((conversation, seq.get())).or_insert(hash);
        if first != hash {
            self.violation(format!("{conversation} {seq} has hash {hash} after {first}"));
        }
    }

    fn event(&mut self, event: &Event) {
        let Event { conversation, seq, sender, message_id, hash, .. } = *event;
        self.hash(conversation, seq, hash);
        let name = (sender, message_id);
        let first = *self.names.entry((conversation, seq.get())).or_insert(name);
        if first != name {
            self.violation(format!("{conversation} {seq} is {name:?} after {first:?}"));
        }
        let text = event.content.body.text().map(|(text, _)| text.as_str());
        if let (Some(text), Some(said)) = (text, self.said.get(&name))
            && text != &**said
        {
            self.violation(format!("{conversation} {seq} says {text:?} and not {said:?}"));
        }
    }

    fn see(&mut self, account: AccountId, event: &Event, as_of: u64) {
        let (conversation, seq) = (event.conversation, event.seq.get());
        self.sights.insert(Sight { conversation, seq, account, as_of });
    }
}
