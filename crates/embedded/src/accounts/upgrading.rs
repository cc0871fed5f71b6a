//! From the tables of one release to those of the next, and back as long as nothing speaks against it.
//!
//! Before the tables of an older release are changed, a copy of them is kept beside. **Law**: going back never makes an account unknown that
//! conversations may know, never gives an old password back, and never lets a session live again that was ended.

use std::fs;
use std::path::{Path, PathBuf};

use parlance_ports::AccountError;
use sqlx::sqlite::SqliteConnection;
use sqlx::{ConnectOptions, Connection, Error};

use super::{copy, create, failure, options, schema, sync_folder};

const FOUND: &str = "SELECT max(version) FROM _sqlx_migrations WHERE success";
const HAS_VERSIONS: &str = "SELECT count(*) FROM sqlite_schema WHERE name = '_sqlx_migrations'";
const ATTACH: &str = "ATTACH DATABASE ? AS kept";
/// What going back would undo that must not be undone: how much of it there is, and what it is.
const AGAINST: &[(&str, &str)] = &[
    (
        "SELECT count(*) FROM main.accounts WHERE id NOT IN (SELECT id FROM kept.accounts)",
        "accounts were made",
    ),
    (
        "SELECT count(*) FROM main.credentials c JOIN kept.credentials k ON k.account = c.account
            WHERE k.password <> c.password",
        "passwords were changed",
    ),
    (
        "SELECT count(*) FROM main.sessions s JOIN kept.sessions k ON k.id = s.id
            WHERE s.revoked_at IS NOT NULL AND k.revoked_at IS NULL",
        "sessions were ended",
    ),
];
/// Sessions whose token was renewed since: the older one must not work again.
const RENEWED: &str = "DELETE FROM kept.sessions WHERE id IN (SELECT s.id FROM main.sessions s
    JOIN kept.sessions k ON k.id = s.id WHERE s.refresh <> k.refresh)";
const LONELY: &str = "DELETE FROM kept.devices WHERE id NOT IN (SELECT device FROM kept.sessions)";
const SIGNED_IN: &str = "SELECT count(*) FROM main.sessions WHERE revoked_at IS NULL
    AND id NOT IN (SELECT id FROM kept.sessions)";

/// The tables that are there, and those of this release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Versions {
    /// 0: there are none.
    pub found: i64,
    pub wanted: i64,
    /// What leads from the one to the other, by number and name.
    pub steps: Vec<(i64, &'static str)>,
}

/// What going back came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undone {
    pub from: i64,
    pub to: i64,
    /// Devices that signed in or renewed their session since, and have to sign in again.
    pub signed_out: u64,
    /// Where the newer tables are now.
    pub kept: PathBuf,
}

/// Why there is no going back.
#[derive(Debug, thiserror::Error)]
pub enum UndoError {
    #[error("no tables of an older release were kept: there is nothing to go back to")]
    Nothing,
    #[error(
        "since the upgrade {0}, which going back would undo: restore a backup instead, or stay"
    )]
    Against(String),
    #[error(transparent)]
    Accounts(#[from] AccountError),
}

/// Reads the version of the database at `path`, and changes nothing.
pub async fn versions(path: &Path) -> Result<Versions, AccountError> {
    let found = if path.exists() {
        let mut database =
            options(path).read_only(true).connect().await.map_err(failure::before)?;
        let found = version_in(&mut database).await;
        let closed = database.close().await;
        found.and_then(|found| closed.map(|()| found)).map_err(failure::before)?
    } else {
        0
    };
    Ok(compare(found))
}

fn compare(found: i64) -> Versions {
    let all = schema::steps();
    let wanted = all.last().map_or(0, |(version, _)| *version);
    let steps = all.into_iter().filter(|(version, _)| *version > found).collect();
    Versions { found, wanted, steps }
}

async fn version_in(database: &mut SqliteConnection) -> Result<i64, Error> {
    let tables: i64 = sqlx::query_scalar(HAS_VERSIONS).fetch_one(&mut *database).await?;
    if tables == 0 {
        return Ok(0);
    }
    let found: Option<i64> = sqlx::query_scalar(FOUND).fetch_one(database).await?;
    Ok(found.unwrap_or(0))
}

/// Where the tables of this version are kept when they are changed.
fn place(path: &Path, version: i64) -> PathBuf {
    path.with_file_name(format!("accounts-before-{version}.sqlite"))
}

/// Keeps a copy of the tables that are there, if they are about to be changed.
pub(super) async fn keep(path: &Path) -> Result<(), AccountError> {
    let versions = versions(path).await?;
    let (Some((next, _)), 1..) = (versions.steps.first(), versions.found) else { return Ok(()) };
    let io =
        |error: std::io::Error| AccountError::Unavailable(format!("{}: {error}", path.display()));
    let into = place(path, *next);
    // One from an earlier try is older than what is there now.
    match fs::remove_file(&into) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(io(error)),
        _ => {}
    }
    copy(path, &into).await?;
    fs::File::open(&into).and_then(|file| file.sync_all()).map_err(io)?;
    sync_folder(&into).map_err(io)?;
    tracing::info!(
        from = versions.found,
        to = versions.wanted,
        kept = %into.display(),
        "the accounts are brought up to date; `parlance rollback` goes back to what is kept"
    );
    Ok(())
}

