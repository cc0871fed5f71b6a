mod limiting;
mod lookups;
mod owning;
mod refreshing;
mod signing;
mod tokens;

use std::sync::Arc;

use parlance_ports::memory::{FaultyAccounts, MemoryAccounts};
use parlance_types::Micros;

use super::*;
use crate::clock::ManualClock;

const START: Micros = Micros::new(1_795_430_000_000_000);
const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
const MINUTE_MS: u64 = 60_000;

fn config() -> AccountsConfig {
    let argon2 = Argon2Cost { memory_kib: 8, iterations: 1, lanes: 1 };
    AccountsConfig { argon2, hashing_threads: 2, remembered: 100, ..AccountsConfig::default() }
}

/// One node over a memory that outlives it.
struct World {
    accounts: Accounts,
    store: Arc<FaultyAccounts>,
    clock: Arc<ManualClock>,
    keys: Vec<u8>,
}

impl World {
    async fn new() -> Self {
        let store = Arc::new(FaultyAccounts::new(Arc::new(MemoryAccounts::default())));
        let clock = Arc::new(ManualClock::new(START));
        Self::over(store, clock, KeyRing::generate(START).to_bytes(), config()).await
    }

    async fn over(
        store: Arc<FaultyAccounts>,
        clock: Arc<ManualClock>,
        keys: Vec<u8>,
        config: AccountsConfig,
    ) -> Self {
        let ring = KeyRing::from_bytes(&keys).unwrap();
        let accounts = Accounts::open(store.clone(), ring, config, clock.clone()).await.unwrap();
        Self { accounts, store, clock, keys }
    }

    /// Another process over the same store.
    async fn restart(self, config: AccountsConfig) -> Self {
        Self::over(self.store, self.clock, self.keys, config).await
    }

    async fn sign_up(&self, handle: &str) -> Result<Grant, Refusal> {
        let wish =
            SignUp { handle, password: "correct horse", name: None, device_name: None, from: None };
        self.accounts.sign_up(wish).await
    }

    async fn sign_in(&self, handle: &str, password: &str) -> Result<Grant, Refusal> {
        self.sign_in_from(handle, password, HERE).await
    }

    async fn sign_in_from(
        &self,
        handle: &str,
        password: &str,
        from: IpAddr,
    ) -> Result<Grant, Refusal> {
        self.accounts
            .sign_in(SignIn { handle, password, device_name: Some("telephone"), from })
            .await
    }
}

fn code<T>(answer: Result<T, Refusal>) -> Option<Code> {
    answer.err().map(|refusal| refusal.code)
}
