//! Accounts: signing up, in and out, the tokens of sessions, and how people are shown.
//!
//! It refuses to know where accounts are kept and how tokens travel. **A session that was ended is refused at once** on this node, by
//! token and by socket, whatever its tokens say; no secret is logged, stored or shown in an error.

mod access;
mod attempts;
mod blocks;
mod hooks;
mod keys;
mod operator;
mod owner;
mod password;
mod people;
mod recent;
mod refresh;
mod revoked;
mod secret;
mod session;
mod ties;

use std::net::IpAddr;
use std::sync::Arc;

use parlance_core::Refusal;
use parlance_ports::{Account, AccountError, AccountStore, Credentials, NewSession};
use parlance_types::frame::Person;
use parlance_types::{AccountId, Code, DeviceId, Handle, SessionId, Title, limits};
use thiserror::Error;

use self::attempts::Attempts;
use self::blocks::Blocks;
use self::hooks::Hooks;
use self::password::{Fit, Password, Passwords};
use self::recent::Recent;
use self::refresh::RefreshToken;
use self::revoked::Revoked;
use crate::clock::Clock;
use crate::entropy::random;
use crate::limits::Rates;

pub use access::Signed;
pub use keys::{KeyError, KeyRing};
pub use owner::SessionView;
pub use parlance_ports::Tie;
pub use password::Argon2Cost;
pub use secret::Secret;
pub use session::Grant;

/// When to come back to a store that cannot answer.
const RETRY_AFTER_MS: u64 = 1_000;

/// What an operator chooses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountsConfig {
    pub argon2: Argon2Cost,
    /// Passwords hashed at the same time, each on a thread with its memory.
    pub hashing_threads: usize,
    /// Requests that wait for a thread before others are told to come back.
    pub hashing_queue_max: usize,
    pub access_ms: u64,
    /// A session that was not refreshed for so long ends.
    pub session_unused_ms: u64,
    /// Access tokens and people that are remembered, each.
    pub remembered: usize,
    pub rates: Rates,
}

impl Default for AccountsConfig {
    fn default() -> Self {
        Self {
            argon2: Argon2Cost { memory_kib: 19 * 1024, iterations: 2, lanes: 1 },
            hashing_threads: std::thread::available_parallelism().map_or(1, usize::from),
            hashing_queue_max: 256,
            access_ms: 15 * 60 * 1000,
            session_unused_ms: 90 * 24 * 60 * 60 * 1000,
            remembered: 16_384,
            rates: Rates::default(),
        }
    }
}

/// Why accounts cannot be used at all.
#[derive(Debug, Error)]
pub enum OpenError {
    #[error("argon2 does not take {memory_kib} KiB, {iterations} iterations and {lanes} lanes", memory_kib = .0.memory_kib, iterations = .0.iterations, lanes = .0.lanes)]
    Cost(Argon2Cost),
    #[error("could not read which sessions ended lately, or who is blocked")]
    Store(#[from] AccountError),
}

/// A wish for an account. Handle and name are checked, the password is as strong as its owner likes from 8 bytes on.
#[derive(Clone, Copy)]
pub struct SignUp<'a> {
    pub handle: &'a str,
    pub password: &'a str,
    /// The handle, if there is none.
    pub name: Option<&'a str>,
    pub device_name: Option<&'a str>,
    /// `None`: from the machine itself, by its operator.
    pub from: Option<IpAddr>,
}

/// A wish for a session.
#[derive(Clone, Copy)]
pub struct SignIn<'a> {
    pub handle: &'a str,
    pub password: &'a str,
    pub device_name: Option<&'a str>,
    pub from: IpAddr,
}

/// The accounts of an installation, as one node sees them.
pub struct Accounts {
    store: Arc<dyn AccountStore>,
    keys: KeyRing,
    config: AccountsConfig,
    clock: Arc<dyn Clock>,
    passwords: Passwords,
    attempts: Attempts,
    people: Recent<AccountId, Person>,
    /// Tokens whose signature was checked, by digest.
    checked: Recent<[u8; 32], Signed>,
    revoked: Revoked,
    blocks: Blocks,
    ended: Hooks<SessionId>,
    blocked: Hooks<AccountId>,
}