/// Puts the tables back that were kept before the last upgrade of the database at `path`, which no process has open.
pub async fn undo(path: &Path) -> Result<Undone, UndoError> {
    let Versions { found, .. } = versions(path).await?;
    let kept = (1..=found).rev().map(|version| place(path, version)).find(|kept| kept.exists());
    let Some(older) = kept else { return Err(UndoError::Nothing) };
    let to = versions(&older).await?.found;
    if to == 0 || to >= found {
        return Err(UndoError::Nothing);
    }
    let signed_out = ask(path, &older).await?;
    let newer = path.with_file_name(format!("accounts-undone-{found}.sqlite"));
    let put = || -> std::io::Result<()> {
        fs::rename(path, &newer)?;
        // Made first, so that nobody else can read it at any time.
        create(path)?;
        fs::copy(&older, path)?;
        fs::File::open(path)?.sync_all()?;
        fs::remove_file(&older)?;
        sync_folder(path)
    };
    put().map_err(|error| AccountError::Unavailable(format!("{}: {error}", path.display())))?;
    Ok(Undone { from: found, to, signed_out, kept: newer })
}

/// Whether anything speaks against going back; if not, takes the sessions out of the older tables whose tokens are not theirs any more. How
/// many devices have to sign in again.
async fn ask(path: &Path, older: &Path) -> Result<u64, UndoError> {
    let name = older.to_str().ok_or(AccountError::Unavailable("a name is not UTF-8".into()))?;
    let mut database = options(path).connect().await.map_err(failure::before)?;
    let asked = async {
        sqlx::query(ATTACH).bind(name).execute(&mut database).await?;
        let mut against = Vec::new();
        for (query, what) in AGAINST {
            let count: i64 = sqlx::query_scalar(*query).fetch_one(&mut database).await?;
            if count > 0 {
                against.push(format!("{count} {what}"));
            }
        }
        if !against.is_empty() {
            return Ok((against, 0));
        }
        let signed_in: i64 = sqlx::query_scalar(SIGNED_IN).fetch_one(&mut database).await?;
        let renewed = sqlx::query(RENEWED).execute(&mut database).await?.rows_affected();
        sqlx::query(LONELY).execute(&mut database).await?;
        Ok::<_, Error>((against, signed_in.unsigned_abs() + renewed))
    };
    let asked = asked.await;
    // The last to close folds the log into the file that is moved away.
    let closed = database.close().await;
    let (against, signed_out) = asked.map_err(failure::before)?;
    closed.map_err(failure::before)?;
    if against.is_empty() { Ok(signed_out) } else { Err(UndoError::Against(against.join(", "))) }
}

#[cfg(test)]
mod tests {
    use super::super::Accounts;
    use super::*;

    /// The accounts of the first release, brought up to date, and then changed by `change`.
    async fn upgraded(folder: &Path, change: &'static str) -> PathBuf {
        let written =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/v1/accounts.sqlite");
        let path = folder.join("accounts.sqlite");
        fs::copy(written, &path).unwrap();
        Accounts::open(&path).await.unwrap().close().await;
        let mut database = options(&path).connect().await.unwrap();
        let changed = sqlx::query(change).execute(&mut database).await.unwrap();
        assert_eq!(changed.rows_affected(), 1, "{change}");
        database.close().await.unwrap();
        path
    }

    async fn sessions(path: &Path) -> i64 {
        let mut database = options(path).connect().await.unwrap();
        let count = sqlx::query_scalar("SELECT count(*) FROM sessions");
        let count = count.fetch_one(&mut database).await.unwrap();
        database.close().await.unwrap();
        count
    }

    #[tokio::test]
    async fn a_session_that_was_renewed_does_not_come_back_with_its_old_token() {
        let folder = tempfile::tempdir().unwrap();
        let renew = "UPDATE sessions SET refresh = randomblob(32)
            WHERE id = (SELECT id FROM sessions WHERE revoked_at IS NULL LIMIT 1)";
        let path = upgraded(folder.path(), renew).await;
        let before = sessions(&path).await;
        let undone = undo(&path).await.unwrap();
        assert_eq!((undone.to, undone.signed_out), (1, 1));
        assert_eq!(sessions(&path).await, before - 1);
        assert_eq!(super::super::verify(&path).await, Ok(Vec::new()));
        assert!(undone.kept.is_file());
    }

    #[tokio::test]
    async fn a_session_that_was_ended_speaks_against_it() {
        let folder = tempfile::tempdir().unwrap();
        let end = "UPDATE sessions SET revoked_at = 1
            WHERE id = (SELECT id FROM sessions WHERE revoked_at IS NULL LIMIT 1)";
        let path = upgraded(folder.path(), end).await;
        let refused = undo(&path).await.map(drop).unwrap_err().to_string();
        assert!(refused.contains("1 sessions were ended"), "{refused}");
        assert_eq!(versions(&path).await.unwrap().steps, []);
    }
}
