//! The other reads: loading, overlays, changes, memberships.

use std::collections::{BTreeMap, BTreeSet};

use bytes::{Buf, Bytes};
use parlance_ports::record::{self, RecordError};
use parlance_ports::{Direction, HeadRow, Loaded, MembershipRow, RangeQuery, Snapshot};
use parlance_types::{AccountId, ConversationId, Marks, Overlay, Position, Seq};

use super::head::Place;
use super::rows::{RowError, View};
use super::store::{Miss, Reach, Store, stored_head};
use super::{key, range};

pub(super) fn heads(
    store: &Store,
    reach: Reach,
    ids: &[ConversationId],
) -> Result<Vec<Option<HeadRow>>, Miss> {
    // All of them are brought into memory first, so that they are answered as of one moment.
    loop {
        let mut table = store.table.lock();
        let heads: Vec<_> = ids.iter().map(|id| table.slot(*id).map(|slot| slot.head)).collect();
        if heads.iter().all(Option::is_some) {
            return Ok(heads.into_iter().flatten().collect());
        }
        let drops = table.drops;
        let view = reach.view(store)?;
        drop(table);
        for (id, head) in ids.iter().zip(heads) {
            if head.is_none() {
                let head = stored_head(&view, *id)?.map(|stored| stored.head);
                store.table.lock().learn(*id, head, drops);
            }
        }
    }
}

pub(super) fn load(
    store: &Store,
    reach: Reach,
    id: ConversationId,
) -> Result<Option<Loaded>, Miss> {
    let mut table = store.locked_with(id, reach)?;
    let Some(slot) = table.slot(id) else { return Ok(None) };
    let Some(head) = slot.head else { return Ok(None) };
    let (mut snapshot, mut marks, mut is_new) = (None, BTreeMap::new(), false);
    if let Some(tail) = &slot.tail {
        snapshot.clone_from(&tail.snapshot);
        marks.extend(tail.places.iter().map(|(account, kept)| (account, kept.place.marks)));
        is_new = tail.flushed == 0;
    }
    let view = if is_new { None } else { Some(reach.view(store)?) };
    drop(table);
    if let Some(view) = &view {
        let seq = |snapshot: &Option<Snapshot>| snapshot.as_ref().map(|snapshot| snapshot.seq);
        let stored = stored_snapshot(view, id)?;
        if seq(&stored) > seq(&snapshot) {
            snapshot = stored;
        }
        if head.marked > Position::ZERO {
            merge_stored_marks(view, id, &mut marks)?;
        }
    }
    let query = RangeQuery {
        conversation: id,
        after: snapshot.as_ref().map_or(0, |snapshot| snapshot.seq.get()),
        up_to: Some(head.seq),
        direction: Direction::Ascending,
        events_max: usize::MAX,
        bytes_max: usize::MAX,
    };
    let records = range::range(store, reach, query)?;
    marks.retain(|_, marks| *marks != Marks::default());
    Ok(Some(Loaded { snapshot, records, marks: marks.into_iter().collect() }))
}

fn merge_stored_marks(
    view: &View,
    id: ConversationId,
    marks: &mut BTreeMap<AccountId, Marks>,
) -> Result<(), RowError> {
    for row in view.prefix(&key::of(key::MARKS, id)) {
        let (key, value) = row?;
        let account = key::id_at(&key, 16).map(AccountId::from_bytes);
        let account = account.ok_or_else(|| RowError::in_row(&key, RecordError::Short))?;
        let mut stored =
            record::decode_marks(value).map_err(|error| RowError::in_row(&key, error))?;
        // What memory has is newer; a mark that advances nothing does not move the position.
        let kept = marks.entry(account).or_default();
        stored.merge(kept);
        *kept = stored;
    }
    Ok(())
}

pub(super) fn stored_snapshot(
    view: &View,
    id: ConversationId,
) -> Result<Option<Snapshot>, RowError> {
    let key = key::snapshot(id);
    let Some(mut value) = view.get(&key)? else { return Ok(None) };
    let seq = value.try_get_u64().ok().and_then(Seq::new);
    let seq = seq.ok_or_else(|| RowError::in_row(&key, RecordError::Field("seq")))?;
    Ok(Some(Snapshot { seq, state: value }))
}

