//! The moment at the doors: who is about to say something, and who is there.

use std::sync::Arc;
use std::time::Duration;

use hashbrown::HashMap;
use parlance_core::{Refusal, identity};
use parlance_types::{AccountId, Code, Micros, PresenceRequest, SignalRequest, WatchRequest};

use super::{Engine, REQUESTS_MAX};
use crate::outlet::{Outlet, Peer};
use crate::presence::Watched;
use crate::shard::Request;
use parlance_ports::SEEN_MAX;

/// How often watchers are told what changed.
const PUBLISH_EVERY: Duration = Duration::from_millis(100);
/// How often it is stored when accounts were last seen.
const SAVE_EVERY: Duration = Duration::from_mins(1);

impl Engine {
    /// Passes on what the account behind `outlet` is about to say; it is told only if that is refused. Dropped where a shard has much
    /// to do.
    pub fn signal(&self, outlet: Arc<dyn Outlet>, signal: SignalRequest) -> Result<(), Refusal> {
        let requests = &self.door(signal.conversation).requests;
        if requests.capacity() < REQUESTS_MAX / 2 {
            return Ok(());
        }
        let is_closed = self.accounts.is_closed(signal.conversation);
        self.ask(Request::Signal { signal, outlet, is_closed })
    }

    /// The connection of `peer`, which may be about to come, says how its account is there.
    pub fn say_presence(&self, peer: Peer, said: &PresenceRequest) {
        self.shared.hub.presence().say(&self.shared.hub, peer, said);
    }

    /// Tells a new connection what the person chose on another device.
    pub fn tell_presence(&self, outlet: &dyn Outlet) {
        self.shared.hub.presence().greet(&self.shared.hub, outlet);
    }

    /// From now on `outlet` is told of the presence of these accounts, beginning with how they are. Of those with whom its account has no
    /// direct conversation, or one that a block closed, it learns nothing: they look offline.
    pub async fn watch(&self, outlet: Arc<dyn Outlet>, watch: WatchRequest) -> Result<(), Refusal> {
        let WatchRequest { id: _, mut accounts, seconds } = watch;
        accounts.sort_unstable();
        accounts.dedup();
        let own = outlet.peer().account;
        let mut allowed = Vec::with_capacity(accounts.len());
        for account in &accounts {
            allowed.push(self.may_watch(own, *account).await?);
        }
        let visible = accounts.iter().zip(&allowed).filter(|(_, allowed)| **allowed);
        let visible = visible.map(|(account, _)| *account).collect();
        let last: HashMap<AccountId, Micros> = self.accounts.last_seen(visible).await?;
        let watched: Vec<Watched> = accounts
            .iter()
            .zip(allowed)
            .map(|(account, allowed)| Watched {
                account: *account,
                allowed,
                last_seen: last.get(account).copied(),
            })
            .collect();
        let now = self.shared.clock.now().get();
        let until = Micros::new(now.saturating_add(seconds.saturating_mul(1_000_000)));
        self.shared.hub.presence().watch(&self.shared.hub, &outlet, &watched, until);
        Ok(())
    }

    async fn may_watch(&self, own: AccountId, account: AccountId) -> Result<bool, Refusal> {
        if own == account {
            return Ok(true);
        }
        let direct = identity::direct(own, account);
        if self.accounts.is_closed(direct) {
            return Ok(false);
        }
        let found = self.store().membership(own, direct).await;
        found.map(|row| row.is_some()).map_err(|error| {
            tracing::warn!(%error, "could not read a membership");
            Refusal { retry_after_ms: Some(1_000), ..Refusal::new(Code::Unavailable) }
        })
    }

    /// Tells watchers what changes, and stores when accounts were last seen, until it is dropped. Then [`Engine::save_seen`] is owed.
    pub async fn keep_presence(&self) {
        let mut publish = tokio::time::interval(PUBLISH_EVERY);
        publish.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut save = tokio::time::interval(SAVE_EVERY);
        loop {
            tokio::select! {
                _ = publish.tick() => self.shared.hub.presence().publish(&self.shared.hub).await,
                _ = save.tick() => self.save_seen().await,
            }
        }
    }

    /// Stores when accounts were last seen. What could not be stored is tried again with the next.
    pub async fn save_seen(&self) {
        let seen = self.shared.hub.presence().seen();
        for some in seen.unsaved().chunks(SEEN_MAX) {
            match self.accounts.note_seen(some).await {
                Ok(()) => seen.saved(some),
                Err(refusal) => {
                    tracing::warn!(code = %refusal.code, "could not store when accounts were last seen");
                    return;
                }
            }
        }
    }
}
