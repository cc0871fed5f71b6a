//! Pages: ranges of a log as one reader may see them, each event as logged and beside it how it looks today.
//!
//! Whoever may not see a body never receives it: what is visible is decided by `parlance_core::policy` alone, here as everywhere.

use std::sync::Arc;

use parlance_core::{Refusal, chain, policy};
use parlance_ports::{ConversationStore, Direction, MembershipRow, RangeQuery, StoreError};
use parlance_types::frame::{Deleted, Fetch, FetchRange, Now, Page, PageEntry};
use parlance_types::{
    AccountId, Body, Code, ConversationId, Interval, Kind, Overlay, Payload, Record, Seq, limits,
};

use crate::shard::record_at;

/// A refusal for what the store could not answer; the operator finds the reason in the log.
pub(crate) fn unavailable(error: &StoreError) -> Refusal {
    tracing::error!(%error, "could not read");
    Refusal::new(Code::Unavailable)
}

/// One reader's view of one conversation.
struct View<'a> {
    store: &'a dyn ConversationStore,
    conversation: ConversationId,
    intervals: Vec<Interval>,
    /// The last and the first event that the reader may see.
    head: Seq,
    first: Seq,
}

/// The page that `account` asked for. `people` is left for the caller to fill.
pub async fn fetch(
    store: &Arc<dyn ConversationStore>,
    account: AccountId,
    asked: Fetch,
) -> Result<Page, Refusal> {
    let view = View::of(&**store, account, asked.conversation).await?;
    let limit = asked.limit.clamp(1, limits::PAGE_EVENTS_MAX);
    let page = match asked.range {
        FetchRange::After { after } => view.ascending(after, limit).await,
        FetchRange::Before { before } => view.descending(before, limit).await,
        FetchRange::Around { around } => view.around(around, limit).await,
        FetchRange::ChangesAfter { after, up_to } => view.changes(after, up_to, limit).await,
    };
    let (events, next) = page.map_err(|error| unavailable(&error))?;
    let View { conversation, head, first, .. } = view;
    Ok(Page { id: asked.id, conversation, people: Vec::new(), events, head, first, next })
}

/// A message as it was first and each edit of it above `after` that `account` may see. A page ends within its bytes, with `next`.
pub(crate) async fn versions(
    store: &Arc<dyn ConversationStore>,
    account: AccountId,
    (conversation, seq): (ConversationId, Seq),
    after: u64,
) -> Result<Page, Refusal> {
    let view = View::of(&**store, account, conversation).await?;
    let visible = seq <= view.head && policy::visible(&view.intervals, seq);
    if !visible {
        return Err(Refusal::new(Code::NotFound));
    }
    let (events, next) = view.versions(seq, after).await.map_err(|error| unavailable(&error))?;
    let View { conversation, head, first, .. } = view;
    Ok(Page { id: 0, conversation, people: Vec::new(), events, head, first, next })
}

type Entries = (Vec<PageEntry>, Option<Seq>);

impl<'a> View<'a> {
    async fn of(
        store: &'a dyn ConversationStore,
        account: AccountId,
        conversation: ConversationId,
    ) -> Result<Self, Refusal> {
        let not_found = || Refusal::new(Code::NotFound);
        let row =
            store.membership(account, conversation).await.map_err(|error| unavailable(&error))?;
        let MembershipRow { membership, .. } = row.ok_or_else(not_found)?;
        let heads = store.heads(&[conversation]).await.map_err(|error| unavailable(&error))?;
        let end = heads.into_iter().next().flatten().ok_or_else(not_found)?;
        let head = policy::last_visible(&membership.intervals, end.seq).ok_or_else(not_found)?;
        let first = policy::first_visible(&membership.intervals).ok_or_else(not_found)?;
        Ok(Self { store, conversation, intervals: membership.intervals, head, first })
    }

    async fn ascending(&self, after: u64, limit: usize) -> Result<Entries, StoreError> {
        let after = after.max(self.first.get() - 1);
        let records = self.range(after, self.head, Direction::Ascending, limit).await?;
        let last = records.last().map(|record| record.seq);
        let next = last.filter(|last| *last < self.head);
        Ok((self.entries(records).await?, next))
    }

    async fn descending(&self, before: Option<Seq>, limit: usize) -> Result<Entries, StoreError> {
        let up_to = match before {
            Some(before) => Seq::new(before.get() - 1).map(|seq| seq.min(self.head)),
            None => Some(self.head),
        };
        let Some(up_to) = up_to.filter(|up_to| *up_to >= self.first) else {
            return Ok((Vec::new(), None));
        };
        let records = self.range(self.first.get() - 1, up_to, Direction::Descending, limit).await?;
        let next = records.first().map(|record| record.seq).filter(|first| *first > self.first);
        Ok((self.entries(records).await?, next))
    }

    async fn around(&self, around: Seq, limit: usize) -> Result<Entries, StoreError> {
        let around = around.clamp(self.first, self.head);
        let half = (limit / 2).max(1);
        let mut records =
            self.range(self.first.get() - 1, around, Direction::Descending, half).await?;
        if around < self.head {
            let rest = limit.saturating_sub(half).max(1);
            records.extend(self.range(around.get(), self.head, Direction::Ascending, rest).await?);
        }
        let next = records.last().map(|record| record.seq).filter(|last| *last < self.head);
        Ok((self.entries(records).await?, next))
    }

