//! The port, in SQL.

use async_trait::async_trait;
use parlance_ports::{
    Account, AccountError, AccountStore, Credentials, NewSession, PasswordChange, PasswordHash,
    Rotation, SUPERSEDED_MAX, Search, Session, Superseded, Tie, Tied,
};
use parlance_types::{AccountId, Handle, Micros, SessionId, Title};
use sqlx::sqlite::SqliteRow;
use sqlx::{Sqlite, Transaction};

use super::row::{self, time_column};
use super::statements::{
    LIVING_SESSIONS_OF, end, insert_session, living_sessions, password, password_is,
    update_password, update_session,
};
use super::{Accounts, failure, names};

const ACCOUNTS_BY_ID: &str = "SELECT id, handle, name, created_at, checksum FROM accounts
    WHERE id IN (SELECT unhex(value) FROM json_each(?))";
const ACCOUNT_BY_HANDLE: &str =
    "SELECT id, handle, name, created_at, checksum FROM accounts WHERE handle = ?";
const CREDENTIALS_BY_HANDLE: &str = "SELECT c.account, c.password, c.checksum
    FROM accounts a JOIN credentials c ON c.account = a.id WHERE a.handle = ?";
const SESSION_BY_ID: &str =
    "SELECT s.id, s.account, s.device, s.created_at, s.refresh, s.refreshed_at,
    s.superseded, s.revoked_at, s.checksum, d.id, d.account, d.name, d.created_at, d.checksum
    FROM sessions s JOIN devices d ON d.id = s.device WHERE s.id = ?";
const REVOKED_SINCE: &str =
    "SELECT s.id, s.account, s.device, s.created_at, s.refresh, s.refreshed_at,
    s.superseded, s.revoked_at, s.checksum, d.id, d.account, d.name, d.created_at, d.checksum
    FROM sessions s JOIN devices d ON d.id = s.device WHERE s.revoked_at >= ?";
const INSERT_ACCOUNT: &str =
    "INSERT INTO accounts (id, handle, name, created_at, checksum) VALUES (?, ?, ?, ?, ?)";
const INSERT_CREDENTIALS: &str =
    "INSERT INTO credentials (account, password, checksum) VALUES (?, ?, ?)";
const UPDATE_NAME: &str = "UPDATE accounts SET name = ?, checksum = ? WHERE id = ?";

#[async_trait]
impl AccountStore for Accounts {
    async fn create_account(
        &self,
        account: Account,
        password: PasswordHash,
        first: NewSession,
    ) -> Result<(), AccountError> {
        let mut write = self.begin().await?;
        sqlx::query(INSERT_ACCOUNT)
            .bind(account.id.as_bytes().as_slice())
            .bind(account.handle.as_str())
            .bind(account.name.as_str())
            .bind(time_column(account.created_at))
            .bind(row::of_account(&account))
            .execute(&mut *write)
            .await
            .map_err(handle_taken)?;
        sqlx::query(INSERT_CREDENTIALS)
            .bind(account.id.as_bytes().as_slice())
            .bind(password.as_str())
            .bind(row::of_credentials(account.id, &password))
            .execute(&mut *write)
            .await
            .map_err(failure::before)?;
        names::index(&mut write, &[account]).await?;
        insert_session(&mut write, first).await?;
        write.commit().await.map_err(failure::commit)
    }

    async fn credentials(&self, handle: &Handle) -> Result<Option<Credentials>, AccountError> {
        let query = sqlx::query(CREDENTIALS_BY_HANDLE).bind(handle.as_str());
        let found = query.fetch_optional(&self.readers).await.map_err(failure::before)?;
        let Some(found) = found else { return Ok(None) };
        let (account, password) = row::credentials(&found).map_err(failure::before)?;
        Ok(Some(Credentials { account, password }))
    }

    async fn replace_password(
        &self,
        account: AccountId,
        current: &PasswordHash,
        with: PasswordHash,
    ) -> Result<bool, AccountError> {
        let mut write = self.begin().await?;
        if !password_is(&mut write, account, current).await? {
            return Ok(false);
        }
        update_password(&mut write, account, &with).await?;
        write.commit().await.map_err(failure::commit)?;
        Ok(true)
    }

    async fn change_password(
        &self,
        change: PasswordChange,
    ) -> Result<Option<Vec<SessionId>>, AccountError> {
        let PasswordChange { account, current, with, keep, at } = change;
        let mut write = self.begin().await?;
        if !password_is(&mut write, account, &current).await? {
            return Ok(None);
        }
        update_password(&mut write, account, &with).await?;
        let mut others = living_sessions(&mut write, Some(account)).await?;
        others.retain(|session| Some(session.id) != keep);
        let ended = end(&mut write, others, at).await?;
        write.commit().await.map_err(failure::commit)?;
        Ok(Some(ended))
    }