pub(super) fn overlays(
    store: &Store,
    reach: Reach,
    id: ConversationId,
    (from, up_to): (Seq, Seq),
) -> Result<Vec<(Seq, Overlay)>, Miss> {
    if from > up_to {
        return Ok(Vec::new());
    }
    let mut table = store.locked_with(id, reach)?;
    let Some(slot) = table.slot(id) else { return Ok(Vec::new()) };
    if slot.head.is_none_or(|head| head.seq < from) {
        return Ok(Vec::new());
    }
    let here: Vec<_> = match &slot.tail {
        None => Vec::new(),
        Some(tail) => {
            let changes = tail.changes.range((from, Seq::FIRST)..);
            let inside = changes.take_while(|((target, _), _)| *target <= up_to);
            inside.map(|(key, change)| (*key, change.clone())).collect()
        }
    };
    let mut overlays: BTreeMap<Seq, Overlay> = BTreeMap::new();
    if slot.tail.as_ref().is_none_or(|tail| from.get() < tail.first()) {
        let view = reach.view(store)?;
        drop(table);
        for row in view.range(key::overlay(id, from)..=key::overlay(id, up_to)) {
            let (key, value) = row?;
            let overlay =
                record::decode_overlay(value).map_err(|error| RowError::in_row(&key, error))?;
            if let Some(target) = Seq::new(key::last_number(&key)) {
                overlays.insert(target, overlay);
            }
        }
    }
    for ((target, by), change) in here {
        overlays.entry(target).or_default().apply(by, &change);
    }
    Ok(overlays.into_iter().collect())
}

pub(super) fn changes(
    store: &Store,
    reach: Reach,
    id: ConversationId,
    (after, up_to): (u64, Seq),
    max: usize,
) -> Result<Vec<Seq>, Miss> {
    let mut table = store.locked_with(id, reach)?;
    let Some(slot) = table.slot(id) else { return Ok(Vec::new()) };
    let seq = slot.seq();
    let first = slot.tail.as_ref().map_or(seq + 1, |tail| tail.first());
    let mut targets = BTreeSet::new();
    if let Some(tail) = &slot.tail {
        for target in tail.targets(after, up_to) {
            keep_lowest(&mut targets, target, max);
        }
    }
    if after.saturating_add(1) < first {
        let view = reach.view(store)?;
        drop(table);
        for row in view.range(key::change(id, after + 1)..=key::change(id, first - 1)) {
            let (key, mut value) = row?;
            let target = value.try_get_u64().ok().and_then(Seq::new);
            let target =
                target.ok_or_else(|| RowError::in_row(&key, RecordError::Field("target")))?;
            if target <= up_to {
                keep_lowest(&mut targets, target, max);
            }
        }
    }
    Ok(targets.into_iter().collect())
}

fn keep_lowest(targets: &mut BTreeSet<Seq>, target: Seq, max: usize) {
    targets.insert(target);
    if targets.len() > max {
        targets.pop_last();
    }
}

pub(super) fn membership(
    store: &Store,
    reach: Reach,
    account: AccountId,
    id: ConversationId,
) -> Result<Option<MembershipRow>, Miss> {
    let mut table = store.locked_with(id, reach)?;
    let kept = table.place(account, id).cloned();
    if let Some(kept) = kept.as_ref().filter(|kept| kept.is_whole) {
        return Ok(row_of(kept.place.clone()));
    }
    let view = reach.view(store)?;
    drop(table);
    let mut place = stored_place(&view, account, id)?.unwrap_or_default();
    if let Some(kept) = kept {
        place.merge(&kept.place);
    }
    Ok(row_of(place))
}

pub(super) fn stored_place(
    view: &View,
    account: AccountId,
    id: ConversationId,
) -> Result<Option<Place>, RowError> {
    let key = key::place(account, id);
    let Some(value) = view.get(&key)? else { return Ok(None) };
    decode_place(&key, value).map(Some)
}

fn decode_place(key: &[u8], value: Bytes) -> Result<Place, RowError> {
    Place::decode(value).map_err(|error| RowError::in_row(key, error))
}

pub(super) fn memberships(
    store: &Store,
    reach: Reach,
    account: AccountId,
) -> Result<Vec<(ConversationId, MembershipRow)>, Miss> {
    let table = store.table.lock();
    let kept: Vec<_> = table.places(account).map(|(id, kept)| (id, kept.place.clone())).collect();
    let view = reach.view(store)?;
    drop(table);
    let mut places: BTreeMap<ConversationId, Place> = BTreeMap::new();
    for row in view.prefix(&key::places(account)) {
        let (key, value) = row?;
        if let Some(id) = key::id_at(&key, 16) {
            places.insert(ConversationId::from_bytes(id), decode_place(&key, value)?);
        }
    }
    for (id, place) in kept {
        places.entry(id).or_default().merge(&place);
    }
    Ok(places.into_iter().filter_map(|(id, place)| Some((id, row_of(place)?))).collect())
}

/// Marks alone are no membership.
fn row_of(place: Place) -> Option<MembershipRow> {
    let (membership, position) = place.membership?;
    Some(MembershipRow { membership, position, marks: place.marks })
}
