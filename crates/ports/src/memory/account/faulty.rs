//! An account store that fails when it is told to.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use parking_lot::Mutex;
use parlance_types::{AccountId, Handle, Micros, SessionId, Title};

use crate::account::{
    Account, AccountError, AccountStore, Credentials, NewSession, PasswordChange, PasswordHash,
    Rotation, Search, Session, Tie, Tied,
};

/// What happens to a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountFault {
    /// It passes.
    None,
    /// It answers this and does nothing.
    Refuse(AccountError),
    /// It does what it was asked, and the answer is lost ([`AccountError::Unknown`]).
    LoseAnswer,
    /// It does what it was asked, and never answers.
    Hang,
}

/// Passes calls on to another store, but for the faults in its queue; counts calls.
pub struct FaultyAccounts {
    inner: Arc<dyn AccountStore>,
    faults: Mutex<VecDeque<AccountFault>>,
    calls: AtomicUsize,
}

impl FaultyAccounts {
    pub fn new(inner: Arc<dyn AccountStore>) -> Self {
        Self { inner, faults: Mutex::default(), calls: AtomicUsize::new(0) }
    }

    /// The next calls meet these, one each, in order.
    pub fn inject(&self, faults: impl IntoIterator<Item = AccountFault>) {
        self.faults.lock().extend(faults);
    }

    /// Calls so far, failed ones too.
    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }

    async fn pass<T>(
        &self,
        call: impl Future<Output = Result<T, AccountError>>,
    ) -> Result<T, AccountError> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let fault = self.faults.lock().pop_front().unwrap_or(AccountFault::None);
        match fault {
            AccountFault::None => call.await,
            AccountFault::Refuse(error) => Err(error),
            AccountFault::LoseAnswer => {
                call.await?;
                Err(AccountError::Unknown("the answer was lost".into()))
            }
            AccountFault::Hang => {
                call.await?;
                std::future::pending().await
            }
        }
    }
}

impl std::fmt::Debug for FaultyAccounts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FaultyAccounts").field("faults", &self.faults).finish_non_exhaustive()
    }
}

#[async_trait]
impl AccountStore for FaultyAccounts {
    async fn create_account(
        &self,
        account: Account,
        password: PasswordHash,
        first: NewSession,
    ) -> Result<(), AccountError> {
        self.pass(self.inner.create_account(account, password, first)).await
    }

    async fn credentials(&self, handle: &Handle) -> Result<Option<Credentials>, AccountError> {
        self.pass(self.inner.credentials(handle)).await
    }

    async fn replace_password(
        &self,
        account: AccountId,
        current: &PasswordHash,
        with: PasswordHash,
    ) -> Result<bool, AccountError> {
        self.pass(self.inner.replace_password(account, current, with)).await
    }

    async fn accounts(&self, ids: &[AccountId]) -> Result<Vec<Account>, AccountError> {
        self.pass(self.inner.accounts(ids)).await
    }

    async fn search(&self, search: &Search) -> Result<Vec<Account>, AccountError> {
        self.pass(self.inner.search(search)).await
    }

    async fn account_by_handle(&self, handle: &Handle) -> Result<Option<Account>, AccountError> {
        self.pass(self.inner.account_by_handle(handle)).await
    }

    async fn change_password(
        &self,
        change: PasswordChange,
    ) -> Result<Option<Vec<SessionId>>, AccountError> {
        self.pass(self.inner.change_password(change)).await
    }

    async fn rename(&self, account: AccountId, name: Title) -> Result<bool, AccountError> {
        self.pass(self.inner.rename(account, name)).await
    }

    async fn create_session(
        &self,
        new: NewSession,
        proof: &PasswordHash,
        living_max: usize,
    ) -> Result<Option<Vec<SessionId>>, AccountError> {
        self.pass(self.inner.create_session(new, proof, living_max)).await
    }

    async fn sessions(&self, account: AccountId) -> Result<Vec<Session>, AccountError> {
        self.pass(self.inner.sessions(account)).await
    }

    async fn session(&self, id: SessionId) -> Result<Option<Session>, AccountError> {
        self.pass(self.inner.session(id)).await
    }

    async fn rotate(&self, rotation: Rotation) -> Result<bool, AccountError> {
        self.pass(self.inner.rotate(rotation)).await
    }

    async fn revoke(&self, id: SessionId, at: Micros) -> Result<bool, AccountError> {
        self.pass(self.inner.revoke(id, at)).await
    }

    async fn revoke_all(
        &self,
        account: AccountId,
        at: Micros,
    ) -> Result<Vec<SessionId>, AccountError> {
        self.pass(self.inner.revoke_all(account, at)).await
    }

    async fn tie(
        &self,
        account: AccountId,
        tie: Tie,
        other: AccountId,
        at: Micros,
        max: usize,
    ) -> Result<Tied, AccountError> {
        self.pass(self.inner.tie(account, tie, other, at, max)).await
    }

    async fn untie(
        &self,
        account: AccountId,
        tie: Tie,
        other: AccountId,
    ) -> Result<bool, AccountError> {
        self.pass(self.inner.untie(account, tie, other)).await
    }

    async fn tied(
        &self,
        account: AccountId,
        tie: Tie,
        other: AccountId,
    ) -> Result<Option<Micros>, AccountError> {
        self.pass(self.inner.tied(account, tie, other)).await
    }

    async fn ties(
        &self,
        account: AccountId,
        tie: Tie,
        after: Option<AccountId>,
        max: usize,
    ) -> Result<Vec<(AccountId, Micros)>, AccountError> {
        self.pass(self.inner.ties(account, tie, after, max)).await
    }

    async fn all_ties(
        &self,
        tie: Tie,
        after: Option<(AccountId, AccountId)>,
        max: usize,
    ) -> Result<Vec<(AccountId, AccountId)>, AccountError> {
        self.pass(self.inner.all_ties(tie, after, max)).await
    }

    async fn revoked_since(&self, since: Micros) -> Result<Vec<(SessionId, Micros)>, AccountError> {
        self.pass(self.inner.revoked_since(since)).await
    }

    async fn note_seen(&self, seen: &[(AccountId, Micros)]) -> Result<(), AccountError> {
        self.pass(self.inner.note_seen(seen)).await
    }

    async fn last_seen(&self, ids: &[AccountId]) -> Result<Vec<(AccountId, Micros)>, AccountError> {
        self.pass(self.inner.last_seen(ids)).await
    }
}
