//! When accounts were last seen.

use parlance_ports::AccountError;
use parlance_types::{AccountId, Micros};

use super::row::{self, time_column};
use super::store::hexadecimal_list;
use super::{Accounts, failure};

const NOTE: &str = "INSERT INTO last_seen (account, at, checksum)
    SELECT ?1, ?2, ?3 WHERE EXISTS (SELECT 1 FROM accounts WHERE id = ?1)
    ON CONFLICT (account) DO UPDATE SET at = excluded.at, checksum = excluded.checksum
    WHERE excluded.at > last_seen.at";
const SEEN: &str = "SELECT account, at, checksum FROM last_seen
    WHERE account IN (SELECT unhex(value) FROM json_each(?))";

impl Accounts {
    pub(super) async fn note(&self, seen: &[(AccountId, Micros)]) -> Result<(), AccountError> {
        let mut write = self.begin().await?;
        for (account, at) in seen {
            sqlx::query(NOTE)
                .bind(account.as_bytes().as_slice())
                .bind(time_column(*at))
                .bind(row::of_last_seen(*account, *at))
                .execute(&mut *write)
                .await
                .map_err(failure::before)?;
        }
        write.commit().await.map_err(failure::commit)
    }

    pub(super) async fn noted(
        &self,
        ids: &[AccountId],
    ) -> Result<Vec<(AccountId, Micros)>, AccountError> {
        let query = sqlx::query(SEEN).bind(hexadecimal_list(ids));
        let found = query.fetch_all(&self.readers).await.map_err(failure::before)?;
        found.iter().map(row::last_seen).collect::<Result<_, _>>().map_err(failure::before)
    }
}
