//! What an error of SQLite means to those who asked.

use parlance_ports::AccountError;
use sqlx::Error;

/// Primary result codes of SQLite.
const IO: i32 = 10;
const CORRUPT: i32 = 11;
const FULL: i32 = 13;
const NOT_A_DATABASE: i32 = 26;

/// An error before anything was committed: nothing was written.
#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` hands over")]
pub(super) fn before(error: Error) -> AccountError {
    match (&error, code(&error)) {
        (_, Some(FULL)) => AccountError::Full,
        (_, Some(CORRUPT | NOT_A_DATABASE))
        | (Error::ColumnDecode { .. } | Error::Decode(_), _) => {
            AccountError::Damaged(format!("accounts: {error}"))
        }
        (Error::Database(known), _) if known.is_foreign_key_violation() => {
            AccountError::NoSuchAccount
        }
        _ => AccountError::Unavailable(error.to_string()),
    }
}

/// An error of the commit itself. Where the disk failed, the end of the transaction may be in the log already and be found there by
/// the next who opens it.
pub(super) fn commit(error: Error) -> AccountError {
    let lost = matches!(error, Error::WorkerCrashed | Error::Io(_) | Error::Protocol(_));
    if lost || code(&error) == Some(IO) {
        return AccountError::Unknown(error.to_string());
    }
    before(error)
}

fn code(error: &Error) -> Option<i32> {
    let Error::Database(known) = error else { return None };
    let extended: i32 = known.code()?.parse().ok()?;
    Some(extended & 0xff)
}
