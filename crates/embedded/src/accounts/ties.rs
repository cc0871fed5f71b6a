//! Contacts and blocks, in SQL.

use parlance_ports::{AccountError, Tie, Tied};
use parlance_types::{AccountId, Micros};

use super::row::{self, time_column};
use super::{Accounts, failure};

const ONE: &str = "SELECT kind, account, other, at, checksum FROM ties
    WHERE kind = ? AND account = ? AND other = ?";
const COUNT: &str = "SELECT count(*) FROM ties WHERE kind = ? AND account = ?";
const INSERT: &str = "INSERT INTO ties (kind, account, other, at, checksum) VALUES (?, ?, ?, ?, ?)";
const DELETE: &str = "DELETE FROM ties WHERE kind = ? AND account = ? AND other = ?";
const PAGE: &str = "SELECT kind, account, other, at, checksum FROM ties
    WHERE kind = ? AND account = ? AND other > ? ORDER BY other LIMIT ?";
const ALL: &str = "SELECT kind, account, other, at, checksum FROM ties
    WHERE kind = ? AND (account, other) > (?, ?) ORDER BY account, other LIMIT ?";

impl Accounts {
    pub(super) async fn write_tie(
        &self,
        account: AccountId,
        tie: Tie,
        other: AccountId,
        at: Micros,
        max: usize,
    ) -> Result<Tied, AccountError> {
        let (from, to) = (account.as_bytes().as_slice(), other.as_bytes().as_slice());
        let kind = tie as i64;
        let mut write = self.begin().await?;
        let query = sqlx::query(ONE).bind(kind).bind(from).bind(to);
        if let Some(found) = query.fetch_optional(&mut *write).await.map_err(failure::before)? {
            let (.., at) = row::tie(&found).map_err(failure::before)?;
            return Ok(Tied::Before(at));
        }
        let query = sqlx::query_scalar::<_, i64>(COUNT).bind(kind).bind(from);
        let count = query.fetch_one(&mut *write).await.map_err(failure::before)?;
        let is_full = usize::try_from(count).is_ok_and(|count| count >= max);
        if !is_full {
            sqlx::query(INSERT)
                .bind(kind)
                .bind(from)
                .bind(to)
                .bind(time_column(at))
                .bind(row::of_tie(kind, account, other, at))
                .execute(&mut *write)
                .await
                .map_err(failure::before)?;
            write.commit().await.map_err(failure::commit)?;
            return Ok(Tied::Now);
        }
        Ok(Tied::TooMany)
    }

    pub(super) async fn delete_tie(
        &self,
        account: AccountId,
        tie: Tie,
        other: AccountId,
    ) -> Result<bool, AccountError> {
        let mut write = self.begin().await?;
        let query = sqlx::query(DELETE)
            .bind(tie as i64)
            .bind(account.as_bytes().as_slice())
            .bind(other.as_bytes().as_slice());
        let gone = query.execute(&mut *write).await.map_err(failure::before)?.rows_affected();
        write.commit().await.map_err(failure::commit)?;
        Ok(gone > 0)
    }

    pub(super) async fn read_tie(
        &self,
        account: AccountId,
        tie: Tie,
        other: AccountId,
    ) -> Result<Option<Micros>, AccountError> {
        let query = sqlx::query(ONE)
            .bind(tie as i64)
            .bind(account.as_bytes().as_slice())
            .bind(other.as_bytes().as_slice());
        let found = query.fetch_optional(&self.readers).await.map_err(failure::before)?;
        let found = found.as_ref().map(row::tie).transpose().map_err(failure::before)?;
        Ok(found.map(|(.., at)| at))
    }

    pub(super) async fn read_ties(
        &self,
        account: AccountId,
        tie: Tie,
        after: Option<AccountId>,
        max: usize,
    ) -> Result<Vec<(AccountId, Micros)>, AccountError> {
        let after = after.map_or_else(Vec::new, |after| after.as_bytes().to_vec());
        let query = sqlx::query(PAGE)
            .bind(tie as i64)
            .bind(account.as_bytes().as_slice())
            .bind(after)
            .bind(i64::try_from(max).unwrap_or(i64::MAX));
        let found = query.fetch_all(&self.readers).await.map_err(failure::before)?;
        let ties = found.iter().map(|found| row::tie(found).map(|(_, other, at)| (other, at)));
        ties.collect::<Result<_, _>>().map_err(failure::before)
    }

    pub(super) async fn read_all_ties(
        &self,
        tie: Tie,
        after: Option<(AccountId, AccountId)>,
        max: usize,
    ) -> Result<Vec<(AccountId, AccountId)>, AccountError> {
        // Nothing is below an empty text.
        let (account, other) = after.map_or_else(Default::default, |(account, other)| {
            (account.as_bytes().to_vec(), other.as_bytes().to_vec())
        });
        let query = sqlx::query(ALL)
            .bind(tie as i64)
            .bind(account)
            .bind(other)
            .bind(i64::try_from(max).unwrap_or(i64::MAX));
        let found = query.fetch_all(&self.readers).await.map_err(failure::before)?;
        let pairs = found.iter().map(|found| row::tie(found).map(|(from, to, _)| (from, to)));
        pairs.collect::<Result<_, _>>().map_err(failure::before)
    }
}
