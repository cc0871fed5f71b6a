//! When accounts were last seen, until that is stored.

use hashbrown::HashMap;
use parking_lot::Mutex;
use parlance_types::{AccountId, Micros};

/// The last times that are not stored yet.
#[derive(Default)]
pub(crate) struct Seen(Mutex<HashMap<AccountId, Micros>>);

impl Seen {
    pub(super) fn note(&self, account: AccountId, at: Micros) {
        let mut seen = self.0.lock();
        let known = seen.entry(account).or_insert(at);
        *known = at.max(*known);
    }

    /// What is not stored yet.
    pub(crate) fn unsaved(&self) -> Vec<(AccountId, Micros)> {
        self.0.lock().iter().map(|(account, at)| (*account, *at)).collect()
    }

    /// These are stored.
    pub(crate) fn saved(&self, saved: &[(AccountId, Micros)]) {
        let mut seen = self.0.lock();
        for (account, at) in saved {
            if seen.get(account) == Some(at) {
                seen.remove(account);
            }
        }
    }

    pub(super) fn of(&self, account: AccountId) -> Option<Micros> {
        self.0.lock().get(&account).copied()
    }
}
