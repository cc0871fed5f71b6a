//! Accounts in memory: the model that other adapters are compared to.

mod faulty;

use std::collections::BTreeMap;

use async_trait::async_trait;
use hashbrown::{HashMap, hash_map::Entry};
use parking_lot::Mutex;
use parlance_types::{AccountId, Handle, Micros, SessionId, Title};

use crate::account::{
    Account, AccountError, AccountStore, Credentials, NewSession, PasswordChange, PasswordHash,
    Rotation, SUPERSEDED_MAX, Search, Session, Superseded, Tie, Tied, terms,
};

pub use faulty::{AccountFault, FaultyAccounts};

/// An account store that forgets when it is dropped.
#[derive(Debug, Default)]
pub struct MemoryAccounts {
    rows: Mutex<Rows>,
}

#[derive(Debug, Default)]
struct Rows {
    accounts: HashMap<AccountId, (Account, PasswordHash)>,
    handles: HashMap<Handle, AccountId>,
    sessions: HashMap<SessionId, Session>,
    ties: BTreeMap<(Tie, AccountId, AccountId), Micros>,
    seen: HashMap<AccountId, Micros>,
}

impl Rows {
    fn begin(&mut self, new: NewSession) {
        self.sessions.insert(new.session, new.into());
    }

    fn living(&mut self, account: AccountId) -> impl Iterator<Item = &mut Session> {
        let lives = move |session: &&mut Session| {
            session.account == account && session.revoked_at.is_none()
        };
        self.sessions.values_mut().filter(lives)
    }

    fn end(&mut self, account: AccountId, keep: Option<SessionId>, at: Micros) -> Vec<SessionId> {
        let others = self.living(account).filter(|session| Some(session.id) != keep);
        let ended = others.map(|session| {
            session.revoked_at = Some(at);
            session.id
        });
        ended.collect()
    }
}

#[async_trait]
impl AccountStore for MemoryAccounts {
    async fn create_account(
        &self,
        account: Account,
        password: PasswordHash,
        first: NewSession,
    ) -> Result<(), AccountError> {
        let rows = &mut *self.rows.lock();
        match rows.handles.entry(account.handle.clone()) {
            Entry::Occupied(_) => return Err(AccountError::HandleTaken),
            Entry::Vacant(free) => free.insert(account.id),
        };
        rows.accounts.insert(account.id, (account, password));
        rows.begin(first);
        Ok(())
    }

    async fn credentials(&self, handle: &Handle) -> Result<Option<Credentials>, AccountError> {
        let rows = self.rows.lock();
        let found = rows.handles.get(handle).and_then(|id| rows.accounts.get(id));
        Ok(found.map(|(account, password)| Credentials {
            account: account.id,
            password: password.clone(),
        }))
    }

