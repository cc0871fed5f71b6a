//! What others want to be called with when something happens to accounts.

use std::sync::Arc;

use parking_lot::RwLock;
use parlance_types::AccountId;

type Hook<T> = Arc<dyn Fn(AccountId, T) + Send + Sync>;

/// Hooks that get an account and something of it. They must not block.
pub(super) struct Hooks<T>(RwLock<Vec<Hook<T>>>);

impl<T> Default for Hooks<T> {
    fn default() -> Self {
        Self(RwLock::default())
    }
}

impl<T: Copy> Hooks<T> {
    pub(super) fn add(&self, hook: impl Fn(AccountId, T) + Send + Sync + 'static) {
        self.0.write().push(Arc::new(hook));
    }

    /// No lock is held while they run: they may come back here.
    pub(super) fn call(&self, account: AccountId, of: T) {
        let hooks = self.0.read().clone();
        for hook in hooks {
            hook(account, of);
        }
    }
}
