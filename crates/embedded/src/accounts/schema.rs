//! The tables, and how older ones become newer ones. A migration that was released never changes.

use std::borrow::Cow;

use parlance_ports::AccountError;
use sqlx::SqlSafeStr;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::sqlite::SqlitePool;

use super::failure;

const MIGRATIONS: &[(i64, &str, &str)] = &[
    (1, "accounts", include_str!("migrations/1_accounts.sql")),
    (2, "living_sessions", include_str!("migrations/2_living_sessions.sql")),
    (3, "ties", include_str!("migrations/3_ties.sql")),
    (4, "last_seen", include_str!("migrations/4_last_seen.sql")),
    (5, "names", include_str!("migrations/5_names.sql")),
];

/// All migrations, or those up to a version: what an older release made.
pub(super) fn migrator(up_to: Option<i64>) -> Migrator {
    let one = |&(version, name, sql): &(i64, &'static str, &'static str)| {
        let kind = MigrationType::Simple;
        Migration::new(version, Cow::Borrowed(name), kind, sql.into_sql_str(), false)
    };
    let wanted =
        MIGRATIONS.iter().filter(|(version, ..)| up_to.is_none_or(|last| *version <= last));
    Migrator::with_migrations(wanted.map(one).collect())
}

/// The number and the name of every migration.
pub(super) fn steps() -> Vec<(i64, &'static str)> {
    MIGRATIONS.iter().map(|&(version, name, _)| (version, name)).collect()
}

/// Brings the tables up to date.
pub(super) async fn migrate(writer: &SqlitePool) -> Result<(), AccountError> {
    migrator(None).run(writer).await.map_err(|error| match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => {
            failure::commit(error)
        }
        MigrateError::VersionMissing(version) => AccountError::Unavailable(format!(
            "the accounts were written by a newer version (migration {version}); start that one"
        )),
        other => AccountError::Damaged(format!("accounts: {other}")),
    })
}
