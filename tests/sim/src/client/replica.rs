//! What a device holds of the conversations: entries by number, how far they are known to go, and nothing that it was not sent.

use std::collections::BTreeMap;

use parlance_types::frame::{Head, Ok as OkFrame, Page, PageEntry};
use parlance_types::{AccountId, Action, Body, Command, ConversationId, Event, Hash, Kind, Seq};

use crate::wire::Known;

/// A place in a held log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Held {
    /// With what it says, if that is a text.
    Event {
        hash: Hash,
        kind: Kind,
        sender: AccountId,
        text: Option<Box<str>>,
    },
    Deleted {
        hash: Hash,
    },
    Hidden,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Talk {
    pub(crate) entries: BTreeMap<u64, Held>,
    /// The first event that may be seen, if it is known.
    pub(crate) first: Option<u64>,
    /// The last entry before the first gap.
    have: u64,
    /// The last event that is known to exist.
    pub(crate) head: u64,
    /// The last own join that was acted upon.
    joined: u64,
    /// The own marks: delivered, read.
    pub(crate) marks: (u64, u64),
    pub(crate) members: Vec<AccountId>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Replica {
    pub(crate) talks: BTreeMap<ConversationId, Talk>,
}

impl Talk {
    /// The last entry before the first gap.
    pub(crate) fn have(&self) -> u64 {
        self.have
    }

    /// Moves on over what came in.
    fn settle(&mut self) {
        let Some(first) = self.first else { return };
        self.have = self.have.max(first - 1);
        while self.entries.contains_key(&(self.have + 1)) {
            self.have += 1;
        }
    }

    fn begin(&mut self, first: u64) {
        if self.first.is_none_or(|known| first < known) {
            self.first = Some(first);
            self.have = 0;
        }
        self.settle();
    }

    pub(crate) fn has_gap(&self) -> bool {
        self.have < self.head
    }

    /// Coming back may make more visible: everything is fetched again.
    fn rejoin(&mut self, seq: u64) {
        if seq > self.joined {
            self.joined = seq;
            let own = self.entries.split_off(&seq);
            self.entries = own;
            self.first = None;
            self.have = 0;
        }
    }

    fn know(&mut self, seq: u64) {
        self.head = self.head.max(seq);
    }

    fn put(&mut self, account: AccountId, event: &Event) {
        let seq = event.seq.get();
        self.know(seq);
        let came_in = match &event.content.body {
            Body::Add { accounts } => accounts.contains(&account),
            Body::Create { members, .. } => members.iter().any(|listed| listed.account == account),
            _ => false,
        };
        if came_in {
            self.rejoin(seq);
        }
        match &event.content.body {
            Body::Create { members, .. } => {
                self.members = members.iter().map(|listed| listed.account).collect();
            }
            Body::Add { accounts } => self.members.extend(accounts),
            Body::Delete { target } => self.delete(target.get()),
            _ => {}
        }
        let text = event.content.body.text().map(|(text, _)| text.as_str().into());
        let (hash, kind, sender) = (event.hash, event.content.body.kind(), event.sender);
        // What is known as deleted stays so.
        if !matches!(self.entries.get(&seq), Some(Held::Deleted { .. })) {
            self.entries.insert(seq, Held::Event { hash, kind, sender, text });
        }
        self.settle();
    }

    fn delete(&mut self, target: u64) {
        if let Some(held) = self.entries.get_mut(&target)
            && let Held::Event { hash, .. } = held
        {
            *held = Held::Deleted { hash: *hash };
        }
    }
}

impl Replica {
    pub(crate) fn head(&mut self, head: &Head) {
        let talk = self.talks.entry(head.conversation).or_default();
        talk.know(head.seq.get());
        talk.begin(head.first.get());
        talk.members = head.members.iter().map(|listed| listed.account).collect();
    }

    pub(crate) fn event(&mut self, account: AccountId, event: &Event) {
        self.talks.entry(event.conversation).or_default().put(account, event);
    }

    /// An own command was answered: `ok` stands for its event.
    pub(crate) fn ok(&mut self, command: &Command, ok: &OkFrame) {
        let talk = self.talks.entry(ok.conversation).or_default();
        let seq = ok.seq.get();
        talk.know(seq);
        if ok.duplicate {
            // It has no place in the order; that it exists is known.
            return;
        }
        match &command.action {
            // What happens to members is in the event, not in the wish.
            Action::Create { .. } | Action::Add { .. } | Action::Leave => {}
            Action::Delete { target } => {
                talk.delete(target.get());
                talk.keep(seq, command, ok.hash);
            }
            _ => talk.keep(seq, command, ok.hash),
        }
    }

    pub(crate) fn page(&mut self, account: AccountId, page: &Page) {
        let talk = self.talks.entry(page.conversation).or_default();
        talk.know(page.head.get());
        for entry in &page.events {
            match entry {
                PageEntry::Event { event, .. } => talk.put(account, event),
                PageEntry::Deleted(deleted) => {
                    talk.entries.insert(deleted.seq.get(), Held::Deleted { hash: deleted.hash });
                }
                PageEntry::Hidden { seq, up_to } => {
                    for hidden in seq.get()..=up_to.get() {
                        talk.entries.insert(hidden, Held::Hidden);
                    }
                }
            }
        }
        talk.begin(page.first.get());
    }

    pub(crate) fn known(&self) -> Known {
        self.talks.iter().map(|(id, talk)| (*id, talk.head)).collect()
    }

    /// Texts of this account that it holds, for edits.
    pub(crate) fn texts(&self, id: ConversationId) -> Vec<(Seq, AccountId)> {
        let entries = self.talks.get(&id).into_iter().flat_map(|talk| &talk.entries);
        let texts = entries.filter_map(|(seq, held)| match held {
            Held::Event { kind: Kind::Text, sender, .. } => Some((Seq::new(*seq)?, *sender)),
            _ => None,
        });
        texts.collect()
    }
}

impl Talk {
    fn keep(&mut self, seq: u64, command: &Command, hash: Hash) {
        let text = match &command.action {
            Action::Send { text, .. } | Action::Edit { text, .. } => Some(text.as_str().into()),
            _ => None,
        };
        let (kind, sender) = (command.action.kind(), command.sender);
        self.entries.entry(seq).or_insert(Held::Event { hash, kind, sender, text });
        self.settle();
    }
}
