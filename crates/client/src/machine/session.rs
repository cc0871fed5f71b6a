//! A connection's life: token, hello, ready, listings, and what follows its end.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use parlance_types::frame::{
    Bye, ClientFrame, Cursor, Head, Heads, Hello, Listing as ListingPage, Ready, Sync, SyncFrom,
};
use parlance_types::{CloseCode, ConversationId, limits};

use super::backoff::Return;
use super::replica::Replica;
use super::{GREETING, Listing, Machine, Output, Phase, Request, Update};

/// Of a conversation that was gained while the connection is live, at least this much is wanted: its first events are on their way.
const GAINED_BACKLOG_MIN: u64 = limits::PAGE_EVENTS_MAX as u64;

impl Machine {
    /// A token to connect with, or to go on with.
    pub fn authenticate(&mut self, now: Instant, token: &str) {
        self.token = Some(token.into());
        if matches!(self.phase, Phase::Unauthenticated) {
            self.phase = Phase::Waiting(now);
            self.tick(now);
        }
    }

    /// The socket is open.
    pub fn connected(&mut self, now: Instant) {
        if let (Phase::Connecting, Some(token)) = (&self.phase, &self.token) {
            let hello = Hello {
                token: token.clone(),
                cursor: self.cursor,
                presence: self.ephemera.presence.clone(),
            };
            self.phase = Phase::Greeting(now + GREETING);
            self.transmit(ClientFrame::Hello(hello));
        }
    }

    /// The socket is gone, or could not be opened.
    pub fn disconnected(&mut self, now: Instant) {
        if matches!(self.phase, Phase::Stopped | Phase::Unauthenticated | Phase::Waiting(_)) {
            return;
        }
        if self.is_live() {
            self.update(Update::Offline);
        }
        self.requests.clear();
        self.listing = None;
        self.candidate = None;
        self.behind.clear();
        self.replicas.values_mut().for_each(Replica::disconnected);
        self.outbox.disconnected();
        let next = match self.bye.take() {
            Some(bye) => self.backoff.obey(&bye, &mut self.random),
            None => Return::After(self.backoff.pause(&mut self.random)),
        };
        match next {
            Return::After(pause) => self.phase = Phase::Waiting(now + pause),
            Return::Reauthenticate => self.reauthenticate(),
            Return::Never => self.phase = Phase::Stopped,
        }
    }

    pub(super) fn hang_up(&mut self, now: Instant) {
        self.outputs.push_back(Output::Disconnect);
        self.disconnected(now);
    }

    pub(super) fn reauthenticate(&mut self) {
        self.token = None;
        self.phase = Phase::Unauthenticated;
        self.outputs.push_back(Output::Reauthenticate);
    }

    pub(super) fn said_bye(&mut self, bye: Bye) {
        if bye.code == CloseCode::ProtocolViolation {
            self.outputs.push_back(Output::Stop(bye.code));
        }
        self.bye = Some(bye);
    }

    pub(super) fn ready(&mut self, now: Instant, ready: Ready) {
        self.phase = Phase::Live;
        self.backoff.succeeded();
        self.me = Some((ready.account, ready.device));
        self.heartbeat = Duration::from_millis(ready.heartbeat_ms);
        // The first at a random fraction, so that a thousand clients that came at once do not ping at once for ever.
        self.next_ping = now + Duration::from_millis(self.random.up_to(ready.heartbeat_ms));
        let (account, device) = (ready.account, ready.device);
        self.update(Update::Ready { account, device, now: ready.now });
        self.begin_listing(!ready.resumed);
        self.listed(now, ready.listing);
        if !ready.resumed {
            self.marks.clear();
        }
        self.watch_on_new_connection(now);
        for mark in self.marks.values() {
            self.outputs.push_back(Output::Transmit(ClientFrame::Mark(*mark)));
        }
    }

    /// Pushes have stopped: list what changed since, which also makes them go on.
    pub(super) fn lagged(&mut self, cursor: Cursor) {
        if let Some(listing) = &mut self.listing {
            // Together with the rest of the listing that is under way, the pushes cover everything up to here.
            listing.then = Some(cursor);
            return;
        }
        self.candidate = Some(cursor);
        self.begin_listing(false);
        self.sync(SyncFrom::Cursor(cursor));
    }

    pub(super) fn heads(&mut self, now: Instant, heads: Heads) {
        if let Some(id) = heads.id {
            if matches!(self.requests.remove(&id), Some(Request::Sync)) {
                self.listed(now, heads.listing);
            }
            return;
        }
        self.people(&heads.listing);
        for head in heads.listing.heads {
            self.gained(now, head);
        }
    }

    fn begin_listing(&mut self, doubt: bool) {
        if doubt {
            self.replicas.values_mut().for_each(Replica::doubt);
        }
        let base = self.replicas.iter().map(|(id, replica)| (*id, replica.local())).collect();
        self.listing = Some(Listing { base, doubt, seen: HashSet::new(), then: None });
    }

    /// A page of the listing.
    fn listed(&mut self, now: Instant, page: ListingPage) {
        self.people(&page);
        for head in page.heads {
            self.head(now, head, self.options.backlog);
        }
        if let Some(more) = page.more {
            self.sync(SyncFrom::More(more));
            return;
        }
        self.candidate = page.cursor.or(self.candidate);
        let Some(listing) = self.listing.take() else { return };
        if listing.doubt {
            let gone: Vec<_> =
                listing.base.keys().filter(|id| !listing.seen.contains(id)).copied().collect();
            for conversation in gone {
                self.vanish(now, conversation);
            }
        }
        if let Some(cursor) = listing.then {
            self.lagged(cursor);
        }
    }

    fn vanish(&mut self, now: Instant, conversation: ConversationId) {
        let lives = self.with_replica(conversation, |replica, updates| {
            updates.push(Update::Truncated { conversation, prefix: None });
            replica.vanish(now, updates)
        });
        if lives == Some(false) {
            self.replicas.remove(&conversation);
        }
    }

    fn gained(&mut self, now: Instant, head: Head) {
        self.head(now, head, self.options.backlog.max(GAINED_BACKLOG_MIN));
    }

    fn head(&mut self, now: Instant, head: Head, backlog: u64) {
        let (conversation, seq, hash) = (head.conversation, head.seq, head.hash);
        let mut base = 0;
        if let Some(listing) = &mut self.listing {
            base = listing.base.get(&conversation).copied().unwrap_or_default();
            listing.seen.insert(conversation);
        }
        self.replicas
            .entry(conversation)
            .or_insert_with(|| Replica::fresh(seq, head.first, backlog));
        if let Some(account) = self.account()
            && let Some(mark) = self.marks.get(&conversation)
            && !head.marks.iter().any(|theirs| {
                theirs.account == account
                    && theirs.read >= mark.read
                    && theirs.delivered >= mark.delivered
            })
        {
            let frame = ClientFrame::Mark(*mark);
            self.transmit(frame);
        }
        if self.take_head(&head) {
            self.update(Update::Head(Box::new(head)));
        }
        self.with_replica(conversation, |replica, updates| {
            replica.head(now, (seq, hash), base, updates);
        });
    }

    fn people(&mut self, page: &ListingPage) {
        for person in &page.people {
            self.update(Update::Person(person.clone()));
        }
    }

    fn sync(&mut self, from: SyncFrom) {
        let id = self.request(Request::Sync);
        self.transmit(ClientFrame::Sync(Sync { id, from, limit: limits::PAGE_HEADS_MAX }));
    }
}