    /// The targets at or below `up_to` that were touched after `after`, as they look today.
    async fn changes(&self, after: u64, up_to: Seq, limit: usize) -> Result<Entries, StoreError> {
        let up_to = up_to.min(self.head);
        let targets = self.store.changes(self.conversation, after, up_to, limit).await?;
        let next = if targets.len() == limit { targets.last().copied() } else { None };
        let mut records = Vec::with_capacity(targets.len());
        for target in targets {
            records.extend(record_at(self.store, self.conversation, target).await?);
        }
        Ok((self.entries(records).await?, next))
    }

    async fn versions(&self, seq: Seq, after: u64) -> Result<Entries, StoreError> {
        let overlay = self.store.overlays(self.conversation, seq, seq).await?;
        let edits = overlay.into_iter().flat_map(|(_, overlay)| overlay.edits);
        let mut left = std::iter::once(seq).chain(edits).filter(|seq| seq.get() > after);
        let (mut entries, mut bytes) = (Vec::new(), 0);
        while let Some(seq) = left.next() {
            if !policy::visible(&self.intervals, seq) {
                continue;
            }
            let Some(record) = record_at(self.store, self.conversation, seq).await? else {
                continue;
            };
            if let Payload::Kept { content, .. } = &record.payload {
                bytes += content.len();
            }
            entries.extend(self.entries(vec![record]).await?);
            if bytes > limits::PAGE_BYTES_MAX {
                return Ok((entries, left.next().map(|_| seq)));
            }
        }
        Ok((entries, None))
    }

    async fn range(
        &self,
        after: u64,
        up_to: Seq,
        direction: Direction,
        events_max: usize,
    ) -> Result<Vec<Record>, StoreError> {
        let bytes_max = limits::PAGE_BYTES_MAX;
        let query = RangeQuery {
            conversation: self.conversation,
            after,
            up_to: Some(up_to),
            direction,
            events_max,
            bytes_max,
        };
        self.store.range(query).await
    }

    /// Ascending records as this reader sees them.
    async fn entries(&self, records: Vec<Record>) -> Result<Vec<PageEntry>, StoreError> {
        let (Some(from), Some(to)) = (records.first(), records.last()) else {
            return Ok(Vec::new());
        };
        let mut overlays =
            self.store.overlays(self.conversation, from.seq, to.seq).await?.into_iter().peekable();
        let mut entries: Vec<PageEntry> = Vec::with_capacity(records.len());
        for record in records {
            while overlays.next_if(|(seq, _)| *seq < record.seq).is_some() {}
            let overlay =
                overlays.next_if(|(seq, _)| *seq == record.seq).map(|(_, overlay)| overlay);
            if policy::sees(&self.intervals, record.seq, record.target) {
                entries.push(self.entry(&record, overlay).await?);
            } else if let Some(PageEntry::Hidden { up_to, .. }) = entries.last_mut()
                && up_to.next() == record.seq
            {
                *up_to = record.seq;
            } else {
                entries.push(PageEntry::Hidden { seq: record.seq, up_to: record.seq });
            }
        }
        Ok(entries)
    }

    async fn entry(
        &self,
        record: &Record,
        overlay: Option<Overlay>,
    ) -> Result<PageEntry, StoreError> {
        if overlay.as_ref().is_some_and(|overlay| overlay.deleted.is_some()) {
            return Ok(PageEntry::Deleted(deleted(record)));
        }
        if record.kind == Kind::Edit
            && let Some(target) = record.target
        {
            let of_target = self.store.overlays(self.conversation, target, target).await?;
            if of_target.first().is_some_and(|(_, overlay)| overlay.deleted.is_some()) {
                return Ok(PageEntry::Deleted(deleted(record)));
            }
        }
        if matches!(record.payload, Payload::Gone { .. }) {
            return Ok(PageEntry::Deleted(deleted(record)));
        }
        let event = chain::event(record).map_err(|error| {
            StoreError::Damaged(format!("{} event {}: {error}", record.conversation, record.seq))
        })?;
        let now = match overlay {
            Some(overlay) => self.now(overlay).await?,
            None => None,
        };
        Ok(PageEntry::Event { event: Box::new(event), now })
    }

    /// How an event looks today to this reader: what was said of it while the reader was away is not for these eyes, even after coming
    /// back.
    async fn now(&self, overlay: Overlay) -> Result<Option<Now>, StoreError> {
        let sees = |seq: &Seq| policy::visible(&self.intervals, *seq);
        let edit = overlay.edits.iter().rfind(|seq| sees(seq)).copied();
        let reactions: Vec<_> =
            overlay.reactions.into_iter().filter(|reaction| sees(&reaction.seq)).collect();
        let Some(as_of) = overlay.as_of.map(|seq| seq.min(self.head)) else { return Ok(None) };
        let mut body = None;
        if let Some(edit) = edit
            && let Some(record) = record_at(self.store, self.conversation, edit).await?
            && let Ok(event) = chain::event(&record)
            && let Body::Edit { text, entities, .. } = event.content.body
        {
            body = Some(Body::Text { text, entities });
        }
        Ok(Some(Now { as_of, edited: edit.is_some(), body, reactions }))
    }
}

fn deleted(record: &Record) -> Deleted {
    let Record { seq, at, sender, message_id, ordinal, hash, .. } = *record;
    Deleted { seq, at, sender, message_id, ordinal, hash }
}
