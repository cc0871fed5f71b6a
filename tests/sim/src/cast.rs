//! Who plays: accounts with their devices, and the time at which every story begins.

use std::sync::Arc;

use parlance_engine::accounts::{Accounts, AccountsConfig, Argon2Cost, KeyRing};
use parlance_engine::clock::Clock;
use parlance_ports::memory::MemoryAccounts;
use parlance_ports::{Account, AccountStore, NewSession, PasswordHash, TokenHash};
use parlance_types::{AccountId, DeviceId, Micros, SessionId, Title};
use tokio::time::Instant;

/// Accounts of the cast.
pub(crate) const ACCOUNTS: usize = 5;
/// Devices of each account.
pub(crate) const DEVICES: usize = 2;

const START_MS: u64 = 1_795_430_000_000;

/// The time of the simulation, which moves only when nothing else does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SimClock {
    start: Instant,
}

impl SimClock {
    pub(crate) fn new() -> Self {
        Self { start: Instant::now() }
    }

    /// Milliseconds since the story began.
    pub(crate) fn ms(&self) -> u64 {
        self.start.elapsed().as_millis() as u64
    }

    /// Milliseconds since 1970, by a clock of that skew.
    pub(crate) fn unix_ms(&self, skew_ms: u64) -> u64 {
        START_MS + self.ms() - skew_ms
    }

    pub(crate) fn instant(&self, ms: u64) -> Instant {
        self.start + std::time::Duration::from_millis(ms)
    }
}

impl Clock for SimClock {
    fn now(&self) -> Micros {
        Micros::from_ms(START_MS + self.ms())
    }
}

/// The account of that number. The last byte, by which the hub divides, differs.
pub(crate) fn account(number: usize) -> AccountId {
    AccountId::from_time(START_MS - 1_000, [number as u8 + 1; 10])
}

pub(crate) fn device(account: usize, number: usize) -> DeviceId {
    DeviceId::from_time(START_MS - 1_000, [(account * DEVICES + number) as u8 + 1; 10])
}

/// Somebody who does not exist.
pub(crate) fn nobody() -> AccountId {
    account(200)
}

/// The accounts as a node sees them.
pub(crate) async fn accounts(clock: SimClock) -> Arc<Accounts> {
    let store = MemoryAccounts::default();
    for number in 0..ACCOUNTS {
        let (id, at) = (account(number), clock.now());
        let handle = format!("player{number}").parse().expect("letters and digits make a handle");
        let name = Title::new("Player").expect("a short text is a title");
        let first = NewSession {
            account: id,
            device: device(number, 0),
            device_name: None,
            session: SessionId::from_time(START_MS, [number as u8; 10]),
            refresh: TokenHash::from_bytes([number as u8; 32]),
            at,
        };
        let account = Account { id, handle, name, created_at: at };
        store
            .create_account(account, PasswordHash::new("none"), first)
            .await
            .expect("memory takes accounts");
    }
    let config = AccountsConfig {
        argon2: Argon2Cost { memory_kib: 8, iterations: 1, lanes: 1 },
        ..AccountsConfig::default()
    };
    let keys = KeyRing::generate(clock.now());
    let accounts = Accounts::open(Arc::new(store), keys, config, Arc::new(clock)).await;
    Arc::new(accounts.expect("memory can be read"))
}
