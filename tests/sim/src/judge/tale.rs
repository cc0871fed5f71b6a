//! One conversation as the store has it in the end, checked record by record and read the naive way.

use std::collections::BTreeSet;

use parlance_types::{AccountId, ConversationId, Kind, Payload, Record, Seq};

use super::content::{self, Content};
use super::members::Members;

pub(super) struct Tale {
    pub(super) records: Vec<Record>,
    pub(super) contents: Vec<Content>,
    pub(super) members: Members,
}

/// How a message looks at some point.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Look {
    pub(super) edited: Option<String>,
    pub(super) reactions: Vec<(AccountId, String)>,
}

impl Tale {
    /// Reads the records of a conversation; `blame` gets what is wrong with them.
    pub(super) fn read(
        id: ConversationId,
        records: Vec<Record>,
        mut blame: impl FnMut(String),
    ) -> Self {
        let mut hash = truncated(&[b"parlance.v1".as_slice(), id.as_bytes()].concat());
        let (mut at, mut ordinal) = (0, 0);
        let mut names = BTreeSet::new();
        let mut members = Members::default();
        let mut contents = Vec::new();
        let erased = erased(&records);
        for (index, record) in records.iter().enumerate() {
            let seq = index as u64 + 1;
            if record.seq.get() != seq {
                blame(format!("{id} has {} in the place of {seq}", record.seq));
            }
            hash = link(hash, record);
            if record.hash.as_bytes() != &hash {
                blame(format!("{id} {seq} does not continue the chain"));
            }
            if record.at.get() <= at {
                blame(format!("{id} {seq} is not later than the one before"));
            }
            ordinal += u64::from(record.kind == Kind::Text);
            if record.ordinal.get() != ordinal {
                blame(format!("{id} {seq} has ordinal {} and not {ordinal}", record.ordinal));
            }
            if !names.insert((record.sender, record.message_id)) {
                blame(format!("{id} {seq} repeats {}", record.message_id));
            }
            at = record.at.get();
            let content = match &record.payload {
                Payload::Gone { .. } if erased.contains(&seq) => {
                    Content { target: record.target.map(Seq::get), ..Content::default() }
                }
                _ => read(record).unwrap_or_else(|| {
                    blame(format!("{id} {seq} cannot be read"));
                    Content::default()
                }),
            };
            if erased.contains(&seq) && matches!(record.payload, Payload::Kept { .. }) {
                blame(format!("{id} {seq} was deleted and keeps its content"));
            }
            if content.target != record.target.map(Seq::get) {
                blame(format!("{id} {seq} has two targets"));
            }
            let is_in = members.present(record.sender, seq - 1);
            if !is_in && record.kind != Kind::Create {
                blame(format!("{id} {seq} was written by somebody who was not in"));
            }
            members.apply(seq, record.kind, record.sender, &content);
            contents.push(content);
        }
        Self { records, contents, members }
    }

    pub(super) fn length(&self) -> u64 {
        self.records.len() as u64
    }

    pub(super) fn record(&self, seq: u64) -> Option<&Record> {
        self.records.get(seq.checked_sub(1)? as usize)
    }

    /// Whether `account` may see the body of `seq`, knowing the log up to `as_of`: its target must be seen too.
    pub(super) fn sees(&self, account: AccountId, seq: u64, as_of: u64) -> bool {
        let target = self.record(seq).and_then(|record| record.target);
        self.members.sees(account, seq, as_of)
            && target.is_none_or(|target| self.members.sees(account, target.get(), as_of))
    }

    /// The event by which `seq`, or the message that it edits, was deleted.
    pub(super) fn deleted(&self, seq: u64) -> Option<u64> {
        let record = self.record(seq)?;
        let message = match record.target {
            Some(target) if record.kind == Kind::Edit => target.get(),
            _ => seq,
        };
        let by = self.touching(message).find(|(_, record)| record.kind == Kind::Delete);
        by.map(|(seq, _)| seq)
    }

    /// What became of message `seq` by events that `account` may see. What was taken back is gone for everybody, as with deletions.
    pub(super) fn look(&self, account: AccountId, seq: u64) -> Look {
        let sees = |by| self.members.sees(account, by, self.length());
        let mut look = Look::default();
        let mut reactions = Vec::new();
        for (by, record) in self.touching(seq) {
            let content = &self.contents[by as usize - 1];
            let emoji = content.emoji.clone().unwrap_or_default();
            match record.kind {
                Kind::Edit if sees(by) => look.edited.clone_from(&content.text),
                Kind::React => reactions.push((by, (record.sender, emoji))),
                Kind::Unreact => {
                    reactions.retain(|(_, known)| *known != (record.sender, emoji.clone()));
                }
                _ => {}
            }
        }
        reactions.retain(|(by, _)| sees(*by));
        look.reactions = reactions.into_iter().map(|(_, reaction)| reaction).collect();
        look
    }

    /// What people wrote in `seq`; nothing once it is deleted.
    pub(super) fn text(&self, seq: u64) -> Option<&str> {
        let index = seq.checked_sub(1)? as usize;
        let wrote = matches!(self.records.get(index)?.kind, Kind::Text | Kind::Edit);
        self.contents.get(index)?.text.as_deref().filter(|_| wrote)
    }

    /// The events that name `seq` as their target.
    pub(super) fn touching(&self, seq: u64) -> impl Iterator<Item = (u64, &Record)> {
        let numbered = (1..).zip(&self.records);
        numbered.filter(move |(_, record)| record.target.is_some_and(|target| target.get() == seq))
    }
}

/// The messages that were deleted, and every edit of them: what a store forgets the content of.
fn erased(records: &[Record]) -> BTreeSet<u64> {
    let target = |record: &Record| record.target.map(Seq::get);
    let of = |kind| move |record: &&Record| record.kind == kind;
    let deleted: BTreeSet<u64> =
        records.iter().filter(of(Kind::Delete)).filter_map(target).collect();
    let edits = records.iter().filter(of(Kind::Edit));
    let edits = edits.filter(|edit| target(edit).is_some_and(|seq| deleted.contains(&seq)));
    let edits: Vec<u64> = edits.map(|edit| edit.seq.get()).collect();
    deleted.into_iter().chain(edits).collect()
}

fn read(record: &Record) -> Option<Content> {
    match &record.payload {
        Payload::Kept { content, .. } => content::read(content),
        Payload::Gone { .. } => None,
    }
}

/// The chain as the documentation has it: big-endian integers, absent ids as zeros, 16 bytes of blake3.
fn link(previous: [u8; 16], record: &Record) -> [u8; 16] {
    let digest = match &record.payload {
        Payload::Kept { salt, content } => {
            *blake3::hash(&[salt.as_bytes().as_slice(), content].concat()).as_bytes()
        }
        Payload::Gone { digest } => *digest.as_bytes(),
    };
    let device = record.device.map_or([0; 16], |device| *device.as_bytes());
    let mut bytes = previous.to_vec();
    bytes.extend_from_slice(&record.seq.get().to_be_bytes());
    bytes.extend_from_slice(&record.at.get().to_be_bytes());
    bytes.extend_from_slice(record.sender.as_bytes());
    bytes.extend_from_slice(&device);
    bytes.extend_from_slice(record.message_id.as_bytes());
    bytes.extend_from_slice(&(record.kind as u16).to_be_bytes());
    bytes.extend_from_slice(&digest);
    truncated(&bytes)
}

fn truncated(bytes: &[u8]) -> [u8; 16] {
    let mut first = [0; 16];
    first.copy_from_slice(&blake3::hash(bytes).as_bytes()[..16]);
    first
}
