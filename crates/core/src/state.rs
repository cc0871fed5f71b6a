//! A conversation's state: all that deciding the next command needs, folded from its events.
//!
//! Invariants: [`State::apply`] is total and deterministic; the same events make the same state, and a state that went through
//! its snapshot goes on exactly as one that did not. It refuses to know who may what ([`crate::policy`]) and what old events
//! said (facts).

mod change;
mod member;
mod personal;
mod snapshot;

use std::sync::{Arc, OnceLock};

use parlance_types::{
    AccountId, Body, ConversationId, ConversationKind, Event, Frozen, Hash, Kind, Listed, Mark,
    Membership, MessageId, MessageText, Micros, Ordinal, Record, Seq, Settings, Title, limits,
};

use crate::chain;
use crate::content::ContentError;

pub use member::Member;
use member::Members;
pub use personal::Shelf;
pub(crate) use personal::has_room;

/// A conversation after some number of its events.
#[derive(Clone, Debug)]
pub struct State {
    conversation: ConversationId,
    seq: Option<Seq>,
    at: Micros,
    hash: Hash,
    ordinal: Ordinal,
    info: Option<Info>,
    members: Members,
    /// Current members in order of their ids; made when asked for and kept until membership changes.
    audience: OnceLock<Arc<[AccountId]>>,
    /// In an `account` log: what its owner keeps of conversations. Shared with whoever was shown it.
    shelf: Option<Arc<Shelf>>,
}

/// What a conversation is called and how it is set, each with the event that made it so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Info {
    /// What it is for.
    pub kind: ConversationKind,
    /// Its name.
    pub title: Option<Title>,
    /// The event that named it.
    pub titled: Seq,
    /// What it is about.
    pub description: Option<MessageText>,
    /// The event that described it.
    pub described: Seq,
    /// How it is set.
    pub settings: Settings,
    /// The event that set it so.
    pub set: Seq,
    /// The home region.
    pub region: u16,
}

/// What every event has, with or without its content.
struct Advance {
    seq: Seq,
    at: Micros,
    hash: Hash,
    ordinal: Ordinal,
    sender: AccountId,
    message_id: MessageId,
    kind: Kind,
}

impl State {
    /// A conversation without any event.
    pub fn empty(conversation: ConversationId) -> Self {
        Self {
            conversation,
            seq: None,
            at: Micros::ZERO,
            hash: chain::start(conversation),
            ordinal: Ordinal::ZERO,
            info: None,
            members: Members::default(),
            audience: OnceLock::new(),
            shelf: None,
        }
    }

    /// Adds an event. What is at or below the state's `seq` is inside already and changes nothing.
    pub fn apply(&mut self, event: &Event) {
        let Event { seq, at, hash, ordinal, sender, message_id, .. } = *event;
        if self.contains(seq) {
            return;
        }
        self.reshape(event);
        let kind = event.content.body.kind();
        self.advance(&Advance { seq, at, hash, ordinal, sender, message_id, kind });
    }

    /// Adds an event as it was recorded. Messages and their changes need no content, so it may be gone.
    pub fn replay(&mut self, record: &Record) -> Result<(), ContentError> {
        if changes_shape(record.kind) {
            self.apply(&chain::event(record)?);
            return Ok(());
        }
        let Record { seq, at, hash, ordinal, sender, message_id, kind, .. } = *record;
        if !self.contains(seq) {
            self.advance(&Advance { seq, at, hash, ordinal, sender, message_id, kind });
        }
        Ok(())
    }

    /// The conversation that this is the state of.
    pub fn conversation(&self) -> ConversationId {
        self.conversation
    }

    /// Whether it was created.
    pub fn exists(&self) -> bool {
        self.seq.is_some()
    }

    /// The last event.
    pub fn seq(&self) -> Option<Seq> {
        self.seq
    }

    /// The time of the last event.
    pub fn at(&self) -> Micros {
        self.at
    }

    /// The chain at the last event.
    pub fn hash(&self) -> Hash {
        self.hash
    }

    /// How many counting messages there are.
    pub fn ordinal(&self) -> Ordinal {
        self.ordinal
    }

    /// What it is for; `None` before it exists.
    pub fn kind(&self) -> Option<ConversationKind> {
        self.info.as_ref().map(|info| info.kind)
    }

