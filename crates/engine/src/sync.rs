//! Listings: which conversations changed for an account since a cursor, most recent first, page by page.
//!
//! A connection registers for live events first and lists second; a listing is fixed at the position of registration. Heads come from
//! the shards, so each is exact at a point of its conversation's order and holds durable events only.

use std::collections::HashSet;

use futures_util::StreamExt;
use futures_util::stream::FuturesOrdered;
use parlance_core::{Refusal, chain, head, identity, policy};
use parlance_ports::{
    ConversationStore, Direction, HeadRow, MembershipRow, RangeQuery, StoreError,
};
use parlance_types::frame::{Cursor, Head, Last, Listing as ListingPage};
use parlance_types::{
    AccountId, ConversationId, ConversationKind, Interval, Position, Seq, limits,
};

use crate::Engine;
use crate::fetch::unavailable;
use crate::personal::View;
use crate::shard::HeadAnswer;

/// Events looked at from the end of a conversation for its last message.
const LAST_LOOK_MAX: usize = 50;

/// A listing under way: 16 bytes for each conversation that is still to come.
#[derive(Debug)]
pub struct Listing {
    account: AccountId,
    /// Least recent first, so that the next is popped.
    remaining: Vec<ConversationId>,
    /// What a cursor covers once everything was listed.
    position: Position,
    pages: u64,
    view: View,
}

impl Listing {
    /// Where the listing is fixed: what a cursor covers once all of it was sent.
    pub fn position(&self) -> Position {
        self.position
    }

    /// The `more` that asks for the next page; `None` after the last.
    pub fn more(&self) -> Option<Box<str>> {
        (!self.remaining.is_empty()).then(|| format!("{}", self.pages).into())
    }
}

impl Engine {
    /// Starts a listing of what changed for `account` after `since`, which must be of this epoch. The caller registered with
    /// the hub before.
    pub async fn list(
        &self,
        account: AccountId,
        since: Option<Position>,
    ) -> Result<Listing, Refusal> {
        let position = self.watermark().get();
        let (mut changed, view) =
            changed(&**self.store(), account, since).await.map_err(|error| unavailable(&error))?;
        changed.sort_unstable_by_key(rank);
        let remaining = changed.into_iter().map(|(_, conversation)| conversation).collect();
        Ok(Listing { account, remaining, position, pages: 0, view })
    }

    /// The next page: at most `limit` heads.
    pub async fn next_page(
        &self,
        listing: &mut Listing,
        limit: usize,
    ) -> Result<ListingPage, Refusal> {
        let limit = limit.clamp(1, limits::PAGE_HEADS_MAX);
        let rest = listing.remaining.len().saturating_sub(limit);
        let page: Vec<ConversationId> = listing.remaining[rest..].iter().rev().copied().collect();
        let heads = self.heads(listing.account, page, listing.view).await?;
        listing.remaining.truncate(rest);
        listing.pages += 1;
        let more = listing.more();
        let cursor =
            more.is_none().then_some(Cursor { epoch: self.epoch(), position: listing.position });
        let people = self.people_of(&heads).await;
        Ok(ListingPage { people, heads, more, cursor })
    }

    /// A page of the list for a door that keeps nothing between requests: `more` names where the page before ended. `None`: it does not.
    pub async fn list_after(
        &self,
        account: AccountId,
        since: Option<Position>,
        more: Option<&str>,
        limit: usize,
    ) -> Result<Option<ListingPage>, Refusal> {
        let now = self.watermark().get();
        let place = match more {
            Some(text) => match Place::parse(text) {
                Some(place) => Some(place),
                None => return Ok(None),
            },
            None => None,
        };
        let fixed = place.as_ref().map_or(now, |place| place.fixed);
        let (mut changed, view) =
            changed(&**self.store(), account, since).await.map_err(|error| unavailable(&error))?;
        changed.sort_unstable_by_key(|at| std::cmp::Reverse(rank(at)));
        changed.retain(|at| place.as_ref().is_none_or(|place| rank(at) < rank(&place.last)));
        let limit = limit.clamp(1, limits::PAGE_HEADS_MAX);
        let rest = changed.len() > limit;
        changed.truncate(limit);
        let more = changed
            .last()
            .filter(|_| rest)
            .map(|last| Place { fixed, last: *last }.to_string().into());
        let ids = changed.into_iter().map(|(_, id)| id).collect();
        let heads = self.heads(account, ids, view).await?;
        let cursor = more.is_none().then_some(Cursor { epoch: self.epoch(), position: fixed });
        let people = self.people_of(&heads).await;
        Ok(Some(ListingPage { people, heads, more, cursor }))
    }

    /// One conversation as `account` sees it.
    pub async fn head(
        &self,
        account: AccountId,
        conversation: ConversationId,
    ) -> Result<Option<Head>, Refusal> {
        let known = self
            .store()
            .membership(account, conversation)
            .await
            .map_err(|error| unavailable(&error))?;
        if known.is_none() {
            return Ok(None);
        }
        let log = self.store().membership(account, identity::devices(account)).await;
        let has_log = log.map_err(|error| unavailable(&error))?.is_some();
        let view = View { has_log, leaves_hidden_out: false };
        Ok(self.heads(account, vec![conversation], view).await?.pop())
    }

