//! The rows of one conversation, from what memory holds and what the rows hold already.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use parlance_ports::record;
use parlance_types::{AccountId, Hash, Marks, Overlay, OverlayChange, Seq};

use super::block::{self, BYTES_MAX, Block, EVENTS_MAX, Summary, walk};
use super::erasing::{erase, erase_sealed, gone_with};
use super::flushing::Copied;
use super::head::{Place, StoredHead};
use super::index::{GROUP, Index, Indexed};
use super::key;
use super::names::stored_index;
use super::reads::{stored_place, stored_snapshot};
use super::rows::{Row, RowError, RowWriter, View, name};
use super::store::stored_head;

/// The rows behind the blocks by their table. Those of most tables come in order, as their conversations do.
#[derive(Default)]
pub(super) struct Rest {
    tables: BTreeMap<u8, Vec<(u128, Row)>>,
    pub(super) bytes: usize,
}

impl Rest {
    pub(super) fn put(&mut self, key: key::Key, value: Vec<u8>) {
        self.bytes += ROW_COST + key.len() + value.len();
        if let Some(table) = key.first() {
            // The first id of the key, at hand: sorting would otherwise fetch every key again and again.
            let first = key::id_at(&key, 0).map_or(0, u128::from_be_bytes);
            self.tables.entry(*table).or_default().push((first, (key, value)));
        }
    }

    /// In the order of their keys, each once: who is mentioned twice in an event has one row.
    pub(super) fn sorted(self) -> impl Iterator<Item = Row> {
        self.tables.into_values().flat_map(|mut rows| {
            rows.sort_unstable_by(|(first, (key, _)), (other, (other_key, _))| {
                first.cmp(other).then_with(|| key.cmp(other_key))
            });
            rows.dedup_by(|(_, (key, _)), (_, (other, _))| key == other);
            rows.into_iter().map(|(_, row)| row)
        })
    }
}

/// Two vectors.
const ROW_COST: usize = 48;

/// What the rows hold now that memory must know.
pub(super) struct Built {
    /// Places of which memory did not have everything.
    pub(super) completed: Vec<(AccountId, Place)>,
    /// Events that have no content any more.
    pub(super) gone: BTreeSet<Seq>,
    /// A block was in the rows with content that it has no more.
    pub(super) has_erased: bool,
}

/// Writes the blocks and adds the other rows to `rest`.
pub(super) fn build(
    copied: &Copied,
    view: &View,
    write: &mut RowWriter<'_>,
    rest: &mut Rest,
) -> Result<Built, RowError> {
    let id = copied.id;
    let stored = if copied.flushed == 0 { None } else { stored_head(view, id)? };
    let seq = stored.map_or(0, |stored| stored.head.seq.get());
    if seq != copied.flushed {
        let what =
            format!("the head of conversation {id} is at {seq}, expected {}", copied.flushed);
        return Err(RowError::Damaged(what));
    }
    let (mut open, mut sealed) = stored.map_or((1, 0), |stored| (stored.open, stored.sealed));
    let gone = put_changes(copied, view, rest)?;
    let mut has_erased = false;
    if copied.head.seq.get() > copied.flushed {
        has_erased = erase_sealed(copied, &gone, open, view, write)?;
        let mut unsealed = unsealed(copied, stored.as_ref(), view)?;
        let left = erase(&unsealed.events, &gone);
        if let Some(left) = left.map_err(|error| RowError::in_row(&key::block(id, open), error))? {
            unsealed.events = Cow::Owned(left);
            has_erased |= gone.iter().any(|seq| seq.get() <= copied.flushed);
        }
        let blocks = blocks(&unsealed);
        for block in &blocks {
            let value = block::encode(&block.summary, block.events).map_err(RowError::Io)?;
            write(key::block(id, block.summary.first), &value)?;
        }
        let full: Vec<_> = blocks.iter().filter(|block| block.is_full).collect();
        put_index(copied, sealed, &full, view, rest)?;
        sealed += full.len() as u64;
        open = match blocks.last() {
            Some(last) if !last.is_full => last.summary.first,
            _ => copied.head.seq.get() + 1,
        };
    }
    rest.put(key::head(id), StoredHead { head: copied.head, open, sealed }.encode());
    for (account, seq) in &copied.mentions {
        rest.put(key::mention(*account, id, *seq), Vec::new());
    }
    put_snapshot(copied, view, rest)?;
    Ok(Built { completed: put_places(copied, view, rest)?, gone, has_erased })
}

/// Events that no sealed block holds, and the chain before them.
struct Unsealed<'a> {
    before: Hash,
    events: Cow<'a, [u8]>,
}

fn unsealed<'a>(
    copied: &'a Copied,
    stored: Option<&StoredHead>,
    view: &View,
) -> Result<Unsealed<'a>, RowError> {
    let Some(stored) = stored else {
        return Ok(Unsealed { before: Hash::default(), events: Cow::Borrowed(&copied.events) });
    };
    if stored.open > copied.flushed {
        let events = skip_to(&copied.events, copied.flushed + 1).1;
        return Ok(Unsealed { before: stored.head.hash, events: Cow::Borrowed(events) });
    }
    if copied.first < stored.open {
        let (before, events) = skip_to(&copied.events, stored.open);
        return Ok(Unsealed { before, events: Cow::Borrowed(events) });
    }
    let key = key::block(copied.id, stored.open);
    let value = view.get(&key)?;
    let value = value.ok_or_else(|| RowError::Damaged(format!("{} is missing", name(&key))))?;
    let block = Block::decode(&key, value)?;
    if block.summary.last != copied.flushed {
        return Err(RowError::Damaged(format!("{} does not end at the head", name(&key))));
    }
    let mut events = block.events.to_vec();
    events.extend_from_slice(skip_to(&copied.events, copied.flushed + 1).1);
    Ok(Unsealed { before: block.summary.before, events: Cow::Owned(events) })
}

