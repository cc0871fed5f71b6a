//! The moment: what the account is about to say, how it is there, and whom it watches. Said again on every new connection.

use std::time::{Duration, Instant};

use parlance_types::frame::ClientFrame;
use parlance_types::{AccountId, PresenceRequest, SignalRequest, WatchRequest, limits};

use super::{Machine, Request};

/// A watch is renewed well before it ends.
const RENEW: Duration = Duration::from_secs(limits::WATCH_SECONDS_MAX / 3 * 2);

/// What a new connection has to say again.
#[derive(Debug, Default)]
pub(super) struct Ephemera {
    pub(super) presence: Option<PresenceRequest>,
    watched: Vec<AccountId>,
    renew: Option<Instant>,
}

impl Ephemera {
    /// The server does not take it now.
    pub(super) fn renew_at(&mut self, later: Instant) {
        self.renew = Some(later);
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.renew
    }
}

impl Machine {
    /// Tells the others what the account is about to say, if there is a connection.
    pub fn signal(&mut self, signal: SignalRequest) {
        if self.is_live() {
            self.transmit(ClientFrame::Signal(signal));
        }
    }

    /// Says how the account is there, now and on every later connection.
    pub fn presence(&mut self, presence: PresenceRequest) {
        if self.is_live() {
            self.transmit(ClientFrame::Presence(presence.clone()));
        }
        self.ephemera.presence = Some(presence);
    }

    /// From now on [`super::Update::Presence`] tells how these are there, in place of those before; the first
    /// [`limits::WATCHED_MAX`] of them.
    pub fn watch(&mut self, now: Instant, mut accounts: Vec<AccountId>) {
        accounts.truncate(limits::WATCHED_MAX);
        let any = !accounts.is_empty() || !self.ephemera.watched.is_empty();
        self.ephemera.watched = accounts;
        if any && self.is_live() {
            self.watch_again(now);
        }
    }

    /// A connection is live, or a watch ends soon.
    pub(super) fn watch_again(&mut self, now: Instant) {
        let accounts = self.ephemera.watched.clone();
        self.ephemera.renew = (!accounts.is_empty()).then(|| now + RENEW);
        let id = self.request(Request::Watch);
        let seconds = limits::WATCH_SECONDS_MAX;
        self.transmit(ClientFrame::Watch(WatchRequest { id, accounts, seconds }));
    }

    pub(super) fn watch_on_new_connection(&mut self, now: Instant) {
        self.ephemera.renew = None;
        if !self.ephemera.watched.is_empty() {
            self.watch_again(now);
        }
    }

    pub(super) fn watch_if_due(&mut self, now: Instant) {
        if self.ephemera.renew.is_some_and(|renew| now >= renew) {
            self.watch_again(now);
        }
    }
}
