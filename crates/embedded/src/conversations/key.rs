//! The tables of the rows and their keys: a byte for the table, then big-endian fields, so that what belongs together lies together.
//!
//! | table | key | value |
//! |---|---|---|
//! | blocks | conversation, first seq | events, compressed |
//! | indexes | conversation, group of 64 sealed blocks | their summaries with the fingerprints of their message ids |
//! | heads | conversation | the end, and where the open block begins |
//! | snapshots | conversation | seq and state |
//! | places | account, conversation | membership and marks |
//! | marks | conversation, account | marks |
//! | overlays | conversation, target | what changed it |
//! | changes | conversation, seq | target |
//! | mentions | account, conversation, seq | nothing |
//! | checkpoint | – | what the rows contain |
//! | erased | – | how many passes have erased content |
//! | compacted | – | up to which of them older versions of rows are gone from the disk |

use parlance_types::{AccountId, ConversationId, Seq};

// Never reuse a number. Blocks come first: they are written as they are made, all other rows behind them.
pub(super) const BLOCKS: u8 = 1;
pub(super) const INDEXES: u8 = 2;
pub(super) const HEADS: u8 = 3;
pub(super) const SNAPSHOTS: u8 = 4;
pub(super) const PLACES: u8 = 5;
pub(super) const MARKS: u8 = 6;
pub(super) const OVERLAYS: u8 = 7;
pub(super) const CHANGES: u8 = 8;
pub(super) const MENTIONS: u8 = 9;
pub(super) const CHECKPOINT: u8 = 10;
pub(super) const ERASED: u8 = 11;
pub(super) const COMPACTED: u8 = 12;

pub(super) type Key = Vec<u8>;

pub(super) fn block(id: ConversationId, first: u64) -> Key {
    of_seq(BLOCKS, id, first)
}

pub(super) fn index(id: ConversationId, group: u64) -> Key {
    of_seq(INDEXES, id, group)
}

pub(super) fn head(id: ConversationId) -> Key {
    of(HEADS, id)
}

pub(super) fn snapshot(id: ConversationId) -> Key {
    of(SNAPSHOTS, id)
}

pub(super) fn place(account: AccountId, id: ConversationId) -> Key {
    join(PLACES, &[account.as_bytes(), id.as_bytes()])
}

/// What all places of an account begin with.
pub(super) fn places(account: AccountId) -> Key {
    join(PLACES, &[account.as_bytes()])
}

pub(super) fn mark(id: ConversationId, account: AccountId) -> Key {
    join(MARKS, &[id.as_bytes(), account.as_bytes()])
}

/// What all rows of a conversation in `table` begin with.
pub(super) fn of(table: u8, id: ConversationId) -> Key {
    join(table, &[id.as_bytes()])
}

pub(super) fn overlay(id: ConversationId, target: Seq) -> Key {
    of_seq(OVERLAYS, id, target.get())
}

pub(super) fn change(id: ConversationId, seq: u64) -> Key {
    of_seq(CHANGES, id, seq)
}

pub(super) fn mention(account: AccountId, id: ConversationId, seq: Seq) -> Key {
    join(MENTIONS, &[account.as_bytes(), id.as_bytes(), &seq.get().to_be_bytes()])
}

pub(super) fn checkpoint() -> Key {
    vec![CHECKPOINT]
}

pub(super) fn erased() -> Key {
    vec![ERASED]
}

pub(super) fn compacted() -> Key {
    vec![COMPACTED]
}

/// The number at the end of a key.
pub(super) fn last_number(key: &[u8]) -> u64 {
    key.last_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes))
}

/// The id that begins `from` bytes behind the table.
pub(super) fn id_at(key: &[u8], from: usize) -> Option<[u8; 16]> {
    key.get(1 + from..)?.first_chunk().copied()
}

fn of_seq(table: u8, id: ConversationId, number: u64) -> Key {
    join(table, &[id.as_bytes(), &number.to_be_bytes()])
}

fn join(table: u8, parts: &[&[u8]]) -> Key {
    let mut key = Vec::with_capacity(1 + 16 + 16 + 8);
    key.push(table);
    for part in parts {
        key.extend_from_slice(part);
    }
    key
}
