//! The account store: who there is, what they sign in with, and which of their sessions live.
//!
//! It keeps hashes of secrets and never a secret; it refuses to know how a hash is made, what a token looks like and how long
//! anything lives. All times are the caller's.

pub mod terms;

use std::fmt;

use async_trait::async_trait;
use parlance_types::{AccountId, DeviceId, Handle, Micros, SessionId, Title};
use thiserror::Error;

/// Ids in one look-up, and answers to it.
pub const ACCOUNTS_MAX: usize = parlance_types::limits::PEOPLE_MAX;

/// Accounts in one [`AccountStore::note_seen`].
pub const SEEN_MAX: usize = 1_000;
/// Superseded refresh tokens that a session remembers, the newest ones.
pub const SUPERSEDED_MAX: usize = 8;

/// Why the store did not do as it was asked.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AccountError {
    /// Another account has this handle. Nothing was written.
    #[error("the handle is taken")]
    HandleTaken,
    /// There is no account of this id to write for. Nothing was written.
    #[error("there is no such account")]
    NoSuchAccount,
    /// There is no room. Nothing was written; later writes may succeed.
    #[error("the account store is full")]
    Full,
    /// What is stored cannot be read back as it was written. Names what and where; nothing was written.
    #[error("stored accounts are damaged: {0}")]
    Damaged(String),
    /// Could not be done now. Nothing was written.
    #[error("the account store cannot be reached: {0}")]
    Unavailable(String),
    /// The write may or may not have happened.
    #[error("whether the accounts were written is not known: {0}")]
    Unknown(String),
}

/// An account as everybody may see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    pub id: AccountId,
    pub handle: Handle,
    pub name: Title,
    pub created_at: Micros,
}

/// What a password was hashed to, with the parameters of the hash. Kept as given.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(Box<str>);

impl PasswordHash {
    pub fn new(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

/// What a refresh token was hashed to. Whoever has the hash does not have the token.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash(…)")
    }
}

/// What an account signs in with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    pub account: AccountId,
    pub password: PasswordHash,
}

/// A device and the session that it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSession {
    pub account: AccountId,
    pub device: DeviceId,
    pub device_name: Option<Title>,
    pub session: SessionId,
    /// Of the first refresh token.
    pub refresh: TokenHash,
    pub at: Micros,
}

/// A refresh token that was exchanged for its successor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Superseded {
    pub refresh: TokenHash,
    pub at: Micros,
}

/// A sign-in of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    pub id: SessionId,
    pub account: AccountId,
    pub device: DeviceId,
    pub device_name: Option<Title>,
    pub created_at: Micros,
    /// Of the one token that can be exchanged.
    pub refresh: TokenHash,
    /// When that token was made.
    pub refreshed_at: Micros,
    /// The newest [`SUPERSEDED_MAX`] of those before it, oldest first.
    pub superseded: Vec<Superseded>,
    pub revoked_at: Option<Micros>,
}

impl From<NewSession> for Session {
    fn from(new: NewSession) -> Self {
        let NewSession { account, device, device_name, session: id, refresh, at } = new;
        Self {
            id,
            account,
            device,
            device_name,
            created_at: at,
            refresh,
            refreshed_at: at,
            superseded: Vec::new(),
            revoked_at: None,
        }
    }
}

/// An exchange of a refresh token for its successor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotation {
    pub session: SessionId,
    pub presented: TokenHash,
    pub successor: TokenHash,
    pub at: Micros,
}

/// Another password for an account, and the end of its sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasswordChange {
    pub account: AccountId,
    pub current: PasswordHash,
    pub with: PasswordHash,
    /// The session that goes on: that of whoever changes the password.
    pub keep: Option<SessionId>,
    pub at: Micros,
}

/// What one account says of another. The number is stored; never renumber.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Tie {
    /// Known, and found first.
    Contact = 1,
    /// Refused: the two say nothing new to each other in their direct conversation.
    Block = 2,
}

/// What came of a wish for a tie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tied {
    Now,
    /// At this time already; nothing was written.
    Before(Micros),
    /// There are as many as there can be; nothing was written.
    TooMany,
}

/// Whom an account looks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search {
    pub seeker: AccountId,
    /// What one of their terms begins with ([`terms::prefix`]).
    pub prefix: String,
    /// Those that come behind this one.
    pub after: Option<AccountId>,
    pub max: usize,
}

