//! Who watches whom.

use std::sync::Arc;

use hashbrown::HashMap;
use parking_lot::Mutex;
use parlance_core::presence::Shown;
use parlance_types::{AccountId, ConnectionId, Micros, PresenceFrame, PresenceState};

use super::{Known, Presence, connections, frame};
use crate::hub::Hub;
use crate::outlet::{Outlet, Push, Shared};

/// A connection that wants to be told.
pub(super) struct Watcher {
    pub(super) outlet: Arc<dyn Outlet>,
    pub(super) until: Micros,
}

/// What each connection watches.
#[derive(Default)]
pub(super) struct Watches(Mutex<HashMap<ConnectionId, Box<[AccountId]>>>);

impl Watches {
    /// The connection watches nobody any more; answers whom it did.
    pub(super) fn end(&self, connection: ConnectionId) -> Box<[AccountId]> {
        self.0.lock().remove(&connection).unwrap_or_default()
    }
}

/// Somebody to watch, and when that account was last seen if it is known.
pub(crate) struct Watched {
    pub(crate) account: AccountId,
    /// Whether the watcher may know.
    pub(crate) allowed: bool,
    pub(crate) last_seen: Option<Micros>,
}

impl Presence {
    /// `outlet` watches these in place of those before; it is told at once how each is. The caller owes a flush.
    pub(crate) fn watch(
        &self,
        hub: &Hub,
        outlet: &Arc<dyn Outlet>,
        watched: &[Watched],
        until: Micros,
    ) {
        let connection = outlet.peer().connection;
        for account in self.watches.end(connection) {
            self.unwatch(account, connection);
        }
        for one in watched {
            self.watch_one(hub, outlet, one, until);
        }
        let allowed = watched.iter().filter(|one| one.allowed).map(|one| one.account);
        self.watches.0.lock().insert(connection, allowed.collect());
    }

    fn watch_one(&self, hub: &Hub, outlet: &Arc<dyn Outlet>, one: &Watched, until: Micros) {
        let Watched { account, allowed, last_seen } = *one;
        if !allowed {
            let nothing = Shown { state: PresenceState::Offline, text: None };
            return tell(outlet, &frame(account, &nothing, None));
        }
        let connections = connections(hub, account);
        let mut slice = self.slice(account).lock();
        let known = slice.accounts.entry(account).or_insert_with(|| Known::new(connections));
        known.watchers.push(Watcher { outlet: outlet.clone(), until });
        known.left = known.left.max(self.seen.of(account)).max(last_seen);
        // What the others were told last; what changed since comes with the next round.
        tell(outlet, &frame(account, &known.told, known.left));
    }

    /// Neither of the two watches the other any more. What they were told last was that the other is offline.
    pub fn part(&self, one: AccountId, other: AccountId) {
        self.hide(one, other);
        self.hide(other, one);
    }

    fn hide(&self, account: AccountId, from: AccountId) {
        let mut slice = self.slice(account).lock();
        let Some(known) = slice.accounts.get_mut(&account) else { return };
        let nothing = Shown { state: PresenceState::Offline, text: None };
        let frame = frame(account, &nothing, None);
        known.watchers.retain(|Watcher { outlet, .. }| {
            let stays = outlet.peer().account != from;
            if !stays && outlet.push(&Shared::new(Push::Presence(&frame))) {
                outlet.flush();
            }
            stays
        });
        slice.tidy(account);
    }

    pub(super) fn unwatch(&self, account: AccountId, connection: ConnectionId) {
        let mut slice = self.slice(account).lock();
        if let Some(known) = slice.accounts.get_mut(&account) {
            known.watchers.retain(|watcher| watcher.outlet.peer().connection != connection);
            slice.tidy(account);
        }
    }
}

fn tell(outlet: &Arc<dyn Outlet>, frame: &PresenceFrame) {
    // Whoever asked is answered by an `ok` after this, and that is flushed.
    outlet.push(&Shared::new(Push::Presence(frame)));
}