    async fn replace_password(
        &self,
        account: AccountId,
        current: &PasswordHash,
        with: PasswordHash,
    ) -> Result<bool, AccountError> {
        match self.rows.lock().accounts.get_mut(&account) {
            Some((_, password)) if password == current => {
                *password = with;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    async fn accounts(&self, ids: &[AccountId]) -> Result<Vec<Account>, AccountError> {
        let rows = self.rows.lock();
        let mut found: Vec<Account> = ids
            .iter()
            .filter_map(|id| rows.accounts.get(id))
            .map(|(account, _)| account.clone())
            .collect();
        found.sort_unstable_by_key(|account| account.id);
        found.dedup_by_key(|account| account.id);
        Ok(found)
    }

    async fn search(&self, search: &Search) -> Result<Vec<Account>, AccountError> {
        let rows = self.rows.lock();
        let Search { seeker, prefix, after, max } = search;
        let tied = |from, tie, to| rows.ties.contains_key(&(tie, from, to));
        let accounts = rows.accounts.values().map(|(account, _)| account);
        let unblocked = accounts.filter(|account| !tied(account.id, Tie::Block, *seeker));
        let mut found: Vec<_> = unblocked
            .filter_map(|account| {
                let terms = terms::of(&account.handle, &account.name);
                let least = terms.into_iter().find(|term| term.starts_with(prefix))?;
                Some((!tied(*seeker, Tie::Contact, account.id), least, account.id, account))
            })
            .collect();
        found.sort_unstable_by(|one, other| {
            (one.0, &one.1, one.2).cmp(&(other.0, &other.1, other.2))
        });
        let first = match after {
            None => 0,
            Some(after) => {
                let place = found.iter().position(|(_, _, id, _)| id == after);
                place.map_or(found.len(), |place| place + 1)
            }
        };
        Ok(found[first..].iter().take(*max).map(|(.., account)| Account::clone(account)).collect())
    }

    async fn account_by_handle(&self, handle: &Handle) -> Result<Option<Account>, AccountError> {
        let rows = self.rows.lock();
        let found = rows.handles.get(handle).and_then(|id| rows.accounts.get(id));
        Ok(found.map(|(account, _)| account.clone()))
    }

    async fn change_password(
        &self,
        change: PasswordChange,
    ) -> Result<Option<Vec<SessionId>>, AccountError> {
        let PasswordChange { account, current, with, keep, at } = change;
        let rows = &mut *self.rows.lock();
        match rows.accounts.get_mut(&account) {
            Some((_, password)) if *password == current => *password = with,
            _ => return Ok(None),
        }
        Ok(Some(rows.end(account, keep, at)))
    }

    async fn rename(&self, account: AccountId, name: Title) -> Result<bool, AccountError> {
        let mut rows = self.rows.lock();
        let Some((account, _)) = rows.accounts.get_mut(&account) else { return Ok(false) };
        account.name = name;
        Ok(true)
    }

    async fn create_session(
        &self,
        new: NewSession,
        proof: &PasswordHash,
        living_max: usize,
    ) -> Result<Option<Vec<SessionId>>, AccountError> {
        let rows = &mut *self.rows.lock();
        let Some((_, password)) = rows.accounts.get(&new.account) else {
            return Err(AccountError::NoSuchAccount);
        };
        if password != proof {
            return Ok(None);
        }
        let (account, id, at) = (new.account, new.session, new.at);
        rows.begin(new);
        let mut others: Vec<_> = rows
            .living(account)
            .filter(|session| session.id != id)
            .map(|session| (session.refreshed_at, session.id))
            .collect();
        others.sort_unstable();
        others.truncate((others.len() + 1).saturating_sub(living_max));
        for (_, id) in &others {
            if let Some(session) = rows.sessions.get_mut(id) {
                session.revoked_at = Some(at);
            }
        }
        Ok(Some(others.into_iter().map(|(_, id)| id).collect()))
    }

    async fn sessions(&self, account: AccountId) -> Result<Vec<Session>, AccountError> {
        Ok(self.rows.lock().living(account).map(|session| session.clone()).collect())
    }

    async fn session(&self, id: SessionId) -> Result<Option<Session>, AccountError> {
        Ok(self.rows.lock().sessions.get(&id).cloned())
    }

    async fn rotate(&self, rotation: Rotation) -> Result<bool, AccountError> {
        let Rotation { session, presented, successor, at } = rotation;
        let rows = &mut *self.rows.lock();
        match rows.sessions.get_mut(&session) {
            Some(session) if session.revoked_at.is_none() && session.refresh == presented => {
                session.superseded.push(Superseded { refresh: presented, at });
                let excess = session.superseded.len().saturating_sub(SUPERSEDED_MAX);
                session.superseded.drain(..excess);
                session.refresh = successor;
                session.refreshed_at = at;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    async fn revoke(&self, id: SessionId, at: Micros) -> Result<bool, AccountError> {
        match self.rows.lock().sessions.get_mut(&id) {
            Some(session) if session.revoked_at.is_none() => {
                session.revoked_at = Some(at);
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    async fn revoke_all(
        &self,
        account: AccountId,
        at: Micros,
    ) -> Result<Vec<SessionId>, AccountError> {
        Ok(self.rows.lock().end(account, None, at))
    }

    async fn tie(
        &self,
        account: AccountId,
        tie: Tie,
        other: AccountId,
        at: Micros,
        max: usize,
    ) -> Result<Tied, AccountError> {
        let rows = &mut *self.rows.lock();
        if let Some(at) = rows.ties.get(&(tie, account, other)) {
            return Ok(Tied::Before(*at));
        }
        if [account, other].iter().any(|account| !rows.accounts.contains_key(account)) {
            return Err(AccountError::NoSuchAccount);
        }
        let own = rows.ties.keys().filter(|(kind, of, _)| (*kind, *of) == (tie, account));
        if own.count() >= max {
            return Ok(Tied::TooMany);
        }
        rows.ties.insert((tie, account, other), at);
        Ok(Tied::Now)
    }

    async fn untie(
        &self,
        account: AccountId,
        tie: Tie,
        other: AccountId,
    ) -> Result<bool, AccountError> {
        Ok(self.rows.lock().ties.remove(&(tie, account, other)).is_some())
    }

    async fn tied(
        &self,
        account: AccountId,
        tie: Tie,
        other: AccountId,
    ) -> Result<Option<Micros>, AccountError> {
        Ok(self.rows.lock().ties.get(&(tie, account, other)).copied())
    }

    async fn ties(
        &self,
        account: AccountId,
        tie: Tie,
        after: Option<AccountId>,
        max: usize,
    ) -> Result<Vec<(AccountId, Micros)>, AccountError> {
        let rows = self.rows.lock();
        let own = rows.ties.iter().filter(|((kind, of, _), _)| (*kind, *of) == (tie, account));
        let others = own.map(|((_, _, other), at)| (*other, *at));
        Ok(others.filter(|(other, _)| after.is_none_or(|after| *other > after)).take(max).collect())
    }

    async fn all_ties(
        &self,
        tie: Tie,
        after: Option<(AccountId, AccountId)>,
        max: usize,
    ) -> Result<Vec<(AccountId, AccountId)>, AccountError> {
        let rows = self.rows.lock();
        let pairs = rows.ties.keys().filter(|(kind, ..)| *kind == tie);
        let pairs = pairs.map(|(_, account, other)| (*account, *other));
        Ok(pairs.filter(|pair| after.is_none_or(|after| *pair > after)).take(max).collect())
    }

    async fn revoked_since(&self, since: Micros) -> Result<Vec<(SessionId, Micros)>, AccountError> {
        let rows = self.rows.lock();
        let revoked =
            rows.sessions.values().filter_map(|session| Some((session.id, session.revoked_at?)));
        Ok(revoked.filter(|(_, at)| *at >= since).collect())
    }

    async fn note_seen(&self, seen: &[(AccountId, Micros)]) -> Result<(), AccountError> {
        let rows = &mut *self.rows.lock();
        for (account, at) in seen.iter().filter(|(id, _)| rows.accounts.contains_key(id)) {
            let known = rows.seen.entry(*account).or_insert(*at);
            *known = (*known).max(*at);
        }
        Ok(())
    }

    async fn last_seen(&self, ids: &[AccountId]) -> Result<Vec<(AccountId, Micros)>, AccountError> {
        let rows = self.rows.lock();
        let mut seen: Vec<_> =
            ids.iter().filter_map(|id| Some((*id, *rows.seen.get(id)?))).collect();
        seen.sort_unstable();
        seen.dedup();
        Ok(seen)
    }
}

#[cfg(test)]
mod tests;