/// The hash of the event before `seq` and what begins with `seq`.
fn skip_to(events: &[u8], seq: u64) -> (Hash, &[u8]) {
    let mut offset = 0;
    let mut before = Hash::default();
    for event in walk(events) {
        if event.seq() >= seq {
            break;
        }
        offset += event.length();
        before = event.hash();
    }
    (before, &events[offset..])
}

struct Part<'a> {
    summary: Summary,
    events: &'a [u8],
    is_full: bool,
}

fn blocks<'a>(unsealed: &'a Unsealed<'_>) -> Vec<Part<'a>> {
    let Unsealed { before, events } = unsealed;
    let mut parts = Vec::new();
    let mut before = *before;
    let (mut start, mut end, mut count) = (0, 0, 0);
    let mut close = |start: usize, end: usize, before: Hash, is_full| {
        let events = &events[start..end];
        if let Some(summary) = Summary::of(events, before) {
            parts.push(Part { summary, events, is_full });
        }
    };
    let mut last_hash = before;
    for event in walk(events) {
        let is_too_long = end + event.length() - start > BYTES_MAX && count > 0;
        if count == EVENTS_MAX || is_too_long {
            close(start, end, before, true);
            (start, count, before) = (end, 0, last_hash);
        }
        end += event.length();
        count += 1;
        last_hash = event.hash();
    }
    close(start, end, before, count == EVENTS_MAX || end - start >= BYTES_MAX);
    parts
}

fn put_index(
    copied: &Copied,
    mut sealed: u64,
    full: &[&Part<'_>],
    view: &View,
    rest: &mut Rest,
) -> Result<(), RowError> {
    if full.is_empty() {
        return Ok(());
    }
    let id = copied.id;
    let mut index = match sealed % GROUP {
        0 => Index::default(),
        _ => stored_index(view, id, sealed / GROUP)?.ok_or_else(|| {
            RowError::Damaged(format!("an index of conversation {id} is missing"))
        })?,
    };
    for block in full {
        index.blocks.push(Indexed::new(block.summary, block.events));
        sealed += 1;
        if sealed.is_multiple_of(GROUP) {
            rest.put(key::index(id, sealed / GROUP - 1), std::mem::take(&mut index).encode());
        }
    }
    if !index.blocks.is_empty() {
        rest.put(key::index(id, sealed / GROUP), index.encode());
    }
    Ok(())
}

/// Answers whose content goes with them.
fn put_changes(copied: &Copied, view: &View, rest: &mut Rest) -> Result<BTreeSet<Seq>, RowError> {
    let id = copied.id;
    let mut gone = BTreeSet::new();
    let mut by_target: BTreeMap<Seq, Vec<(Seq, &OverlayChange)>> = BTreeMap::new();
    for (target, by, change) in &copied.changes {
        by_target.entry(*target).or_default().push((*by, change));
        rest.put(key::change(id, by.get()), target.get().to_be_bytes().to_vec());
    }
    for (target, changes) in by_target {
        let key = key::overlay(id, target);
        let mut overlay = match view.get(&key)? {
            Some(value) => {
                record::decode_overlay(value).map_err(|error| RowError::in_row(&key, error))?
            }
            None => Overlay::default(),
        };
        for (by, change) in &changes {
            overlay.apply(*by, change);
        }
        gone.append(&mut gone_with(target, &overlay, &changes));
        let mut value = Vec::new();
        record::encode_overlay(&overlay, &mut value);
        rest.put(key, value);
    }
    Ok(gone)
}

/// Unless the rows hold a later one, which memory may have forgotten.
fn put_snapshot(copied: &Copied, view: &View, rest: &mut Rest) -> Result<(), RowError> {
    let Some(snapshot) = &copied.snapshot else { return Ok(()) };
    let stored = if copied.flushed == 0 { None } else { stored_snapshot(view, copied.id)? };
    if stored.is_none_or(|stored| stored.seq < snapshot.seq) {
        let mut value = snapshot.seq.get().to_be_bytes().to_vec();
        value.extend_from_slice(&snapshot.state);
        rest.put(key::snapshot(copied.id), value);
    }
    Ok(())
}

fn put_places(
    copied: &Copied,
    view: &View,
    rest: &mut Rest,
) -> Result<Vec<(AccountId, Place)>, RowError> {
    let id = copied.id;
    let mut completed = Vec::new();
    for kept in &copied.places {
        let account = kept.account;
        let place = if kept.is_whole {
            Cow::Borrowed(&kept.place)
        } else {
            let mut stored = stored_place(view, account, id)?.unwrap_or_default();
            stored.merge(&kept.place);
            Cow::Owned(stored)
        };
        if place.marks != Marks::default() {
            let mut value = Vec::new();
            record::encode_marks(&place.marks, &mut value);
            rest.put(key::mark(id, account), value);
        }
        rest.put(key::place(account, id), place.encode());
        if let Cow::Owned(place) = place {
            completed.push((account, place));
        }
    }
    Ok(completed)
}