    async fn rename(&self, account: AccountId, name: Title) -> Result<bool, AccountError> {
        let mut write = self.begin().await?;
        let query = sqlx::query(ACCOUNTS_BY_ID).bind(hexadecimal_list(&[account]));
        let found = query.fetch_optional(&mut *write).await.map_err(failure::before)?;
        let Some(found) = found else { return Ok(false) };
        let renamed = Account { name, ..row::account(&found).map_err(failure::before)? };
        sqlx::query(UPDATE_NAME)
            .bind(renamed.name.as_str())
            .bind(row::of_account(&renamed))
            .bind(account.as_bytes().as_slice())
            .execute(&mut *write)
            .await
            .map_err(failure::before)?;
        names::forget(&mut write, account).await?;
        names::index(&mut write, &[renamed]).await?;
        write.commit().await.map_err(failure::commit)?;
        Ok(true)
    }

    async fn search(&self, search: &Search) -> Result<Vec<Account>, AccountError> {
        self.find(search).await
    }

    async fn accounts(&self, ids: &[AccountId]) -> Result<Vec<Account>, AccountError> {
        let query = sqlx::query(ACCOUNTS_BY_ID).bind(hexadecimal_list(ids));
        let found = query.fetch_all(&self.readers).await.map_err(failure::before)?;
        found.iter().map(row::account).collect::<Result<_, _>>().map_err(failure::before)
    }

    async fn account_by_handle(&self, handle: &Handle) -> Result<Option<Account>, AccountError> {
        let query = sqlx::query(ACCOUNT_BY_HANDLE).bind(handle.as_str());
        let found = query.fetch_optional(&self.readers).await.map_err(failure::before)?;
        found.as_ref().map(row::account).transpose().map_err(failure::before)
    }

    async fn create_session(
        &self,
        new: NewSession,
        proof: &PasswordHash,
        living_max: usize,
    ) -> Result<Option<Vec<SessionId>>, AccountError> {
        let (account, id, at) = (new.account, new.session, new.at);
        let mut write = self.begin().await?;
        let known = password(&mut write, account).await?.ok_or(AccountError::NoSuchAccount)?;
        if known != *proof {
            return Ok(None);
        }
        insert_session(&mut write, new).await?;
        let mut others = living_sessions(&mut write, Some(account)).await?;
        others.retain(|session| session.id != id);
        others.sort_unstable_by_key(|session| (session.refreshed_at, session.id));
        others.truncate((others.len() + 1).saturating_sub(living_max));
        let ended = end(&mut write, others, at).await?;
        write.commit().await.map_err(failure::commit)?;
        Ok(Some(ended))
    }

    async fn session(&self, id: SessionId) -> Result<Option<Session>, AccountError> {
        let query = sqlx::query(SESSION_BY_ID).bind(id.as_bytes().as_slice());
        let found = query.fetch_optional(&self.readers).await.map_err(failure::before)?;
        found.as_ref().map(row::session).transpose().map_err(failure::before)
    }

    async fn sessions(&self, account: AccountId) -> Result<Vec<Session>, AccountError> {
        let query = sqlx::query(LIVING_SESSIONS_OF).bind(account.as_bytes().as_slice());
        let found = query.fetch_all(&self.readers).await.map_err(failure::before)?;
        found.iter().map(row::session).collect::<Result<_, _>>().map_err(failure::before)
    }

    async fn rotate(&self, rotation: Rotation) -> Result<bool, AccountError> {
        let Rotation { session, presented, successor, at } = rotation;
        self.change(session, |session| {
            if session.refresh != presented {
                return false;
            }
            session.superseded.push(Superseded { refresh: presented, at });
            let excess = session.superseded.len().saturating_sub(SUPERSEDED_MAX);
            session.superseded.drain(..excess);
            session.refresh = successor;
            session.refreshed_at = at;
            true
        })
        .await
    }

    async fn revoke(&self, id: SessionId, at: Micros) -> Result<bool, AccountError> {
        self.change(id, |session| {
            session.revoked_at = Some(at);
            true
        })
        .await
    }

    async fn revoke_all(
        &self,
        account: AccountId,
        at: Micros,
    ) -> Result<Vec<SessionId>, AccountError> {
        self.end_sessions(Some(account), at).await
    }

