//! Who is there, and who wants to know: soft state of this node, told to watchers at most once a second for each account.
//!
//! Accounts that say nothing and that nobody watches cost nothing here. What watchers are told goes to each of them in one order,
//! because it is queued under the lock of the account's slice. It is dropped first where a connection is behind.

mod seen;
mod watching;

use std::collections::BTreeSet;
use std::sync::Arc;

use hashbrown::HashMap;
use parking_lot::Mutex;
use parlance_core::presence::{Shown, Status};
use parlance_types::{
    AccountId, ConnectionId, Micros, PresenceFrame, PresenceRequest, PresenceState, limits,
};

use crate::clock::Clock;
use crate::hub::Hub;
use crate::outlet::{Outlet, Peer, Push, Shared};

pub(crate) use seen::Seen;
pub(crate) use watching::Watched;
use watching::{Watcher, Watches};

const SLICES: usize = 16;
/// Pushes after which others get their turn.
const PUSHES_MAX: usize = 32;

/// What this node knows of who is there.
pub struct Presence {
    slices: [Mutex<Slice>; SLICES],
    watches: Watches,
    seen: Seen,
    clock: Arc<dyn Clock>,
}

#[derive(Default)]
struct Slice {
    accounts: HashMap<AccountId, Known>,
    /// Accounts of which there may be something to tell.
    changed: Vec<AccountId>,
    /// When the choice of each account ends that made one.
    ends: BTreeSet<(Micros, AccountId)>,
}

/// An account that said something or is watched.
struct Known {
    status: Status,
    watchers: Vec<Watcher>,
    told: Shown,
    told_at: Micros,
    /// In `changed`.
    changed: bool,
    /// When the last connection went, or the account became invisible.
    left: Option<Micros>,
}

impl Known {
    fn new(connections: usize) -> Self {
        let status = Status::default();
        let told = status.shown(connections);
        Self {
            status,
            watchers: Vec::new(),
            told,
            told_at: Micros::new(0),
            changed: false,
            left: None,
        }
    }

    fn is_idle(&self) -> bool {
        self.status.is_plain() && self.watchers.is_empty() && !self.changed
    }
}

impl Slice {
    fn change(&mut self, account: AccountId) {
        if let Some(known) = self.accounts.get_mut(&account)
            && !std::mem::replace(&mut known.changed, true)
        {
            self.changed.push(account);
        }
    }

    /// Forgets an account that there is nothing to know of.
    fn tidy(&mut self, account: AccountId) {
        if self.accounts.get(&account).is_some_and(Known::is_idle) {
            self.accounts.remove(&account);
        }
    }
}

