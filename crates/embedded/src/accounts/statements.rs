//! What several writes have in common, each as part of a transaction that is the caller's.

use parlance_ports::{AccountError, NewSession, PasswordHash, Session};
use parlance_types::{AccountId, Micros, SessionId};
use sqlx::SqliteConnection;

use super::failure;
use super::row::{self, time_column};

const CREDENTIALS_BY_ID: &str =
    "SELECT account, password, checksum FROM credentials WHERE account = ?";
const LIVING_SESSIONS: &str =
    "SELECT s.id, s.account, s.device, s.created_at, s.refresh, s.refreshed_at,
    s.superseded, s.revoked_at, s.checksum, d.id, d.account, d.name, d.created_at, d.checksum
    FROM sessions s JOIN devices d ON d.id = s.device WHERE s.revoked_at IS NULL";
pub(super) const LIVING_SESSIONS_OF: &str =
    "SELECT s.id, s.account, s.device, s.created_at, s.refresh, s.refreshed_at,
    s.superseded, s.revoked_at, s.checksum, d.id, d.account, d.name, d.created_at, d.checksum
    FROM sessions s JOIN devices d ON d.id = s.device WHERE s.revoked_at IS NULL AND s.account = ?";
const INSERT_DEVICE: &str =
    "INSERT INTO devices (id, account, name, created_at, checksum) VALUES (?, ?, ?, ?, ?)";
const INSERT_SESSION: &str = "INSERT INTO sessions
    (id, account, device, created_at, refresh, refreshed_at, superseded, revoked_at, checksum)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";
const UPDATE_CREDENTIALS: &str =
    "UPDATE credentials SET password = ?, checksum = ? WHERE account = ?";
const UPDATE_SESSION: &str = "UPDATE sessions
    SET refresh = ?, refreshed_at = ?, superseded = ?, revoked_at = ?, checksum = ? WHERE id = ?";

/// Those of an account, or of all.
pub(super) async fn living_sessions(
    write: &mut SqliteConnection,
    account: Option<AccountId>,
) -> Result<Vec<Session>, AccountError> {
    let query = match &account {
        Some(account) => sqlx::query(LIVING_SESSIONS_OF).bind(account.as_bytes().as_slice()),
        None => sqlx::query(LIVING_SESSIONS),
    };
    let found = query.fetch_all(write).await.map_err(failure::before)?;
    found.iter().map(row::session).collect::<Result<_, _>>().map_err(failure::before)
}

pub(super) async fn end(
    write: &mut SqliteConnection,
    sessions: Vec<Session>,
    at: Micros,
) -> Result<Vec<SessionId>, AccountError> {
    let mut ended = Vec::with_capacity(sessions.len());
    for mut session in sessions {
        session.revoked_at = Some(at);
        update_session(&mut *write, &session).await?;
        ended.push(session.id);
    }
    Ok(ended)
}

pub(super) async fn password(
    write: &mut SqliteConnection,
    account: AccountId,
) -> Result<Option<PasswordHash>, AccountError> {
    let query = sqlx::query(CREDENTIALS_BY_ID).bind(account.as_bytes().as_slice());
    let found = query.fetch_optional(write).await.map_err(failure::before)?;
    let known = found.as_ref().map(row::credentials).transpose().map_err(failure::before)?;
    Ok(known.map(|(_, password)| password))
}

pub(super) async fn password_is(
    write: &mut SqliteConnection,
    account: AccountId,
    current: &PasswordHash,
) -> Result<bool, AccountError> {
    Ok(password(write, account).await?.is_some_and(|password| password == *current))
}

pub(super) async fn update_password(
    write: &mut SqliteConnection,
    account: AccountId,
    with: &PasswordHash,
) -> Result<(), AccountError> {
    sqlx::query(UPDATE_CREDENTIALS)
        .bind(with.as_str())
        .bind(row::of_credentials(account, with))
        .bind(account.as_bytes().as_slice())
        .execute(write)
        .await
        .map_err(failure::before)?;
    Ok(())
}

pub(super) async fn update_session(
    write: &mut SqliteConnection,
    session: &Session,
) -> Result<(), AccountError> {
    sqlx::query(UPDATE_SESSION)
        .bind(session.refresh.as_bytes().as_slice())
        .bind(time_column(session.refreshed_at))
        .bind(row::superseded_column(&session.superseded))
        .bind(session.revoked_at.map(time_column))
        .bind(row::of_session(session))
        .bind(session.id.as_bytes().as_slice())
        .execute(write)
        .await
        .map_err(failure::before)?;
    Ok(())
}

pub(super) async fn insert_session(
    write: &mut SqliteConnection,
    new: NewSession,
) -> Result<(), AccountError> {
    sqlx::query(INSERT_DEVICE)
        .bind(new.device.as_bytes().as_slice())
        .bind(new.account.as_bytes().as_slice())
        .bind(new.device_name.as_deref())
        .bind(time_column(new.at))
        .bind(row::of_device(&new))
        .execute(&mut *write)
        .await
        .map_err(failure::before)?;
    let session = Session::from(new);
    sqlx::query(INSERT_SESSION)
        .bind(session.id.as_bytes().as_slice())
        .bind(session.account.as_bytes().as_slice())
        .bind(session.device.as_bytes().as_slice())
        .bind(time_column(session.created_at))
        .bind(session.refresh.as_bytes().as_slice())
        .bind(time_column(session.refreshed_at))
        .bind(row::superseded_column(&session.superseded))
        .bind(None::<i64>)
        .bind(row::of_session(&session))
        .execute(write)
        .await
        .map_err(failure::before)?;
    Ok(())
}
