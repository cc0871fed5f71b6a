//! The hub: which connections each account has on this node.
//!
//! Lookups are on the path of every delivery; they share a list and hold no lock while it is used.

use std::sync::Arc;

use hashbrown::HashMap;
use parking_lot::RwLock;
use parlance_types::{AccountId, ConnectionId, SessionId};

use crate::clock::Clock;
use crate::outlet::Outlet;
use crate::presence::Presence;

/// The connections of one account.
pub type Outlets = Arc<[Arc<dyn Outlet>]>;

const SLICES: usize = 16;

/// All connections of this node.
pub struct Hub {
    presence: Presence,
    slices: [RwLock<HashMap<AccountId, Outlets>>; SLICES],
}

impl Hub {
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { presence: Presence::new(clock), slices: std::array::from_fn(|_| RwLock::default()) }
    }

    /// Who is there, and who wants to know.
    pub fn presence(&self) -> &Presence {
        &self.presence
    }

    fn slice(&self, account: AccountId) -> &RwLock<HashMap<AccountId, Outlets>> {
        // The last byte of an account's id is random.
        &self.slices[usize::from(account.as_bytes()[15]) % SLICES]
    }

    /// From now on the connection gets what its account's conversations say.
    pub fn register(&self, outlet: Arc<dyn Outlet>) {
        let account = outlet.peer().account;
        let mut slice = self.slice(account).write();
        let all = slice.get(&account).map_or(&[][..], |known| known);
        let more: Outlets = all.iter().cloned().chain([outlet]).collect();
        slice.insert(account, more);
        drop(slice);
        self.presence.came(account);
    }

    pub fn unregister(&self, account: AccountId, connection: ConnectionId) {
        let mut slice = self.slice(account).write();
        let Some(known) = slice.get(&account) else { return };
        let rest: Outlets =
            known.iter().filter(|outlet| outlet.peer().connection != connection).cloned().collect();
        let left = rest.len();
        if rest.is_empty() {
            slice.remove(&account);
        } else {
            slice.insert(account, rest);
        }
        drop(slice);
        self.presence.went(account, connection, left);
    }

    /// `None`: not online here.
    pub fn of(&self, account: AccountId) -> Option<Outlets> {
        self.slice(account).read().get(&account).cloned()
    }

    pub fn is_online(&self, account: AccountId) -> bool {
        self.slice(account).read().contains_key(&account)
    }

    /// Closes the connections of an ended session.
    pub fn revoke(&self, account: AccountId, session: SessionId) {
        for outlet in self.of(account).iter().flat_map(|outlets| outlets.iter()) {
            if outlet.peer().session == session {
                outlet.revoke();
            }
        }
    }
}

impl std::fmt::Debug for Hub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let accounts: usize = self.slices.iter().map(|slice| slice.read().len()).sum();
        f.debug_struct("Hub").field("accounts", &accounts).finish_non_exhaustive()
    }
}