impl Presence {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            slices: std::array::from_fn(|_| Mutex::default()),
            watches: Watches::default(),
            seen: Seen::default(),
            clock,
        }
    }

    fn slice(&self, account: AccountId) -> &Mutex<Slice> {
        // The last byte of an account's id is random.
        &self.slices[usize::from(account.as_bytes()[15]) % SLICES]
    }

    /// The account has one connection more.
    pub(crate) fn came(&self, account: AccountId) {
        let mut slice = self.slice(account).lock();
        if let Some(known) = slice.accounts.get_mut(&account) {
            if !known.status.is_invisible() {
                known.left = None;
            }
            slice.change(account);
        }
    }

    /// The connection is gone, and `left` others of its account remain.
    pub(crate) fn went(&self, account: AccountId, connection: ConnectionId, left: usize) {
        let now = self.clock.now();
        for watched in self.watches.end(connection) {
            self.unwatch(watched, connection);
        }
        let mut slice = self.slice(account).lock();
        let known = slice.accounts.get_mut(&account);
        let visible = known.as_ref().is_none_or(|known| !known.status.is_invisible());
        if left == 0 && visible {
            self.seen.note(account, now);
        }
        if let Some(known) = known {
            known.status.forget(connection);
            if left == 0 && visible {
                known.left = Some(now);
            }
            slice.change(account);
        }
    }

    /// The device behind `peer` says how its account is there. Other devices of the account are told what its person chose.
    pub(crate) fn say(&self, hub: &Hub, peer: Peer, said: &PresenceRequest) {
        let Peer { account, connection, .. } = peer;
        let now = self.clock.now();
        let connections = connections(hub, account);
        let own = {
            let mut slice = self.slice(account).lock();
            let known = slice.accounts.entry(account).or_insert_with(|| Known::new(connections));
            let visible = !known.status.is_invisible();
            let ended = known.status.until();
            let chose = known.status.say(now, Some(connection), said);
            if visible && known.status.is_invisible() {
                known.left = Some(now);
                self.seen.note(account, now);
            }
            let until = known.status.until();
            let own = chose.then(|| own(account, known, connections));
            if let Some(ended) = ended {
                slice.ends.remove(&(ended, account));
            }
            if let Some(until) = until {
                slice.ends.insert((until, account));
            }
            slice.change(account);
            own
        };
        if let Some(frame) = own {
            tell_own(hub, &frame);
        }
    }

    /// Tells a connection what its person chose on another device, if anything.
    pub(crate) fn greet(&self, hub: &Hub, outlet: &dyn Outlet) {
        let account = outlet.peer().account;
        let frame = {
            let slice = self.slice(account).lock();
            let known = slice.accounts.get(&account);
            let chose = known.filter(|known| known.status.until().is_some());
            chose.map(|known| own(account, known, connections(hub, account)))
        };
        if let Some(frame) = frame
            && outlet.push(&Shared::new(Push::Presence(&frame)))
        {
            outlet.flush();
        }
    }

    pub(crate) fn seen(&self) -> &Seen {
        &self.seen
    }

    /// Tells watchers what changed, as often as they may be told. To be called several times a second.
    pub async fn publish(&self, hub: &Hub) {
        for slice in &self.slices {
            let mut pending = self.due(hub, slice);
            while !pending.is_empty() {
                let mut touched = Vec::new();
                while touched.len() < PUSHES_MAX
                    && let Some(account) = pending.pop()
                {
                    self.tell(hub, &mut slice.lock(), account, &mut touched);
                }
                flush(touched);
                tokio::task::yield_now().await;
            }
        }
    }

    /// What may have to be told, choices that end now included.
    fn due(&self, hub: &Hub, slice: &Mutex<Slice>) -> Vec<AccountId> {
        let now = self.clock.now();
        let mut ended = Vec::new();
        let mut slice = slice.lock();
        while let Some((until, account)) = slice.ends.first().copied()
            && until <= now
        {
            slice.ends.pop_first();
            let Some(known) = slice.accounts.get_mut(&account) else { continue };
            if known.status.expire(now) {
                let connections = connections(hub, account);
                ended.push(own(account, known, connections));
                slice.change(account);
            }
        }
        let changed = std::mem::take(&mut slice.changed);
        drop(slice);
        for frame in &ended {
            tell_own(hub, frame);
        }
        changed
    }

    fn tell(
        &self,
        hub: &Hub,
        slice: &mut Slice,
        account: AccountId,
        touched: &mut Vec<Arc<dyn Outlet>>,
    ) {
        let now = self.clock.now();
        let Some(known) = slice.accounts.get_mut(&account) else { return };
        let connections = connections(hub, account);
        let since = |at: Micros, ms: u64| now.get() >= at.get().saturating_add(ms * 1_000);
        let reconnects = connections == 0
            && known.told.state != PresenceState::Offline
            && known.left.is_some_and(|left| !since(left, limits::PRESENCE_GRACE_MS));
        if reconnects || !since(known.told_at, limits::PRESENCE_AGAIN_MS) {
            slice.changed.push(account);
            return;
        }
        known.changed = false;
        let shown = known.status.shown(connections);
        if shown != known.told {
            known.told = shown;
            known.told_at = now;
            known.watchers.retain(|watcher| watcher.until > now);
            let frame = frame(account, &known.told, known.left);
            let shared = Shared::new(Push::Presence(&frame));
            for Watcher { outlet, .. } in &known.watchers {
                if outlet.push(&shared) {
                    touched.push(outlet.clone());
                }
            }
        }
        slice.tidy(account);
    }
}

fn connections(hub: &Hub, account: AccountId) -> usize {
    hub.of(account).map_or(0, |outlets| outlets.len())
}

fn frame(account: AccountId, shown: &Shown, left: Option<Micros>) -> PresenceFrame {
    let last_seen = left.filter(|_| shown.state == PresenceState::Offline);
    let Shown { state, text } = shown.clone();
    PresenceFrame { account, state, text, until: None, last_seen }
}

fn own(account: AccountId, known: &Known, connections: usize) -> PresenceFrame {
    let Shown { state, text } = known.status.own(connections);
    PresenceFrame { account, state, text, until: known.status.until(), last_seen: None }
}

/// Tells an account's own devices what its person chose.
fn tell_own(hub: &Hub, frame: &PresenceFrame) {
    let shared = Shared::new(Push::Presence(frame));
    let outlets = hub.of(frame.account);
    let owed = outlets.iter().flat_map(|outlets| outlets.iter());
    flush(owed.filter(|outlet| outlet.push(&shared)).cloned().collect());
}

fn flush(touched: Vec<Arc<dyn Outlet>>) {
    for outlet in touched {
        outlet.flush();
    }
}

#[cfg(test)]
mod tests;