    async fn tie(
        &self,
        account: AccountId,
        tie: Tie,
        other: AccountId,
        at: Micros,
        max: usize,
    ) -> Result<Tied, AccountError> {
        self.write_tie(account, tie, other, at, max).await
    }

    async fn untie(
        &self,
        account: AccountId,
        tie: Tie,
        other: AccountId,
    ) -> Result<bool, AccountError> {
        self.delete_tie(account, tie, other).await
    }

    async fn tied(
        &self,
        account: AccountId,
        tie: Tie,
        other: AccountId,
    ) -> Result<Option<Micros>, AccountError> {
        self.read_tie(account, tie, other).await
    }

    async fn ties(
        &self,
        account: AccountId,
        tie: Tie,
        after: Option<AccountId>,
        max: usize,
    ) -> Result<Vec<(AccountId, Micros)>, AccountError> {
        self.read_ties(account, tie, after, max).await
    }

    async fn all_ties(
        &self,
        tie: Tie,
        after: Option<(AccountId, AccountId)>,
        max: usize,
    ) -> Result<Vec<(AccountId, AccountId)>, AccountError> {
        self.read_all_ties(tie, after, max).await
    }

    async fn revoked_since(&self, since: Micros) -> Result<Vec<(SessionId, Micros)>, AccountError> {
        let query = sqlx::query(REVOKED_SINCE).bind(time_column(since));
        let found = query.fetch_all(&self.readers).await.map_err(failure::before)?;
        let mut revoked = Vec::with_capacity(found.len());
        for found in &found {
            let session = row::session(found).map_err(failure::before)?;
            revoked.extend(session.revoked_at.map(|at| (session.id, at)));
        }
        Ok(revoked)
    }

    async fn note_seen(&self, seen: &[(AccountId, Micros)]) -> Result<(), AccountError> {
        self.note(seen).await
    }

    async fn last_seen(&self, ids: &[AccountId]) -> Result<Vec<(AccountId, Micros)>, AccountError> {
        self.noted(ids).await
    }
}

impl Accounts {
    /// Takes the lock for writing at once, so that what is read next is still so at the commit. Dropped, it writes nothing.
    pub(super) async fn begin(&self) -> Result<Transaction<'static, Sqlite>, AccountError> {
        self.writer.begin_with("BEGIN IMMEDIATE").await.map_err(failure::before)
    }

    /// Reads a session that is not revoked and writes what `change` makes of it, unless that answers `false`.
    async fn change(
        &self,
        id: SessionId,
        change: impl FnOnce(&mut Session) -> bool + Send,
    ) -> Result<bool, AccountError> {
        let mut write = self.begin().await?;
        let query = sqlx::query(SESSION_BY_ID).bind(id.as_bytes().as_slice());
        let found: Option<SqliteRow> =
            query.fetch_optional(&mut *write).await.map_err(failure::before)?;
        let Some(found) = found else { return Ok(false) };
        let mut session = row::session(&found).map_err(failure::before)?;
        if session.revoked_at.is_some() || !change(&mut session) {
            return Ok(false);
        }
        update_session(&mut write, &session).await?;
        write.commit().await.map_err(failure::commit)?;
        Ok(true)
    }

    /// Ends the living sessions of an account, or of all.
    pub(crate) async fn end_sessions(
        &self,
        account: Option<AccountId>,
        at: Micros,
    ) -> Result<Vec<SessionId>, AccountError> {
        let mut write = self.begin().await?;
        let living = living_sessions(&mut write, account).await?;
        let ended = end(&mut write, living, at).await?;
        write.commit().await.map_err(failure::commit)?;
        Ok(ended)
    }
}

/// The only unique column that a caller can collide in is the handle: ids are made once.
fn handle_taken(error: sqlx::Error) -> AccountError {
    match &error {
        sqlx::Error::Database(known)
            if known.is_unique_violation() && known.message().contains("accounts.handle") =>
        {
            AccountError::HandleTaken
        }
        _ => failure::before(error),
    }
}

/// The id without hyphens, as `unhex` takes it.
pub(super) fn hexadecimal(id: AccountId) -> String {
    id.encode_text(&mut [0; 36]).chars().filter(|digit| *digit != '-').collect()
}

/// A JSON array of the ids without hyphens: one bound value, and so one prepared statement, whatever their number.
pub(super) fn hexadecimal_list(ids: &[AccountId]) -> String {
    let mut list = String::with_capacity(2 + ids.len() * 35);
    list.push('[');
    for id in ids {
        let separator = if list.len() == 1 { "\"" } else { ",\"" };
        list.push_str(separator);
        list.push_str(&hexadecimal(*id));
        list.push('"');
    }
    list.push(']');
    list
}