/// Accounts with their credentials, devices, sessions, contacts and blocks.
///
/// - A write is one transaction: all of it or nothing, durable when it is answered with `Ok`, and seen by every read that begins after
///   that. Reads see nothing of a write that is not whole.
/// - What is not there is `None`, `false` or left out, never an error.
/// - A write whose future was dropped may or may not happen.
#[async_trait]
pub trait AccountStore: Send + Sync + 'static {
    /// Writes the account, its password and its first device and session (whose `account` is that account's).
    /// [`AccountError::HandleTaken`] decides between two that come at once: exactly one gets a handle.
    async fn create_account(
        &self,
        account: Account,
        password: PasswordHash,
        first: NewSession,
    ) -> Result<(), AccountError>;

    async fn credentials(&self, handle: &Handle) -> Result<Option<Credentials>, AccountError>;

    /// Compare-and-set: `false`, and nothing written, unless the account's password is `current`.
    async fn replace_password(
        &self,
        account: AccountId,
        current: &PasswordHash,
        with: PasswordHash,
    ) -> Result<bool, AccountError>;

    /// Those of at most [`ACCOUNTS_MAX`] accounts that exist, each once, in no particular order.
    async fn accounts(&self, ids: &[AccountId]) -> Result<Vec<Account>, AccountError>;

    /// At most `max` of those with a term ([`terms::of`]) that begins like this, each once: first the contacts of the seeker, then the
    /// others, in order of the least such term and the id. Without those who block the seeker; nobody comes behind an account that is not
    /// found so.
    async fn search(&self, search: &Search) -> Result<Vec<Account>, AccountError>;

    async fn account_by_handle(&self, handle: &Handle) -> Result<Option<Account>, AccountError>;

    /// Compare-and-set: gives the account another password and ends its living sessions but `keep`, both or neither; answers which
    /// ended. `None`, and nothing written, unless the password is `current`.
    async fn change_password(
        &self,
        change: PasswordChange,
    ) -> Result<Option<Vec<SessionId>>, AccountError>;

    /// Shows the account by another name from now on. `false`: there is no such account.
    async fn rename(&self, account: AccountId, name: Title) -> Result<bool, AccountError>;

    /// Writes a device and its session, if the account's password still is `proof`: whoever proved an older one begins nothing.
    /// Of more than `living_max` living sessions the others that were refreshed the longest ago end with it (of equal times the
    /// smaller id); answers which. `None`, and nothing written: another password. [`AccountError::NoSuchAccount`] if there is none.
    async fn create_session(
        &self,
        new: NewSession,
        proof: &PasswordHash,
        living_max: usize,
    ) -> Result<Option<Vec<SessionId>>, AccountError>;

    async fn session(&self, id: SessionId) -> Result<Option<Session>, AccountError>;

    /// The living sessions of an account, in no particular order.
    async fn sessions(&self, account: AccountId) -> Result<Vec<Session>, AccountError>;

    /// Compare-and-set: if `presented` is the current token of a session that is not revoked, `successor` becomes the current one and
    /// `presented` is remembered with `at`. `false`, and nothing written, otherwise.
    async fn rotate(&self, rotation: Rotation) -> Result<bool, AccountError>;

    /// Ends a session for good; the first time counts. `false`: there is none, or it was ended before.
    async fn revoke(&self, id: SessionId, at: Micros) -> Result<bool, AccountError>;

    /// Ends every session of an account that lives, and answers which: a sign-in that begins after that is none of them.
    async fn revoke_all(
        &self,
        account: AccountId,
        at: Micros,
    ) -> Result<Vec<SessionId>, AccountError>;

    /// Ties `account` to `other`, unless it has `max` ties of this kind. [`AccountError::NoSuchAccount`] if either is not there.
    async fn tie(
        &self,
        account: AccountId,
        tie: Tie,
        other: AccountId,
        at: Micros,
        max: usize,
    ) -> Result<Tied, AccountError>;

    /// Takes a tie back. `false`: there was none.
    async fn untie(
        &self,
        account: AccountId,
        tie: Tie,
        other: AccountId,
    ) -> Result<bool, AccountError>;

    /// Since when there is a tie.
    async fn tied(
        &self,
        account: AccountId,
        tie: Tie,
        other: AccountId,
    ) -> Result<Option<Micros>, AccountError>;

    /// At most `max` of the accounts to which `account` is tied, above `after`, in order of their ids, with the time.
    async fn ties(
        &self,
        account: AccountId,
        tie: Tie,
        after: Option<AccountId>,
        max: usize,
    ) -> Result<Vec<(AccountId, Micros)>, AccountError>;

    /// At most `max` ties of a kind of all accounts, above `after`, in order of the two ids.
    async fn all_ties(
        &self,
        tie: Tie,
        after: Option<(AccountId, AccountId)>,
        max: usize,
    ) -> Result<Vec<(AccountId, AccountId)>, AccountError>;

    /// Every session that was revoked at or after `since`, with the time.
    async fn revoked_since(&self, since: Micros) -> Result<Vec<(SessionId, Micros)>, AccountError>;

    /// At most [`SEEN_MAX`] accounts were seen at these times. A later time stays; an account that is not there is left out.
    async fn note_seen(&self, seen: &[(AccountId, Micros)]) -> Result<(), AccountError>;

    /// When those of at most [`ACCOUNTS_MAX`] accounts that were ever seen were last seen, each once, in no particular order.
    async fn last_seen(&self, ids: &[AccountId]) -> Result<Vec<(AccountId, Micros)>, AccountError>;
}
