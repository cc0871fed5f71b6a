//! The formats of what is stored, each with a version byte in front. Bytes written by any release load for ever.
//!
//! Integers are big-endian, ids are their 16 bytes, absence is zeros and never another form: a value has one encoding.
//! Decoding is strict and never panics; content is not copied but shared with the bytes it came from.
//!
//! An entry is a header at fixed offsets, the payload, and the rows:
//! ```text
//!   0 version  1 flags  2 kind u16     4 key_id u32 (0: clear)        8 conversation   24 seq      32 at
//!  40 sender           56 device      72 message_id                  88 target        96 ordinal 104 hash
//! 120 payload length u32             124 payload: salt and content, or the digest of what is gone
//! ```
//! The header lets a store look at an event without decoding it ([`Peek`]). This module refuses to know what content says.

mod entry;
mod erase;
mod fuzz;
mod input;
mod membership;
mod overlay;
mod peek;
#[cfg(test)]
mod tests;

use bytes::Bytes;
use parlance_types::{Entry, Marks, Membership, Overlay, Record};
use thiserror::Error;

use crate::MarkRow;
use input::Input;

pub use erase::{erased, gone_with, is_same_event};
pub use fuzz::fuzz_entry;
pub use peek::Peek;

/// Why bytes are not what they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RecordError {
    /// There is less than the format asks for.
    #[error("the bytes end too early")]
    Short,
    /// There is more than the format asks for.
    #[error("there are bytes behind the end")]
    Long,
    /// Written by a later release, or not a record.
    #[error("version {0} is not known")]
    Version(u8),
    /// Encrypted under a key that nothing here knows.
    #[error("key {0} is not known")]
    Key(u32),
    /// A value that this field cannot have.
    #[error("{0} has a value that it cannot have")]
    Field(&'static str),
}

/// Adds the encoding of an event and its rows.
pub fn encode_entry(entry: &Entry, out: &mut Vec<u8>) {
    entry::encode_record(&entry.record, out);
    entry::encode_rows(&entry.rows, out);
}

/// An event and its rows; the content is a slice of `bytes`.
pub fn decode_entry(bytes: Bytes) -> Result<Entry, RecordError> {
    let mut input = Input::new(bytes);
    let record = entry::decode_record(&mut input)?;
    let rows = entry::decode_rows(&mut input)?;
    input.finish(Entry { record, rows })
}

/// Adds the encoding of an event without rows. It knows its own length, so records may lie one behind the other.
pub fn encode_record(record: &Record, out: &mut Vec<u8>) {
    entry::encode_record(record, out);
}

/// Bytes that [`encode_record`] adds.
pub fn record_length(record: &Record) -> usize {
    entry::record_length(record)
}

/// Takes the first record off the front of `bytes`.
pub fn split_record(bytes: &mut Bytes) -> Result<Record, RecordError> {
    let mut input = Input::new(bytes.clone());
    let record = entry::decode_record(&mut input)?;
    *bytes = input.into_rest();
    Ok(record)
}

/// Adds the encoding of a mark with its position.
pub fn encode_mark(row: &MarkRow, out: &mut Vec<u8>) {
    out.push(VERSION);
    out.extend_from_slice(row.account.as_bytes());
    out.extend_from_slice(row.conversation.as_bytes());
    membership::encode_marks(&row.marks, out);
}

/// A mark with its position.
pub fn decode_mark(bytes: Bytes) -> Result<MarkRow, RecordError> {
    let mut input = Input::new(bytes);
    input.version()?;
    let (account, conversation) = (input.account()?, input.conversation()?);
    let marks = membership::decode_marks(&mut input)?;
    input.finish(MarkRow { account, conversation, marks })
}

/// Adds the encoding of marks alone.
pub fn encode_marks(marks: &Marks, out: &mut Vec<u8>) {
    out.push(VERSION);
    membership::encode_marks(marks, out);
}

/// Marks alone.
pub fn decode_marks(bytes: Bytes) -> Result<Marks, RecordError> {
    let mut input = Input::new(bytes);
    input.version()?;
    let marks = membership::decode_marks(&mut input)?;
    input.finish(marks)
}

/// Adds the encoding of an account's place in a conversation.
pub fn encode_membership(membership: &Membership, out: &mut Vec<u8>) {
    out.push(VERSION);
    membership::encode(membership, out);
}

/// An account's place in a conversation.
pub fn decode_membership(bytes: Bytes) -> Result<Membership, RecordError> {
    let mut input = Input::new(bytes);
    input.version()?;
    let membership = membership::decode(&mut input)?;
    input.finish(membership)
}

/// Adds the encoding of everything that changed an event.
pub fn encode_overlay(overlay: &Overlay, out: &mut Vec<u8>) {
    out.push(VERSION);
    overlay::encode(overlay, out);
}

/// Everything that changed an event.
pub fn decode_overlay(bytes: Bytes) -> Result<Overlay, RecordError> {
    let mut input = Input::new(bytes);
    input.version()?;
    let overlay = overlay::decode(&mut input)?;
    input.finish(overlay)
}

const VERSION: u8 = 1;
