//! What a record of the journal is: an event with its rows, or a mark.

use bytes::{Buf, Bytes};
use parlance_ports::MarkRow;
use parlance_ports::record::{self, RecordError};
use parlance_types::Entry;

// The first byte; never reuse a number.
const ENTRY: u8 = 1;
const MARK: u8 = 2;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Line {
    Entry(Entry),
    Mark(MarkRow),
}

pub(super) fn encode_entry(entry: &Entry, out: &mut Vec<u8>) {
    out.push(ENTRY);
    record::encode_entry(entry, out);
}

pub(super) fn encode_mark(row: &MarkRow, out: &mut Vec<u8>) {
    out.push(MARK);
    record::encode_mark(row, out);
}

pub(super) fn decode(mut bytes: Bytes) -> Result<Line, RecordError> {
    match bytes.first() {
        None => Err(RecordError::Short),
        Some(&ENTRY) => {
            bytes.advance(1);
            record::decode_entry(bytes).map(Line::Entry)
        }
        Some(&MARK) => {
            bytes.advance(1);
            record::decode_mark(bytes).map(Line::Mark)
        }
        Some(_) => Err(RecordError::Field("kind of record")),
    }
}
