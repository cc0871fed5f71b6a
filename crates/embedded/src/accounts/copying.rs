//! A copy of the database while it is used.

use std::path::Path;

use parlance_ports::AccountError;
use sqlx::{ConnectOptions, Connection};

use super::{create, failure, options};

/// Writes everything committed so far to a new file at `into`. Durable it is when the caller syncs it.
pub(crate) async fn copy(path: &Path, into: &Path) -> Result<(), AccountError> {
    // Made first, so that nobody else can read it at any time.
    create(into)
        .map_err(|error| AccountError::Unavailable(format!("{}: {error}", into.display())))?;
    let name = into.to_str().ok_or_else(|| {
        AccountError::Unavailable(format!("{}: the name is not UTF-8", into.display()))
    })?;
    let mut database = options(path).read_only(true).connect().await.map_err(failure::before)?;
    let copied = sqlx::query("VACUUM INTO ?").bind(name).execute(&mut database).await;
    let closed = database.close().await;
    copied.map_err(failure::before)?;
    closed.map_err(failure::before)
}
