//! Rows and their checksums. A row that is read is what was written, or it is damaged.

use parlance_ports::{
    Account, NewSession, PasswordHash, SUPERSEDED_MAX, Session, Superseded, TokenHash,
};
use parlance_types::{AccountId, DeviceId, Handle, Micros, SessionId, Title};
use sqlx::sqlite::SqliteRow;
use sqlx::{Error, Row};

/// A superseded token in its column: 32 bytes of hash, 8 of time.
const SUPERSEDED_SIZE: usize = 40;

/// The CRC-32 over the columns of a row, each behind its length, and its table's name.
struct Checksum(crc32fast::Hasher);

impl Checksum {
    fn of(table: &str) -> Self {
        Self(crc32fast::Hasher::new()).bytes(table.as_bytes())
    }

    fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.update(&(bytes.len() as u64).to_be_bytes());
        self.0.update(bytes);
        self
    }

    fn time(self, time: Micros) -> Self {
        self.bytes(&time.get().to_be_bytes())
    }

    /// An absent column differs from an empty one.
    fn maybe(self, bytes: Option<&[u8]>) -> Self {
        match bytes {
            Some(bytes) => self.bytes(&[1]).bytes(bytes),
            None => self.bytes(&[0]),
        }
    }

    fn finish(self) -> i64 {
        i64::from(self.0.finalize())
    }
}

pub(super) fn of_account(account: &Account) -> i64 {
    Checksum::of("accounts")
        .bytes(account.id.as_bytes())
        .bytes(account.handle.as_str().as_bytes())
        .bytes(account.name.as_bytes())
        .time(account.created_at)
        .finish()
}

pub(super) fn of_credentials(account: AccountId, password: &PasswordHash) -> i64 {
    Checksum::of("credentials")
        .bytes(account.as_bytes())
        .bytes(password.as_str().as_bytes())
        .finish()
}

pub(super) fn of_device(new: &NewSession) -> i64 {
    device(new.device, new.account, new.device_name.as_deref(), new.at)
}

fn device(id: DeviceId, account: AccountId, name: Option<&str>, created_at: Micros) -> i64 {
    Checksum::of("devices")
        .bytes(id.as_bytes())
        .bytes(account.as_bytes())
        .maybe(name.map(str::as_bytes))
        .time(created_at)
        .finish()
}

pub(super) fn of_session(session: &Session) -> i64 {
    let revoked_at = session.revoked_at.map(|at| at.get().to_be_bytes());
    Checksum::of("sessions")
        .bytes(session.id.as_bytes())
        .bytes(session.account.as_bytes())
        .bytes(session.device.as_bytes())
        .time(session.created_at)
        .bytes(session.refresh.as_bytes())
        .time(session.refreshed_at)
        .bytes(&superseded_column(&session.superseded))
        .maybe(revoked_at.as_ref().map(<[u8; 8]>::as_slice))
        .finish()
}

pub(super) fn of_tie(kind: i64, account: AccountId, other: AccountId, at: Micros) -> i64 {
    Checksum::of("ties")
        .bytes(&kind.to_be_bytes())
        .bytes(account.as_bytes())
        .bytes(other.as_bytes())
        .time(at)
        .finish()
}

/// From columns `kind, account, other, at, checksum`. Answers the two accounts and the time.
pub(super) fn tie(row: &SqliteRow) -> Result<(AccountId, AccountId, Micros), Error> {
    let account = AccountId::from_bytes(bytes(row, 1)?);
    let other = AccountId::from_bytes(bytes(row, 2)?);
    let at = time(row, 3)?;
    if row.try_get::<i64, _>(4)? != of_tie(row.try_get(0)?, account, other, at) {
        return Err(damaged("ties", &account));
    }
    Ok((account, other, at))
}

pub(super) fn of_last_seen(account: AccountId, at: Micros) -> i64 {
    Checksum::of("last_seen").bytes(account.as_bytes()).time(at).finish()
}

/// From columns `account, at, checksum`.
pub(super) fn last_seen(row: &SqliteRow) -> Result<(AccountId, Micros), Error> {
    let (account, at) = (AccountId::from_bytes(bytes(row, 0)?), time(row, 1)?);
    let whole = row.try_get::<i64, _>(2)? == of_last_seen(account, at);
    if whole { Ok((account, at)) } else { Err(damaged("last_seen", &account)) }
}

/// Times keep their bits: SQLite has no unsigned numbers, and no clock reaches the sign.
pub(super) fn time_column(time: Micros) -> i64 {
    time.get().cast_signed()
}

