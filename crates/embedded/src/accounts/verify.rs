//! Finds what is wrong with accounts at rest: the write-ahead log, the pages, the tables' own text and every row.

use std::fmt;
use std::path::{Path, PathBuf};

use futures_util::TryStreamExt;
use parlance_ports::AccountError;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{ConnectOptions, Connection, Error, Row};

use super::{failure, names, options, row, schema, wal};

/// Problems that are listed; more of them say nothing new.
const PROBLEMS_MAX: usize = 100;

/// Something that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub file: PathBuf,
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.file.display(), self.what)
    }
}

/// Every table: the migration that made it, what is read of it, and the check of a row.
type Check = fn(&SqliteRow) -> Result<(), Error>;
const TABLES: &[(i64, &str, Check)] = &[
    (1, "SELECT id, handle, name, created_at, checksum FROM accounts", |row| {
        row::account(row).map(drop)
    }),
    (1, "SELECT account, password, checksum FROM credentials", |row| {
        row::credentials(row).map(drop)
    }),
    (1, "SELECT id, account, name, created_at, checksum FROM devices", |row| {
        row::device_name(row, 0).map(drop)
    }),
    (3, "SELECT kind, account, other, at, checksum FROM ties", |row| row::tie(row).map(drop)),
    (
        1,
        "SELECT s.id, s.account, s.device, s.created_at, s.refresh, s.refreshed_at, s.superseded,
            s.revoked_at, s.checksum, d.id, d.account, d.name, d.created_at, d.checksum
            FROM sessions s JOIN devices d ON d.id = s.device",
        |row| row::session(row).map(drop),
    ),
    (4, "SELECT account, at, checksum FROM last_seen", |row| row::last_seen(row).map(drop)),
];

/// Every account with the terms under which it is found.
const NAMES: &str = "SELECT a.id, a.handle, a.name, a.created_at, a.checksum,
    (SELECT json_group_array(n.term ORDER BY n.term) FROM names n WHERE n.account = a.id) FROM accounts a";

/// What must not be there: an account without a password, a device without a session.
const ORPHANS: &[(&str, &str)] = &[
    (
        "SELECT count(*) FROM accounts WHERE id NOT IN (SELECT account FROM credentials)",
        "accounts without credentials",
    ),
    (
        "SELECT count(*) FROM devices WHERE id NOT IN (SELECT device FROM sessions)",
        "devices without a session",
    ),
];

/// The text of the tables, and the migrations that made them.
const TEXT: &str = "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY name";
const LAST_MIGRATION: &str = "SELECT max(version) FROM _sqlx_migrations";
const MIGRATIONS: &str = "SELECT version, success, checksum FROM _sqlx_migrations ORDER BY version";

/// Reads everything in the database at `path`, which no process has open; writes nothing into it.
/// [`AccountError::Unavailable`]: it could not be read, which says nothing about it.
pub async fn verify(path: &Path) -> Result<Vec<Problem>, AccountError> {
    let mut found = Found { file: path.to_owned(), problems: Vec::new() };
    let log = wal::path_of(path);
    match wal::read(&log)
        .map_err(|error| AccountError::Unavailable(format!("{}: {error}", log.display())))?
    {
        wal::State::Whole => {}
        wal::State::Damaged { what } => found.problems.push(Problem { file: log, what }),
        wal::State::Unfinished { frame } => {
            let what = format!(
                "frame {frame} of the last transaction is not whole: a power cut, or damage"
            );
            found.problems.push(Problem { file: log, what });
        }
    }
    match check(path, &mut found).await.map_err(failure::before) {
        Ok(()) => {}
        Err(AccountError::Damaged(what)) => found.add(what),
        Err(AccountError::Unavailable(what)) if found.problems.is_empty() && !path.exists() => {
            return Err(AccountError::Unavailable(what));
        }
        Err(other) => found.add(other.to_string()),
    }
    Ok(found.problems)
}

struct Found {
    file: PathBuf,
    problems: Vec<Problem>,
}

impl Found {
    fn add(&mut self, what: String) {
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(Problem { file: self.file.clone(), what });
        }
    }
}

async fn check(path: &Path, found: &mut Found) -> Result<(), Error> {
    let mut database = options(path).read_only(true).connect().await?;
    let checked = check_content(&mut database, found).await;
    let closed = database.close().await;
    checked.and(closed)
}

async fn check_content(database: &mut SqliteConnection, found: &mut Found) -> Result<(), Error> {
    let whole: Vec<String> =
        sqlx::query_scalar("PRAGMA integrity_check(100)").fetch_all(&mut *database).await?;
    for what in whole.into_iter().filter(|what| what != "ok") {
        found.add(what);
    }
    let strangers = sqlx::query("PRAGMA foreign_key_check").fetch_all(&mut *database).await?;
    for stranger in &strangers {
        let (table, parent): (String, String) = (stranger.try_get(0)?, stranger.try_get(2)?);
        found.add(format!("a row of {table} names one of {parent} that is not there"));
    }
    let last = check_tables(database, found).await?;
    for (_, query, check) in TABLES.iter().filter(|(since, ..)| last >= Some(*since)) {
        check_rows(database, query, *check, found).await;
    }
    if names::version(database).await? == parlance_ports::terms::VERSION {
        check_rows(database, NAMES, names::check, found).await;
    }
    for (query, what) in ORPHANS {
        let count: i64 = sqlx::query_scalar(*query).fetch_one(&mut *database).await?;
        if count > 0 {
            found.add(format!("{count} {what}"));
        }
    }
    Ok(())
}

/// The text of the tables and the list of migrations are those of the version that the file says it is of: this one or an older one.
/// Answers which.
async fn check_tables(
    database: &mut SqliteConnection,
    found: &mut Found,
) -> Result<Option<i64>, Error> {
    let mut fresh = sqlx::sqlite::SqliteConnectOptions::new().in_memory(true).connect().await?;
    let last: Option<i64> = sqlx::query_scalar(LAST_MIGRATION).fetch_one(&mut *database).await?;
    schema::migrator(last)
        .run(&mut fresh)
        .await
        .map_err(|error| Error::Migrate(Box::new(error)))?;
    let tables = async |database: &mut SqliteConnection| {
        sqlx::query_as::<_, (String, String, String, Option<String>)>(TEXT)
            .fetch_all(database)
            .await
    };
    if tables(&mut *database).await? != tables(&mut fresh).await? {
        found.add("the tables are not those of this version".into());
    }
    let migrations = async |database: &mut SqliteConnection| {
        sqlx::query_as::<_, (i64, bool, Vec<u8>)>(MIGRATIONS).fetch_all(database).await
    };
    if migrations(&mut *database).await? != migrations(&mut fresh).await? {
        found.add("the migrations are not those of this version".into());
    }
    fresh.close().await?;
    Ok(last)
}

/// Goes through all rows of a table, one at a time: there may be many.
async fn check_rows(
    database: &mut SqliteConnection,
    query: &'static str,
    check: Check,
    found: &mut Found,
) {
    let mut rows = sqlx::query(query).fetch(database);
    loop {
        let checked = match rows.try_next().await {
            Ok(Some(row)) => check(&row),
            Ok(None) => return,
            Err(error) => {
                found.add(error.to_string());
                return;
            }
        };
        if let Err(error) = checked {
            found.add(error.to_string());
        }
    }
}
