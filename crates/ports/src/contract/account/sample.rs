//! Accounts to try a store with: the same number makes the same thing.

use parlance_types::{AccountId, DeviceId, Micros, SessionId, Title, limits};

use crate::account::{Account, AccountError, AccountStore, NewSession, PasswordHash, TokenHash};

pub fn title(text: &str) -> Title {
    Title::new(text).expect("a sample is a title")
}

pub fn account(number: u8, handle: &str) -> Account {
    Account {
        id: AccountId::from_bytes([number; 16]),
        handle: handle.parse().expect("a sample is a handle"),
        name: title(handle),
        created_at: Micros::new(1_795_430_000_000_000 + u64::from(number)),
    }
}

pub fn password(number: u8) -> PasswordHash {
    PasswordHash::new(format!("$argon2id$v=19$m=8,t=1,p=1${number}"))
}

pub fn token(number: u8) -> TokenHash {
    TokenHash::from_bytes([number; 32])
}

/// Session `number` of account `account`; every second one has a named device.
pub fn session(account: u8, number: u8) -> NewSession {
    NewSession {
        account: AccountId::from_bytes([account; 16]),
        device: DeviceId::from_bytes([number; 16]),
        device_name: (number % 2 == 1).then(|| title("telephone")),
        session: SessionId::from_bytes([number; 16]),
        refresh: token(number),
        at: Micros::new(u64::from(number)),
    }
}

/// Creates the account with the password and the session of its own number.
pub async fn create(store: &dyn AccountStore, account: &Account) -> Result<(), AccountError> {
    let number = account.id.as_bytes()[0];
    store.create_account(account.clone(), password(number), session(number, number)).await
}

/// Begins a session of an account that has the password of its own number.
pub async fn begin(
    store: &dyn AccountStore,
    new: &NewSession,
) -> Result<Option<Vec<SessionId>>, AccountError> {
    let proof = password(new.account.as_bytes()[0]);
    store.create_session(new.clone(), &proof, limits::SESSIONS_MAX).await
}
