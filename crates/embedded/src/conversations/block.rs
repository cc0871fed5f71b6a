//! A block: some consecutive events of a conversation, compressed, behind a summary that tells whether to look inside.
//!
//! The last block of a conversation is *open*: a flush writes it again under the same key until it is full, then it is sealed
//! for good.

use std::cell::RefCell;

use bytes::{Buf, Bytes};
use parlance_ports::record::{self, Peek, RecordError};
use parlance_types::{Hash, MessageId, Micros, Ordinal, Record};

use super::rows::RowError;

/// Events in a sealed block, at most.
pub(super) const EVENTS_MAX: usize = 64;
/// Bytes of a sealed block before compression, unless one event alone is larger.
pub(super) const BYTES_MAX: usize = 16 * 1024;
/// What a block may claim to unpack to: one event of the greatest size and some.
const UNPACKED_MAX: usize = 16 << 20;
/// Below the ordinary levels: it still finds repeated ids, takes a fifth more room than level 1 and half of its time, and the flusher
/// shares a core with everybody.
const LEVEL: i32 = -3;
const VERSION: u8 = 1;

/// What is known about a block without unpacking it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Summary {
    pub(super) first: u64,
    pub(super) last: u64,
    /// Ordinal of the first event.
    pub(super) ordinal: Ordinal,
    /// The chain before the first event; zeros in front of event 1.
    pub(super) before: Hash,
    /// Milliseconds in the message ids.
    pub(super) id_ms_least: u64,
    pub(super) id_ms_greatest: u64,
    /// Of the last event.
    pub(super) at: Micros,
}

pub(super) const SUMMARY_SIZE: usize = 3 * 8 + 16 + 3 * 8;

impl Summary {
    /// Of events that this process encoded; `None` if there are none.
    pub(super) fn of(events: &[u8], before: Hash) -> Option<Self> {
        let mut all = walk(events);
        let first = all.next()?;
        let id_ms = first.message_id().unix_ms();
        let mut summary = Self {
            first: first.seq(),
            last: first.seq(),
            ordinal: first.ordinal(),
            before,
            id_ms_least: id_ms,
            id_ms_greatest: id_ms,
            at: first.at(),
        };
        for event in all {
            let id_ms = event.message_id().unix_ms();
            summary.last = event.seq();
            summary.id_ms_least = summary.id_ms_least.min(id_ms);
            summary.id_ms_greatest = summary.id_ms_greatest.max(id_ms);
            summary.at = event.at();
        }
        Some(summary)
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        for number in [self.first, self.last, self.ordinal.get()] {
            out.extend_from_slice(&number.to_be_bytes());
        }
        out.extend_from_slice(self.before.as_bytes());
        for number in [self.id_ms_least, self.id_ms_greatest, self.at.get()] {
            out.extend_from_slice(&number.to_be_bytes());
        }
    }

    pub(super) fn decode(bytes: &mut Bytes) -> Result<Self, RecordError> {
        if bytes.len() < SUMMARY_SIZE {
            return Err(RecordError::Short);
        }
        let (first, last, ordinal) = (bytes.get_u64(), bytes.get_u64(), bytes.get_u64());
        let mut before = [0; 16];
        bytes.copy_to_slice(&mut before);
        let summary = Self {
            first,
            last,
            ordinal: Ordinal::new(ordinal),
            before: Hash::from_bytes(before),
            id_ms_least: bytes.get_u64(),
            id_ms_greatest: bytes.get_u64(),
            at: Micros::new(bytes.get_u64()),
        };
        if first == 0 || last < first { Err(RecordError::Field("block")) } else { Ok(summary) }
    }
}

/// The events of some encoded records, by their headers.
pub(super) fn walk(events: &[u8]) -> impl Iterator<Item = Peek<'_>> {
    let mut rest = events;
    std::iter::from_fn(move || {
        let event = Peek::new(rest)?;
        rest = rest.get(event.length()..)?;
        Some(event)
    })
}