    async fn heads(
        &self,
        account: AccountId,
        conversations: Vec<ConversationId>,
        view: View,
    ) -> Result<Vec<Head>, Refusal> {
        let kept = if view.has_log && !conversations.is_empty() {
            self.ask_shelf(identity::devices(account)).await?
        } else {
            None
        };
        let asked =
            conversations.into_iter().map(|conversation| self.whole_head(account, conversation));
        let mut answers: FuturesOrdered<_> = asked.collect();
        let mut heads = Vec::with_capacity(answers.len());
        while let Some(answer) = answers.next().await {
            let head = match (answer?, &kept) {
                (Some(head), Some(kept)) => self.personally(head, kept, view).await?,
                (head, _) => head,
            };
            heads.extend(head);
        }
        Ok(heads)
    }

    async fn whole_head(
        &self,
        account: AccountId,
        conversation: ConversationId,
    ) -> Result<Option<Head>, Refusal> {
        let Some(HeadAnswer { mut head, intervals }) = self.ask_head(conversation, account).await?
        else {
            return Ok(None);
        };
        head.last = last(&**self.store(), conversation, &intervals, head.seq)
            .await
            .map_err(|error| unavailable(&error))?;
        Ok(Some(head))
    }

    async fn people_of(&self, heads: &[Head]) -> Vec<parlance_types::frame::Person> {
        let members =
            heads.iter().flat_map(|head| head.members.iter().map(|listed| listed.account));
        let senders = heads.iter().filter_map(|head| head.last.as_ref().map(|last| last.sender));
        let accounts: HashSet<AccountId> = members.chain(senders).collect();
        self.people(accounts.into_iter().collect()).await
    }
}

/// Where a page ended, and at which position the whole list is fixed.
struct Place {
    fixed: Position,
    last: (Position, ConversationId),
}

impl Place {
    fn parse(text: &str) -> Option<Self> {
        let (fixed, rest) = text.split_once('.')?;
        let (position, id) = rest.split_once('.')?;
        let number = |text: &str| text.parse().ok().map(Position::new);
        Some(Self { fixed: number(fixed)?, last: (number(position)?, id.parse().ok()?) })
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (position, id) = self.last;
        write!(f, "{}.{position}.{id}", self.fixed)
    }
}

/// The log of the own devices before all, then by the last change.
fn rank((position, id): &(Position, ConversationId)) -> (bool, Position, ConversationId) {
    (id.kind() == Some(ConversationKind::Account), *position, *id)
}

/// What changed for the account, by the position of the last change.
async fn changed(
    store: &dyn ConversationStore,
    account: AccountId,
    since: Option<Position>,
) -> Result<(Vec<(Position, ConversationId)>, View), StoreError> {
    let memberships = store.memberships(account).await?;
    let devices = identity::devices(account);
    let view = View {
        has_log: memberships.iter().any(|(id, _)| *id == devices),
        leaves_hidden_out: since.is_none(),
    };
    let ids: Vec<ConversationId> = memberships.iter().map(|(id, _)| *id).collect();
    let heads = store.heads(&ids).await?;
    let positions = memberships
        .iter()
        .zip(heads)
        .filter_map(|((id, row), end)| Some((position(row, &end?), *id)));
    let changed = positions.filter(|(position, _)| since.is_none_or(|since| *position > since));
    Ok((changed.collect(), view))
}

/// When the conversation last changed for the owner of this row: its last visible event, the membership itself, own marks, and in a direct
/// the marks of the other.
fn position(row: &MembershipRow, end: &HeadRow) -> Position {
    let own = row.position.max(row.marks.position);
    if row.membership.role.is_some() { own.max(end.position).max(end.marked) } else { own }
}

/// The last message that a reader may see.
async fn last(
    store: &dyn ConversationStore,
    conversation: ConversationId,
    intervals: &[Interval],
    up_to: Seq,
) -> Result<Option<Last>, StoreError> {
    let query = RangeQuery {
        conversation,
        after: 0,
        up_to: Some(up_to),
        direction: Direction::Descending,
        events_max: LAST_LOOK_MAX,
        bytes_max: limits::PAGE_BYTES_MAX,
    };
    let records = store.range(query).await?;
    let message = records
        .iter()
        .rev()
        .find(|record| record.kind.counts() && policy::visible(intervals, record.seq));
    let Some(record) = message else { return Ok(None) };
    let overlays = store.overlays(conversation, record.seq, record.seq).await?;
    let overlay = overlays.into_iter().next().map(|(_, overlay)| overlay).unwrap_or_default();
    let edited = overlay.edits.iter().rfind(|seq| policy::visible(intervals, **seq)).copied();
    let shown = match edited {
        Some(seq) => crate::shard::record_at(store, conversation, seq).await?,
        None => Some(record.clone()),
    };
    let event =
        shown.filter(|_| overlay.deleted.is_none()).and_then(|record| chain::event(&record).ok());
    let text =
        event.and_then(|event| event.content.body.text().map(|(text, _)| head::preview(text)));
    Ok(Some(Last { seq: record.seq, at: record.at, sender: record.sender, text }))
}