impl std::fmt::Debug for Accounts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Accounts").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Accounts {
    /// Reads which sessions ended lately; only then may a token be believed.
    pub async fn open(
        store: Arc<dyn AccountStore>,
        keys: KeyRing,
        config: AccountsConfig,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, OpenError> {
        let passwords =
            Passwords::new(config.argon2, config.hashing_threads, config.hashing_queue_max)
                .ok_or(OpenError::Cost(config.argon2))?;
        let accounts = Self {
            store,
            keys,
            clock,
            passwords,
            attempts: Attempts::new(&config.rates),
            people: Recent::new(config.remembered),
            checked: Recent::new(config.remembered),
            revoked: Revoked::default(),
            blocks: Blocks::default(),
            ended: Hooks::default(),
            blocked: Hooks::default(),
            config,
        };
        accounts.load_revoked().await?;
        accounts.load_blocks().await?;
        Ok(accounts)
    }

    /// How long a refresh token is good for if it is not used.
    pub fn session_unused_seconds(&self) -> u64 {
        self.config.session_unused_ms / 1_000
    }

    /// Refusals because a bucket was empty, by its name.
    pub(crate) fn limited(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.attempts.refused()
    }

    /// How much each may do on this node.
    pub(crate) fn rates(&self) -> &Rates {
        &self.config.rates
    }

    /// `hook` is called with each session that ends here, after its tokens are refused. It must not block.
    pub fn on_revoked(&self, hook: impl Fn(AccountId, SessionId) + Send + Sync + 'static) {
        self.ended.add(hook);
    }

    /// `hook` is called with the two between whom a block begins to hold here. It must not block.
    pub fn on_blocked(&self, hook: impl Fn(AccountId, AccountId) + Send + Sync + 'static) {
        self.blocked.add(hook);
    }

    /// Makes an account and its first session.
    pub async fn sign_up(&self, wish: SignUp<'_>) -> Result<Grant, Refusal> {
        let handle: Handle =
            wish.handle.parse().map_err(|_| Refusal::field(Code::InvalidField, "handle"))?;
        let name = Title::new(wish.name.unwrap_or(wish.handle))
            .map_err(|_| Refusal::field(Code::InvalidField, "name"))?;
        let device_name = device_name(wish.device_name)?;
        let password = Password::new(wish.password)
            .ok_or_else(|| Refusal::field(Code::WeakPassword, "password"))?;
        if let Some(from) = wish.from {
            self.attempts.sign_up(from, self.clock.steady())?;
        }
        // The store decides; this only saves the hashing.
        if self.store.account_by_handle(&handle).await.map_err(refused)?.is_some() {
            return Err(refused(AccountError::HandleTaken));
        }
        let password = self.passwords.hash(password).await?;
        let now = self.clock.now();
        let account = Account {
            id: AccountId::from_time(now.as_ms(), random()),
            handle,
            name,
            created_at: now,
        };
        let (new, token) = self.new_session(account.id, device_name);
        self.store.create_account(account.clone(), password, new.clone()).await.map_err(refused)?;
        self.keep(account);
        Ok(self.grant(new.account, new.device, &token))
    }

    /// Makes a session. Neither the answer nor its time tells whether the handle exists.
    pub async fn sign_in(&self, wish: SignIn<'_>) -> Result<Grant, Refusal> {
        let device_name = device_name(wish.device_name)?;
        let wrong = || Refusal::new(Code::InvalidCredentials);
        // Texts that no account can have tell nothing of any account.
        let handle: Handle = wish.handle.parse().map_err(|_| wrong())?;
        let attempt = self.attempts.begin(&handle, wish.from, self.clock.steady())?;
        let found = self.store.credentials(&handle).await.map_err(refused)?;
        let Some(proved) = self.prove(found, wish.password).await? else {
            attempt.was_wrong();
            return Err(wrong());
        };
        attempt.was_right();
        let (new, token) = self.new_session(proved.account, device_name);
        let at = new.at;
        let begun =
            self.store.create_session(new.clone(), &proved.password, limits::SESSIONS_MAX).await;
        // Another password since: this one is wrong now.
        for ended in begun.map_err(refused)?.ok_or_else(wrong)? {
            self.refuse(proved.account, ended, at);
        }
        Ok(self.grant(new.account, new.device, &token))
    }

    /// `None`: there is no such account, or this is not its password. What is proved is the password's hash as it is kept now.
    async fn prove(
        &self,
        known: Option<Credentials>,
        password: &str,
    ) -> Result<Option<Credentials>, Refusal> {
        let Some(given) = Password::new(password) else { return Ok(None) };
        let hash =
            known.as_ref().map_or_else(|| self.passwords.decoy(), |known| known.password.clone());
        let fit = self.passwords.verify(given, hash).await?;
        let Some(mut known) = known.filter(|_| fit != Fit::Wrong) else { return Ok(None) };
        if fit == Fit::RightButOutdated
            && let Some(again) = Password::new(password)
        {
            let new = self.passwords.hash(again).await?;
            match self.store.replace_password(known.account, &known.password, new.clone()).await {
                Ok(true) => known.password = new,
                // Another sign-in did it; the client comes back to a hash that needs nothing.
                Ok(false) => {
                    return Err(refused(AccountError::Unavailable("renewed twice".into())));
                }
                Err(error) => {
                    tracing::warn!(%error, "could not renew the hash of a password");
                }
            }
        }
        Ok(Some(known))
    }

    fn new_session(
        &self,
        account: AccountId,
        device_name: Option<Title>,
    ) -> (NewSession, RefreshToken) {
        let at = self.clock.now();
        let session = SessionId::from_time(at.as_ms(), random());
        let device = DeviceId::from_time(at.as_ms(), random());
        let token = RefreshToken::first(&self.keys, session, random());
        (NewSession { account, device, device_name, session, refresh: token.hash(), at }, token)
    }
}

fn device_name(text: Option<&str>) -> Result<Option<Title>, Refusal> {
    let name = text.map(Title::new).transpose();
    name.map_err(|_| Refusal::field(Code::InvalidField, "device_name"))
}

/// What a failure of the store means to whoever asked. It is logged here, once.
#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` hands over")]
fn refused(error: AccountError) -> Refusal {
    match error {
        AccountError::HandleTaken => Refusal::field(Code::HandleTaken, "handle"),
        AccountError::Full => {
            tracing::error!(%error, "could not write accounts");
            Refusal::new(Code::StorageFull)
        }
        AccountError::Unavailable(_) => {
            tracing::warn!(%error, "could not reach accounts");
            Refusal { retry_after_ms: Some(RETRY_AFTER_MS), ..Refusal::new(Code::Unavailable) }
        }
        AccountError::Unknown(_) => {
            tracing::warn!(%error, "could not learn whether accounts were written");
            Refusal::new(Code::OutcomeUnknown)
        }
        AccountError::Damaged(_) | AccountError::NoSuchAccount => {
            tracing::error!(%error, "could not use accounts");
            Refusal::new(Code::Internal)
        }
    }
}

#[cfg(test)]
mod tests;