/// What a filter keeps of a message id: its last bits, which are random. One of 65,536 others looks the same.
pub(super) fn fingerprint(id: MessageId) -> u16 {
    let bytes = id.as_bytes();
    u16::from_be_bytes([bytes[14], bytes[15]])
}

/// Below, compressing costs more than it saves: a block of a few events is soon written again.
const PACKED_MIN: usize = 1024;

pub(super) fn encode(summary: &Summary, events: &[u8]) -> std::io::Result<Vec<u8>> {
    let packed = if events.len() < PACKED_MIN { None } else { Some(compress(events)?) };
    let packed = packed.as_deref().filter(|packed| packed.len() < events.len());
    let stored = packed.unwrap_or(events);
    let mut out = Vec::with_capacity(1 + SUMMARY_SIZE + 4 + stored.len());
    out.push(VERSION);
    summary.encode(&mut out);
    out.extend_from_slice(&(events.len() as u32).to_be_bytes());
    out.extend_from_slice(stored);
    Ok(out)
}

pub(super) struct Block {
    pub(super) summary: Summary,
    pub(super) events: Bytes,
}

impl Block {
    pub(super) fn decode(key: &[u8], value: Bytes) -> Result<Self, RowError> {
        Self::unpack(value).map_err(|error| RowError::in_row(key, error))
    }

    fn unpack(mut value: Bytes) -> Result<Self, RecordError> {
        match value.try_get_u8().map_err(|_| RecordError::Short)? {
            VERSION => {}
            other => return Err(RecordError::Version(other)),
        }
        let summary = Summary::decode(&mut value)?;
        let length = value.try_get_u32().map_err(|_| RecordError::Short)? as usize;
        if length > UNPACKED_MAX {
            return Err(RecordError::Field("length of a block"));
        }
        // As long as what it unpacks to: it is not packed.
        if value.len() == length {
            return Ok(Self { summary, events: value });
        }
        let events = decompress(&value, length).map_err(|_| RecordError::Field("compression"))?;
        if events.len() != length {
            return Err(RecordError::Field("length of a block"));
        }
        Ok(Self { summary, events: events.into() })
    }

    /// Its events, which must be those that the summary promises.
    pub(super) fn records(&self, key: &[u8]) -> Result<Vec<Record>, RowError> {
        let mut rest = self.events.clone();
        let mut records = Vec::with_capacity(EVENTS_MAX);
        let mut next = self.summary.first;
        while !rest.is_empty() {
            let record =
                record::split_record(&mut rest).map_err(|error| RowError::in_row(key, error))?;
            if record.seq.get() != next
                || super::key::id_at(key, 0) != Some(*record.conversation.as_bytes())
            {
                return Err(RowError::in_row(key, RecordError::Field("seq")));
            }
            next += 1;
            records.push(record);
        }
        if next != self.summary.last + 1 {
            return Err(RowError::in_row(key, RecordError::Short));
        }
        Ok(records)
    }
}

fn compress(events: &[u8]) -> std::io::Result<Vec<u8>> {
    thread_local! {
        static COMPRESSOR: RefCell<Option<zstd::bulk::Compressor<'static>>> = const { RefCell::new(None) };
    }
    COMPRESSOR.with_borrow_mut(|kept| {
        let compressor = match kept {
            Some(compressor) => compressor,
            None => kept.insert(zstd::bulk::Compressor::new(LEVEL)?),
        };
        compressor.compress(events)
    })
}

fn decompress(packed: &[u8], length: usize) -> std::io::Result<Vec<u8>> {
    thread_local! {
        static DECOMPRESSOR: RefCell<Option<zstd::bulk::Decompressor<'static>>> =
            const { RefCell::new(None) };
    }
    DECOMPRESSOR.with_borrow_mut(|kept| {
        let decompressor = match kept {
            Some(decompressor) => decompressor,
            None => kept.insert(zstd::bulk::Decompressor::new()?),
        };
        decompressor.decompress(packed, length)
    })
}
