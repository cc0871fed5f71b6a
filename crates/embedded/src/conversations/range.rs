//! Events by their place: from the tail, and from blocks where the tail does not reach.

use bytes::Bytes;
use parlance_ports::{Direction, RangeQuery};
use parlance_types::{ConversationId, Record, Seq};

use super::block::{Block, EVENTS_MAX};
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

/// Where the block that holds `seq` begins, if it and all before it are full.
fn begin_if_full(seq: u64) -> u64 {
    let full = EVENTS_MAX as u64;
    (seq - 1) / full * full + 1
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
        let mut expected = self.guessed(budget, &mut records)?;
        if expected >= self.from {
            let keys = key::block(self.id, 1)..=key::block(self.id, expected);
            for row in self.view.range(keys).rev() {
                let block = self.block(row?, expected)?;
                expected = self.admit_back(block, expected, budget, &mut records);
                if expected < self.from {
                    break;
                }
            }
        }
        if expected >= self.from {
            return Err(self.missing(self.from, expected));
        }
        records.reverse();
        Ok(records)
    }

    /// Takes blocks from the end on as long as they begin where they would if all were full of events, as most are: that costs a look-up
    /// for each, and a scan a look into every table. Answers what is expected next.
    fn guessed(&self, budget: &mut Budget, records: &mut Vec<Record>) -> Result<u64, RowError> {
        let mut expected = self.to;
        while expected >= self.from
            && let Some(block) = self.block_at(begin_if_full(expected), expected)?
        {
            expected = self.admit_back(block, expected, budget, records);
        }
        Ok(expected)
    }

    /// Adds the events of a block from `expected` on backwards. Answers what is expected next, which lies before the range once that is
    /// over.
    fn admit_back(
        &self,
        block: Vec<Record>,
        mut expected: u64,
        budget: &mut Budget,
        records: &mut Vec<Record>,
    ) -> u64 {
        for record in block.into_iter().rev() {
            if record.seq.get() > expected {
                continue;
            }
            if record.seq.get() < self.from || !budget.admits(content_bytes(&record)) {
                return self.from - 1;
            }
            expected = record.seq.get() - 1;
            records.push(record);
        }
        expected
    }

    fn ascending(&self, budget: &mut Budget) -> Result<Vec<Record>, RowError> {
        let mut records = Vec::new();
        let mut expected = self.guessed_on(budget, &mut records)?;
        if expected <= self.to {
            let below = key::block(self.id, 1)..=key::block(self.id, expected);
            let last = self.view.range(below).next_back();
            let begin = last.ok_or_else(|| self.missing(expected, self.to))??.0.to_vec();
            for row in self.view.range(begin..=key::block(self.id, self.to)) {
                let block = self.block(row?, expected)?;
                expected = self.admit(block, expected, budget, &mut records);
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

    /// As [`Deeper::guessed`], forwards: only where the first block begins is a guess, and each of the others follows the one before it.
    fn guessed_on(&self, budget: &mut Budget, records: &mut Vec<Record>) -> Result<u64, RowError> {
        let mut expected = self.from;
        let mut first = begin_if_full(expected);
        while expected <= self.to
            && let Some(block) = self.block_at(first, expected)?
        {
            expected = self.admit(block, expected, budget, records);
            first = expected;
        }
        Ok(expected)
    }

    /// Adds the events of a block from `expected` on. Answers what is expected next, which lies behind the range once that is over.
    fn admit(
        &self,
        block: Vec<Record>,
        mut expected: u64,
        budget: &mut Budget,
        records: &mut Vec<Record>,
    ) -> u64 {
        for record in block {
            if record.seq.get() < expected {
                continue;
            }
            if record.seq.get() > self.to || !budget.admits(content_bytes(&record)) {
                return self.to + 1;
            }
            expected = record.seq.get() + 1;
            records.push(record);
        }
        expected
    }

    /// The events of the block that begins with `first`, if there is one and it reaches `expected`.
    fn block_at(&self, first: u64, expected: u64) -> Result<Option<Vec<Record>>, RowError> {
        let key = key::block(self.id, first);
        let Some(value) = self.view.get(&key)? else { return Ok(None) };
        let block = Block::decode(&key, value)?;
        if block.summary.last < expected {
            return Ok(None);
        }
        block.records(&key).map(Some)
    }

    /// The events of a block that must hold `expected`.
    fn block(&self, (key, value): (Bytes, Bytes), expected: u64) -> Result<Vec<Record>, RowError> {
        let block = Block::decode(&key, value)?;
        let summary = block.summary;
        if expected < summary.first || summary.last < expected {
            return Err(self.missing(expected, expected));
        }
        block.records(&key)
    }

    fn missing(&self, from: u64, to: u64) -> RowError {
        RowError::Damaged(format!("events {from} to {to} of conversation {} are missing", self.id))
    }
}