    /// Name, description and settings; `None` before it exists.
    pub fn info(&self) -> Option<&Info> {
        self.info.as_ref()
    }

    /// The place of an account here, current or former.
    pub fn member(&self, account: AccountId) -> Option<&Member> {
        self.members.get(account)
    }

    /// Current and former members, in order of their ids.
    pub fn members(&self) -> impl Iterator<Item = &Member> {
        self.members.iter()
    }

    /// Current members, in order of their ids.
    pub fn audience(&self) -> &Arc<[AccountId]> {
        self.audience.get_or_init(|| {
            self.members()
                .filter(|member| member.is_current())
                .map(|member| member.account)
                .collect()
        })
    }

    /// The row that a store keeps of an account's place here.
    pub fn membership(&self, account: AccountId) -> Option<Membership> {
        self.member(account).map(Member::row)
    }

    /// The account's own last message here.
    pub fn sent(&self, account: AccountId) -> Option<Mark> {
        self.member(account).and_then(|member| member.sent)
    }

    /// What the owner of an `account` log keeps of conversations. `None`: nothing.
    pub fn shelf(&self) -> Option<&Arc<Shelf>> {
        self.shelf.as_ref()
    }

    /// Rough memory, in constant time.
    pub fn bytes(&self) -> usize {
        let texts = self.info.as_ref().map_or(0, |info| {
            let title = info.title.as_ref().map_or(0, |title| title.len());
            title + info.description.as_ref().map_or(0, |text| text.len())
        });
        let audience = self.audience.get().map_or(0, |audience| audience.len() * 16);
        let kept = self.shelf.as_ref().map_or(0, |kept| kept.bytes());
        size_of::<Self>() + texts + audience + self.members.bytes() + kept
    }

    /// What a head shows of the conversation as it is now.
    pub(crate) fn freeze(&self) -> Frozen {
        let members = self.members().filter_map(Member::listed);
        let info = self.info.as_ref();
        Frozen {
            hash: self.hash,
            ordinal: self.ordinal,
            at: self.at,
            title: info.and_then(|info| info.title.clone()),
            description: info.and_then(|info| info.description.clone()),
            settings: info.map(|info| info.settings).unwrap_or_default(),
            members: members.take(limits::HEAD_MEMBERS_MAX).collect::<Vec<Listed>>(),
            member_count: self.audience().len(),
        }
    }

    fn contains(&self, seq: Seq) -> bool {
        self.seq >= Some(seq)
    }

    fn advance(&mut self, event: &Advance) {
        self.seq = Some(event.seq);
        self.at = event.at;
        self.hash = event.hash;
        self.ordinal = event.ordinal;
        if let Some(member) = self.members.get_mut(event.sender) {
            member.last_id = member.last_id.max(event.message_id);
            if event.kind.counts() {
                member.sent = Some(Mark { seq: event.seq, ordinal: event.ordinal });
            }
        }
    }

    /// Changes members and info as the event says.
    fn reshape(&mut self, event: &Event) {
        let changed = self.changes(event);
        if !changed.is_empty() {
            self.members.put(changed);
            self.audience = OnceLock::new();
        }
        let seq = event.seq;
        if let Body::Personal(change) = &event.content.body {
            let all = Arc::make_mut(self.shelf.get_or_insert_default());
            return all.put(change.conversation, seq, change.personal.clone());
        }
        if let Body::Create { kind, title, settings, region, .. } = &event.content.body {
            self.info.get_or_insert_with(|| Info {
                kind: *kind,
                title: title.clone(),
                titled: seq,
                description: None,
                described: seq,
                settings: *settings,
                set: seq,
                region: *region,
            });
        }
        let Some(info) = &mut self.info else { return };
        match &event.content.body {
            Body::Rename { title } => {
                info.title = Some(title.clone());
                info.titled = seq;
            }
            Body::Describe { text } => {
                info.description.clone_from(text);
                info.described = seq;
            }
            Body::Settings(change) => {
                info.settings = info.settings.with(*change);
                info.set = seq;
            }
            _ => {}
        }
    }
}

/// Whether events of this kind change more than counters.
const fn changes_shape(kind: Kind) -> bool {
    !matches!(kind, Kind::Text | Kind::Edit | Kind::Delete | Kind::React | Kind::Unreact)
}

#[cfg(test)]
mod tests;
