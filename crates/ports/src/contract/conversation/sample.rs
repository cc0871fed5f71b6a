//! Events of conversations, made as the engine would make them but without deciding anything.

use std::sync::Arc;

use bytes::Bytes;
use parlance_types::{
    AccountId, ConversationId, ConversationKind, Emoji, Entry, Hash, Interval, Kind, Mark, Marks,
    Membership, MessageId, Micros, Ordinal, OverlayChange, Payload, Position, Record, Role, Rows,
    Salt, Seq,
};

use crate::conversation::{Direction, RangeQuery};
use crate::sink::{Group, MarkRow};

/// When the first event of every sample happened.
const BEGIN_MS: u64 = 1_795_430_000_000;
/// Between two events: long enough that the times of ids matter over a few blocks.
const STEP_MS: u64 = 20_000;

pub fn account(number: u8) -> AccountId {
    AccountId::from_bytes([number; 16])
}

pub fn conversation(number: u8) -> ConversationId {
    ConversationId::from_hash(ConversationKind::Group, [number; 16])
}

/// # Panics
/// If there is no such seq.
pub fn seq(value: u64) -> Seq {
    Seq::new(value).expect("a sample has a seq")
}

/// Everything from the first event on.
pub fn all(id: ConversationId) -> RangeQuery {
    RangeQuery {
        conversation: id,
        after: 0,
        up_to: None,
        direction: Direction::Ascending,
        events_max: usize::MAX,
        bytes_max: usize::MAX,
    }
}

/// 100 bytes of common words, which compress as what people write does. `below` draws a number below its argument.
pub fn words(mut below: impl FnMut(usize) -> usize) -> Bytes {
    const WORDS: [&str; 24] = [
        "the",
        "tomorrow",
        "meeting",
        "I",
        "think",
        "we",
        "should",
        "go",
        "there",
        "early",
        "because",
        "coffee",
        "train",
        "late",
        "again",
        "yes",
        "no",
        "maybe",
        "please",
        "send",
        "photos",
        "from",
        "yesterday",
        "evening",
    ];
    let mut text = String::with_capacity(128);
    while text.len() < 100 {
        text.push_str(WORDS[below(WORDS.len())]);
        text.push(' ');
    }
    text.truncate(100);
    text.into()
}

pub fn group(entries: Vec<Entry>) -> Group {
    let entries = entries.into_iter().map(Arc::new).collect();
    Group { entries, marks: Vec::new() }
}

/// That `account` has read up to `seq`, and received up to `delivered`.
pub fn mark(account: AccountId, id: ConversationId, delivered: u64, read: u64) -> MarkRow {
    let mark = |value| Seq::new(value).map(|seq| Mark { seq, ordinal: Ordinal::new(value) });
    let (delivered, read) = (mark(delivered), mark(read));
    let marks = Marks { delivered, read, position: Position::ZERO };
    MarkRow { account, conversation: id, marks }
}

/// A conversation to which events are added.
#[derive(Clone, Debug)]
pub struct Talk {
    pub id: ConversationId,
    length: u64,
    ordinal: u64,
}

impl Talk {
    pub fn new(number: u8) -> Self {
        Self { id: conversation(number), length: 0, ordinal: 0 }
    }

    /// How many events there are.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// What was made last is not there.
    pub fn back_to(&mut self, other: &Self) {
        self.clone_from(other);
    }

    /// A message. Its id's time is so much later than the event, in milliseconds.
    pub fn text(&mut self, sender: AccountId, content: &[u8], id_ahead_ms: i64) -> Entry {
        self.ordinal += 1;
        let mut entry = self.event(sender, Kind::Text, None);
        let time = entry.record.at.as_ms().saturating_add_signed(id_ahead_ms);
        entry.record.message_id = MessageId::from_time(time, random(self.length));
        let salt = Salt::from_bytes([self.length as u8; 16]);
        entry.record.payload = Payload::Kept { salt, content: Bytes::copy_from_slice(content) };
        entry
    }

    /// As many messages as asked for.
    pub fn texts(&mut self, count: u64) -> Vec<Entry> {
        (0..count)
            .map(|number| self.text(account(1), format!("text {number}").as_bytes(), 0))
            .collect()
    }

    /// A change to an earlier event.
    pub fn change(&mut self, sender: AccountId, target: Seq, change: OverlayChange) -> Entry {
        let kind = match change {
            OverlayChange::Edited => Kind::Edit,
            OverlayChange::Deleted => Kind::Delete,
            OverlayChange::Reacted { .. } => Kind::React,
            OverlayChange::Unreacted { .. } => Kind::Unreact,
        };
        let mut entry = self.event(sender, kind, Some(target));
        entry.rows.overlay = Some((target, change));
        entry
    }

    /// `joined` become members.
    pub fn add(&mut self, sender: AccountId, joined: &[AccountId]) -> Entry {
        let mut entry = self.event(sender, Kind::Add, None);
        let at = entry.record.seq;
        let interval =
            Interval { from: at, join: at, join_ordinal: Ordinal::new(self.ordinal), left: None };
        let membership = Membership {
            role: Some(Role::Member),
            intervals: vec![interval],
            as_of: at,
            frozen: None,
        };
        entry.rows.memberships =
            joined.iter().map(|account| (*account, membership.clone())).collect();
        entry.rows.mentions = joined.to_vec();
        entry
    }

    fn event(&mut self, sender: AccountId, kind: Kind, target: Option<Seq>) -> Entry {
        self.length += 1;
        let ms = BEGIN_MS + self.length * STEP_MS;
        let mut hash = *self.id.as_bytes();
        hash[..8].copy_from_slice(&self.length.to_be_bytes());
        let record = Record {
            conversation: self.id,
            seq: seq(self.length),
            at: Micros::from_ms(ms),
            sender,
            device: None,
            message_id: MessageId::from_time(ms, random(self.length)),
            kind,
            target,
            ordinal: Ordinal::new(self.ordinal),
            hash: Hash::from_bytes(hash),
            payload: Payload::Kept { salt: Salt::from_bytes([1; 16]), content: Bytes::new() },
        };
        Entry { record, rows: Rows::default() }
    }
}

pub fn thumb(account: AccountId) -> OverlayChange {
    OverlayChange::Reacted { account, emoji: emoji() }
}

pub fn no_thumb(account: AccountId) -> OverlayChange {
    OverlayChange::Unreacted { account, emoji: emoji() }
}

fn emoji() -> Emoji {
    Emoji::new("👍").expect("a thumb is an emoji")
}

/// Spread over all bits, as ids are.
fn random(number: u64) -> [u8; 10] {
    let mixed = (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes();
    let mut bytes = [0; 10];
    bytes[..8].copy_from_slice(&mixed);
    bytes
}
