//! Deletion reaches the disk: the pass that brings a deletion into the rows writes every block that holds what was said once more,
//! without it.
//!
//! Invariant: where the rows call an event deleted, no block that they list has its content, nor that of its edits; and no tail that a
//! block may be built from. Older versions of a block stay in the tables of the LSM until those are compacted (`compacting`).

use std::collections::BTreeSet;

use parlance_ports::record::{self, RecordError};
use parlance_types::{Overlay, OverlayChange, Seq};

use super::block::{self, Block, walk};
use super::flushing::Copied;
use super::key;
use super::rows::{RowError, RowWriter, View, name};

/// What this change to `target`, folded into its overlay, makes go.
pub(super) fn gone_with(
    target: Seq,
    overlay: &Overlay,
    changes: &[(Seq, &OverlayChange)],
) -> BTreeSet<Seq> {
    let says = |(_, change): &(Seq, &OverlayChange)| {
        matches!(change, OverlayChange::Deleted | OverlayChange::Edited)
    };
    if changes.iter().any(says) { record::gone_with(target, overlay) } else { BTreeSet::new() }
}

/// Some encoded events without the content of those in `gone`. `None`: they hold nothing of it.
pub(super) fn erase(events: &[u8], gone: &BTreeSet<Seq>) -> Result<Option<Vec<u8>>, RecordError> {
    let goes = |seq: u64| Seq::new(seq).is_some_and(|seq| gone.contains(&seq));
    if gone.is_empty() || !walk(events).any(|event| !event.is_gone() && goes(event.seq())) {
        return Ok(None);
    }
    let mut left = Vec::with_capacity(events.len());
    let mut rest = events;
    for event in walk(events) {
        let (event_bytes, behind) = rest.split_at(event.length());
        rest = behind;
        if event.is_gone() || !goes(event.seq()) {
            left.extend_from_slice(event_bytes);
            continue;
        }
        let mut event_bytes = bytes::Bytes::copy_from_slice(event_bytes);
        let record = record::split_record(&mut event_bytes)?;
        record::encode_record(&record::erased(record), &mut left);
    }
    Ok(Some(left))
}

/// Writes the sealed blocks again that hold any of `gone`, all of which lie before event `open`. Answers whether there are any.
pub(super) fn erase_sealed(
    copied: &Copied,
    gone: &BTreeSet<Seq>,
    open: u64,
    view: &View,
    write: &mut RowWriter<'_>,
) -> Result<bool, RowError> {
    let id = copied.id;
    let mut erased_any = false;
    let mut next = 1;
    for seq in gone.iter().map(|seq| seq.get()).take_while(|seq| *seq < open) {
        if seq < next {
            continue;
        }
        let Some(row) = view.range(key::block(id, 1)..=key::block(id, seq)).next_back() else {
            return Err(missing(id, seq));
        };
        let (key, value) = row?;
        let block = Block::decode(&key, value)?;
        if block.summary.last < seq {
            return Err(missing(id, seq));
        }
        next = block.summary.last + 1;
        let left = erase(&block.events, gone).map_err(|error| RowError::in_row(&key, error))?;
        if let Some(left) = left {
            erased_any = true;
            let value = block::encode(&block.summary, &left).map_err(RowError::Io)?;
            write(key.to_vec(), &value)?;
        }
    }
    Ok(erased_any)
}

fn missing(id: parlance_types::ConversationId, seq: u64) -> RowError {
    RowError::Damaged(format!("{} that holds event {seq} is missing", name(&key::block(id, seq))))
}
