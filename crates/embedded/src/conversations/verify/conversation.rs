//! What the rows say of one conversation, from its first event to its head.

use std::collections::BTreeSet;

use parlance_ports::record::{self, RecordError};
use parlance_types::{AccountId, ConversationId, Hash, Ordinal, Payload, Seq};

use super::super::block::{BYTES_MAX, Block, EVENTS_MAX};
use super::super::head::StoredHead;
use super::super::index::{GROUP, Index, Indexed};
use super::super::key;
use super::super::reads::{stored_place, stored_snapshot};
use super::super::rows::{RowError, View};
use super::{Pass, Touched};

/// Where the walk over the blocks stands.
struct Walk {
    head: Seq,
    stored_open: u64,
    next: u64,
    hash: Hash,
    ordinal: Ordinal,
    sealed: u64,
    open: u64,
    index: Index,
    touched: Touched,
    /// As the overlays have it.
    overlays: Touched,
    /// What must not have content any more.
    gone: BTreeSet<Seq>,
}

impl Pass<'_> {
    pub(super) fn events(
        &mut self,
        view: &View,
        id: ConversationId,
        stored: &StoredHead,
    ) -> Result<(), RowError> {
        let (overlays, gone) = overlays(view, id)?;
        let mut walk = Walk {
            stored_open: stored.open,
            head: stored.head.seq,
            next: 1,
            hash: Hash::default(),
            ordinal: Ordinal::ZERO,
            sealed: 0,
            open: 1,
            index: Index::default(),
            touched: Touched::new(),
            overlays,
            gone,
        };
        for row in view.prefix(&key::of(key::BLOCKS, id)) {
            let (key, value) = row?;
            let block = Block::decode(&key, value)?;
            if block.summary.first != key::last_number(&key) || block.summary.first != walk.next {
                return Err(wrong(
                    id,
                    &format!(
                        "a block begins with event {} where {} was expected",
                        block.summary.first, walk.next
                    ),
                ));
            }
            self.block(view, id, &block, &key, &mut walk)?;
        }
        let head = stored.head;
        if walk.next != head.seq.get() + 1 || walk.hash != head.hash || walk.ordinal != head.ordinal
        {
            return Err(wrong(
                id,
                &format!(
                    "the blocks end at event {}, the head is event {}",
                    walk.next - 1,
                    head.seq
                ),
            ));
        }
        if (walk.open, walk.sealed) != (stored.open, stored.sealed) {
            return Err(wrong(id, "the head does not tell which blocks are sealed"));
        }
        if !walk.index.blocks.is_empty() {
            check_index(view, id, walk.sealed / GROUP, &walk.index)?;
        }
        check_changes(view, id, &walk)?;
        check_marks(view, id)?;
        match stored_snapshot(view, id)? {
            Some(snapshot) if snapshot.seq > head.seq => {
                Err(wrong(id, "the snapshot is ahead of the head"))
            }
            _ => Ok(()),
        }
    }

    fn block(
        &mut self,
        view: &View,
        id: ConversationId,
        block: &Block,
        key: &[u8],
        walk: &mut Walk,
    ) -> Result<(), RowError> {
        let summary = block.summary;
        if summary.before != walk.hash
            || super::super::block::Summary::of(&block.events, walk.hash) != Some(summary)
        {
            return Err(RowError::in_row(key, RecordError::Field("summary")));
        }
        for record in block.records(key)? {
            if let Some(target) = record.target {
                walk.touched.insert(target, record.seq);
            }
            if walk.gone.contains(&record.seq) && matches!(record.payload, Payload::Kept { .. }) {
                let what = format!("event {} is deleted and still has its content", record.seq);
                self.row_problem(Some(id), &wrong(id, &what));
            }
            (walk.hash, walk.ordinal) = (record.hash, record.ordinal);
            self.visit(&record);
        }
        walk.next = summary.last + 1;
        let count = (summary.last + 1 - summary.first) as usize;
        let is_full = count >= EVENTS_MAX || block.events.len() >= BYTES_MAX;
        // A shorter one was sealed because the next event did not fit, or became shorter when content was erased.
        let is_sealed = is_full || walk.next <= walk.head.get() || walk.next == walk.stored_open;
        if is_sealed {
            walk.open = walk.next;
            walk.sealed += 1;
            walk.index.blocks.push(Indexed::new(summary, &block.events));
            if walk.sealed.is_multiple_of(GROUP) {
                check_index(view, id, walk.sealed / GROUP - 1, &std::mem::take(&mut walk.index))?;
            }
        }
        Ok(())
    }
}

fn check_index(
    view: &View,
    id: ConversationId,
    group: u64,
    expected: &Index,
) -> Result<(), RowError> {
    match super::super::names::stored_index(view, id, group)? {
        Some(index) if index == *expected => Ok(()),
        Some(_) => Err(wrong(id, &format!("index {group} does not match its blocks"))),
        None => Err(wrong(id, &format!("index {group} is missing"))),
    }
}

/// The overlays by the last change that each has folded, and the events whose content went with a deletion.
fn overlays(view: &View, id: ConversationId) -> Result<(Touched, BTreeSet<Seq>), RowError> {
    let (mut overlays, mut gone) = (Touched::new(), BTreeSet::new());
    for row in view.prefix(&key::of(key::OVERLAYS, id)) {
        let (key, value) = row?;
        let overlay =
            record::decode_overlay(value).map_err(|error| RowError::in_row(&key, error))?;
        if let (Some(target), Some(as_of)) = (Seq::new(key::last_number(&key)), overlay.as_of) {
            overlays.insert(target, as_of);
            gone.append(&mut record::gone_with(target, &overlay));
        }
    }
    Ok((overlays, gone))
}

/// Each change has its row, and each overlay is as of the last of them.
fn check_changes(view: &View, id: ConversationId, walk: &Walk) -> Result<(), RowError> {
    let mut last = Touched::new();
    for row in view.prefix(&key::of(key::CHANGES, id)) {
        let (key, value) = row?;
        let target = value.first_chunk().copied().map(u64::from_be_bytes).and_then(Seq::new);
        let (Some(target), Some(by)) = (target, Seq::new(key::last_number(&key))) else {
            return Err(RowError::in_row(&key, RecordError::Field("target")));
        };
        last.insert(target, by);
    }
    if last != walk.touched {
        return Err(wrong(id, "the changes are not those of its events"));
    }
    if walk.overlays != walk.touched {
        return Err(wrong(id, "the overlays are not those of its events"));
    }
    Ok(())
}

/// Marks are kept twice, by conversation and by account.
fn check_marks(view: &View, id: ConversationId) -> Result<(), RowError> {
    for row in view.prefix(&key::of(key::MARKS, id)) {
        let (key, value) = row?;
        let marks = record::decode_marks(value).map_err(|error| RowError::in_row(&key, error))?;
        let account = key::id_at(&key, 16).map(AccountId::from_bytes);
        let account = account.ok_or_else(|| RowError::in_row(&key, RecordError::Short))?;
        if stored_place(view, account, id)?.is_none_or(|place| place.marks != marks) {
            return Err(wrong(id, &format!("the marks of account {account} are kept in two ways")));
        }
    }
    Ok(())
}

fn wrong(id: ConversationId, what: &str) -> RowError {
    RowError::Damaged(format!("conversation {id}: {what}"))
}
