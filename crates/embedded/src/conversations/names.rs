//! Finding an event by its name, however old: the tail, the open block, then sealed blocks by their index, newest first, as far
//! as the times of the log allow.

use parlance_ports::record::Peek;
use parlance_types::{AccountId, ConversationId, MessageId, Record, limits};

use super::block::{Block, walk};
use super::head::StoredHead;
use super::index::{GROUP, Index};
use super::rows::{RowError, View, name};
use super::store::{Miss, Reach, Store, stored_head};
use super::{key, tail};

/// A message id is at most this far ahead of the log when it is accepted; and a second, because times are cut to milliseconds.
const AHEAD_MS: u64 = limits::ID_AHEAD_MS_MAX + 1_000;

pub(super) fn original(
    store: &Store,
    reach: Reach,
    id: ConversationId,
    sender: AccountId,
    message_id: MessageId,
) -> Result<Option<Record>, Miss> {
    let mut table = store.locked_with(id, reach)?;
    let Some(slot) = table.slot(id) else { return Ok(None) };
    if slot.head.is_none() {
        return Ok(None);
    }
    if let Some(tail) = &slot.tail {
        if let Some(found) = tail.find(sender, message_id) {
            return Ok(tail::decode(found)?.pop());
        }
        let oldest = tail.get(tail.first()).map(|event| event.at().as_ms());
        let is_later = oldest.is_some_and(|at| at + AHEAD_MS < message_id.unix_ms());
        if tail.first() == 1 || is_later {
            return Ok(None);
        }
    }
    let view = reach.view(store)?;
    drop(table);
    let Some(stored) = stored_head(&view, id)? else { return Ok(None) };
    Ok(stored_original(&view, id, &stored, sender, message_id)?)
}

/// The open block, then sealed ones, newest first, as far as the times of the log allow.
fn stored_original(
    view: &View,
    id: ConversationId,
    stored: &StoredHead,
    sender: AccountId,
    message_id: MessageId,
) -> Result<Option<Record>, RowError> {
    if stored.open <= stored.head.seq.get()
        && let Some(found) = named_in(view, id, stored.open, sender, message_id)?
    {
        return Ok(Some(found));
    }
    for group in (0..stored.sealed.div_ceil(GROUP)).rev() {
        let Some(index) = stored_index(view, id, group)? else {
            let what = format!("index {group} of conversation {id} is missing");
            return Err(RowError::Damaged(what));
        };
        for block in index.blocks.iter().rev() {
            if block.summary.at.as_ms() + AHEAD_MS < message_id.unix_ms() {
                return Ok(None);
            }
            if block.may_hold(message_id)
                && let Some(found) = named_in(view, id, block.summary.first, sender, message_id)?
            {
                return Ok(Some(found));
            }
        }
    }
    Ok(None)
}

pub(super) fn stored_index(
    view: &View,
    id: ConversationId,
    group: u64,
) -> Result<Option<Index>, RowError> {
    let key = key::index(id, group);
    let Some(value) = view.get(&key)? else { return Ok(None) };
    Index::decode(value).map(Some).map_err(|error| RowError::in_row(&key, error))
}

fn named_in(
    view: &View,
    id: ConversationId,
    first: u64,
    sender: AccountId,
    message_id: MessageId,
) -> Result<Option<Record>, RowError> {
    let key = key::block(id, first);
    let Some(value) = view.get(&key)? else {
        return Err(RowError::Damaged(format!("{} is missing", name(&key))));
    };
    let block = Block::decode(&key, value)?;
    let named = |event: &Peek<'_>| (event.message_id(), event.sender()) == (message_id, sender);
    let Some(seq) = walk(&block.events).find(named).map(|event| event.seq()) else {
        return Ok(None);
    };
    Ok(block.records(&key)?.into_iter().find(|record| record.seq.get() == seq))
}
