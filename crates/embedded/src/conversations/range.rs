//! Events by their place: from the tail, and from blocks where the tail does not reach.

use bytes::Bytes;
use parlance_ports::{Direction, RangeQuery};
use parlance_types::{ConversationId, Record, Seq};

use super::block::Block;
use super::key;
use super::rows::{RowError, View};
use super::store::{Miss, Reach, Store};
use super::tail::{self, Budget};

pub(super) fn range(store: &Store, reach: Reach, query: RangeQuery) -> Result<Vec<Record>, Miss> {
    let RangeQuery { conversation: id, after, up_to, direction, events_max, bytes_max } = query;
    let mut table = store.locked_with(id, reach)?;
    let Some(slot) = table.slot(id) else { return Ok(Vec::new()) };
    let from = after.saturating_add(1);
    let to = up_to.map_or(u64::MAX, Seq::get).min(slot.seq());
    if from > to || events_max == 0 {
        return Ok(Vec::new());
    }
    let first = slot.tail.as_ref().map_or(slot.seq() + 1, |tail| tail.first());
    let mut budget = Budget::new(events_max, bytes_max);
    let here = match &slot.tail {
        Some(tail) => tail.range(from, to, direction, &mut budget).to_vec(),
        None => Vec::new(),
    };
    let is_done = from >= first || direction == Direction::Descending && budget.is_over();
    if is_done {
        drop(table);
        return Ok(tail::decode(&here)?);
    }
    let view = reach.view(store)?;
    drop(table);
    let here = tail::decode(&here)?;
    let deeper = Deeper { view: &view, id, from, to: to.min(first - 1) };
    match direction {
        Direction::Descending => {
            let mut records = deeper.descending(&mut budget)?;
            records.extend(here);
            Ok(records)
        }
        Direction::Ascending => {
            let mut budget = Budget::new(events_max, bytes_max);
            let mut records = deeper.ascending(&mut budget)?;
            records
                .extend(here.into_iter().take_while(|record| budget.admits(content_bytes(record))));
            Ok(records)
        }
    }
}

/// One event.
pub(super) fn event(
    store: &Store,
    reach: Reach,
    id: ConversationId,
    seq: Seq,
) -> Result<Option<Record>, Miss> {
    let query = RangeQuery {
        conversation: id,
        after: seq.get() - 1,
        up_to: Some(seq),
        direction: Direction::Ascending,
        events_max: 1,
        bytes_max: 0,
    };
    Ok(range(store, reach, query)?.pop())
}

fn content_bytes(record: &Record) -> usize {
    match &record.payload {
        parlance_types::Payload::Kept { content, .. } => content.len(),
        parlance_types::Payload::Gone { .. } => 0,
    }
}

/// A range that lies in blocks.
struct Deeper<'a> {
    view: &'a View,
    id: ConversationId,
    from: u64,
    to: u64,
}

impl Deeper<'_> {
    fn descending(&self, budget: &mut Budget) -> Result<Vec<Record>, RowError> {
        let mut records = Vec::new();
        let mut expected = self.to;
        let keys = key::block(self.id, 1)..=key::block(self.id, self.to);
        'blocks: for row in self.view.range(keys).rev() {
            for record in self.block(row?, expected)?.into_iter().rev() {
                if record.seq.get() < self.from || !budget.admits(content_bytes(&record)) {
                    expected = self.from - 1;
                    break 'blocks;
                }
                expected = record.seq.get() - 1;
                records.push(record);
            }
            if expected < self.from {
                break;
            }
        }
        if expected >= self.from {
            return Err(self.missing(self.from, expected));
        }
        records.reverse();
        Ok(records)
    }

    fn ascending(&self, budget: &mut Budget) -> Result<Vec<Record>, RowError> {
        let mut records = Vec::new();
        let mut expected = self.from;
        let mut begin = key::block(self.id, self.from);
        if self.from == 1 {
            // The first block begins with the first event, so that a young conversation needs no scan.
            let missing = || self.missing(1, self.to);
            let value = self.view.get(&begin)?.ok_or_else(missing)?;
            expected = self.admit((Bytes::from(begin), value), expected, budget, &mut records)?;
            begin = key::block(self.id, expected);
        } else {
            let below = key::block(self.id, 1)..=begin;
            let last = self.view.range(below).next_back();
            begin = last.ok_or_else(|| self.missing(self.from, self.to))??.0.to_vec();
        }
        if expected <= self.to {
            for row in self.view.range(begin..=key::block(self.id, self.to)) {
                expected = self.admit(row?, expected, budget, &mut records)?;
                if expected > self.to {
                    break;
                }
            }
        }
        if expected <= self.to {
            return Err(self.missing(expected, self.to));
        }
        Ok(records)
    }

    /// Adds the events of a block from `expected` on. Answers what is expected next, which lies behind the range once that is over.
    fn admit(
        &self,
        row: (Bytes, Bytes),
        mut expected: u64,
        budget: &mut Budget,
        records: &mut Vec<Record>,
    ) -> Result<u64, RowError> {
        for record in self.block(row, expected)? {
            if record.seq.get() < expected {
                continue;
            }
            if record.seq.get() > self.to || !budget.admits(content_bytes(&record)) {
                return Ok(self.to + 1);
            }
            expected = record.seq.get() + 1;
            records.push(record);
        }
        Ok(expected)
    }

    /// The events of a block that must hold `expected`, up to the end of the range.
    fn block(&self, (key, value): (Bytes, Bytes), expected: u64) -> Result<Vec<Record>, RowError> {
        let block = Block::decode(&key, value)?;
        let summary = block.summary;
        if expected < summary.first || summary.last < expected {
            return Err(self.missing(expected, expected));
        }
        let mut records = block.records(&key)?;
        records.truncate((self.to + 1).saturating_sub(summary.first) as usize);
        Ok(records)
    }

    fn missing(&self, from: u64, to: u64) -> RowError {
        RowError::Damaged(format!("events {from} to {to} of conversation {} are missing", self.id))
    }
}