pub(super) fn superseded_column(superseded: &[Superseded]) -> Vec<u8> {
    let mut column = Vec::with_capacity(superseded.len() * SUPERSEDED_SIZE);
    for Superseded { refresh, at } in superseded {
        column.extend_from_slice(refresh.as_bytes());
        column.extend_from_slice(&at.get().to_be_bytes());
    }
    column
}

/// From columns `id, handle, name, created_at, checksum`.
pub(super) fn account(row: &SqliteRow) -> Result<Account, Error> {
    let id = AccountId::from_bytes(bytes(row, 0)?);
    let handle: &str = row.try_get(1)?;
    let name: &str = row.try_get(2)?;
    let account = Account {
        id,
        handle: handle.parse::<Handle>().map_err(|_| damaged("accounts", &id))?,
        name: Title::new(name).map_err(|_| damaged("accounts", &id))?,
        created_at: time(row, 3)?,
    };
    // A handle is read in any case, but only one is written.
    let whole =
        row.try_get::<i64, _>(4)? == of_account(&account) && account.handle.as_str() == handle;
    if whole { Ok(account) } else { Err(damaged("accounts", &id)) }
}

/// From columns `account, password, checksum`.
pub(super) fn credentials(row: &SqliteRow) -> Result<(AccountId, PasswordHash), Error> {
    let account = AccountId::from_bytes(bytes(row, 0)?);
    let password = PasswordHash::new(row.try_get::<&str, _>(1)?);
    if row.try_get::<i64, _>(2)? != of_credentials(account, &password) {
        return Err(damaged("credentials", &account));
    }
    Ok((account, password))
}

/// From columns `id, account, name, created_at, checksum`, the first of which is number `first`. Answers the name.
pub(super) fn device_name(row: &SqliteRow, first: usize) -> Result<Option<Title>, Error> {
    let id = DeviceId::from_bytes(bytes(row, first)?);
    let account = AccountId::from_bytes(bytes(row, first + 1)?);
    let name: Option<&str> = row.try_get(first + 2)?;
    let expected = device(id, account, name, time(row, first + 3)?);
    if row.try_get::<i64, _>(first + 4)? != expected {
        return Err(damaged("devices", &id));
    }
    name.map(Title::new).transpose().map_err(|_| damaged("devices", &id))
}

/// From columns `id, account, device, created_at, refresh, refreshed_at, superseded, revoked_at, checksum` and those of its device.
pub(super) fn session(row: &SqliteRow) -> Result<Session, Error> {
    let id = SessionId::from_bytes(bytes(row, 0)?);
    let session = Session {
        id,
        account: AccountId::from_bytes(bytes(row, 1)?),
        device: DeviceId::from_bytes(bytes(row, 2)?),
        device_name: device_name(row, 9)?,
        created_at: time(row, 3)?,
        refresh: TokenHash::from_bytes(bytes(row, 4)?),
        refreshed_at: time(row, 5)?,
        superseded: superseded(row.try_get(6)?).ok_or_else(|| damaged("sessions", &id))?,
        revoked_at: row.try_get::<Option<i64>, _>(7)?.map(|at| Micros::new(at.cast_unsigned())),
    };
    let whole = row.try_get::<i64, _>(8)? == of_session(&session);
    if whole { Ok(session) } else { Err(damaged("sessions", &id)) }
}

fn superseded(column: &[u8]) -> Option<Vec<Superseded>> {
    let (rows, rest) = column.as_chunks::<SUPERSEDED_SIZE>();
    if !rest.is_empty() || rows.len() > SUPERSEDED_MAX {
        return None;
    }
    let one = |row: &[u8; SUPERSEDED_SIZE]| {
        let (refresh, at) = row.split_first_chunk::<32>()?;
        let at = Micros::new(u64::from_be_bytes(at.try_into().ok()?));
        Some(Superseded { refresh: TokenHash::from_bytes(*refresh), at })
    };
    rows.iter().map(one).collect()
}

fn time(row: &SqliteRow, column: usize) -> Result<Micros, Error> {
    row.try_get::<i64, _>(column).map(|at| Micros::new(at.cast_unsigned()))
}

fn bytes<const N: usize>(row: &SqliteRow, column: usize) -> Result<[u8; N], Error> {
    let bytes: &[u8] = row.try_get(column)?;
    bytes.try_into().map_err(|_| Error::Decode(format!("column {column} has not {N} bytes").into()))
}

fn damaged(table: &str, id: &dyn std::fmt::Display) -> Error {
    Error::Decode(format!("row {id} of {table} is not as it was written").into())
}
