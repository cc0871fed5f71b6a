//! Finding accounts by the beginning of a name: ranges of an index over the terms of all accounts.
//!
//! Invariant: each account has exactly its terms in the index, of the version that the file names.

use parlance_ports::{Account, AccountError, Search, Tie, terms};
use parlance_types::AccountId;
use sqlx::{Row, SqliteConnection};

use super::store::hexadecimal;
use super::{Accounts, failure, row};

/// Accounts whose terms are made at a time.
const PAGE: i64 = 1_000;
/// Behind all that begins with a prefix: no term has this character, which is none.
const END: char = char::MAX;

/// The least term of one account in a range, and whether it is a contact.
const PLACE: &str = "SELECT min(term), EXISTS (SELECT 1 FROM ties
        WHERE kind = ?4 AND account = ?5 AND other = ?1)
    FROM names WHERE account = ?1 AND term >= ?2 AND term < ?3";
/// Goes through the contacts, not through the range: there are few of them, and any number of names.
const CONTACTS: &str = "SELECT a.id, a.handle, a.name, a.created_at, a.checksum, min(n.term) AS least
    FROM ties t CROSS JOIN names n ON n.account = t.other AND n.term >= ?1 AND n.term < ?2
    CROSS JOIN accounts a ON a.id = t.other
    WHERE t.kind = ?3 AND t.account = ?5
        AND NOT EXISTS (SELECT 1 FROM ties b WHERE b.kind = ?4 AND b.account = t.other AND b.other = ?5)
    GROUP BY t.other HAVING (min(n.term), t.other) > (?6, ?7)
    ORDER BY least, t.other LIMIT ?8";
/// Goes along the range from where the page before ended, and takes each account at its least term.
const OTHERS: &str = "SELECT a.id, a.handle, a.name, a.created_at, a.checksum
    FROM names n CROSS JOIN accounts a ON a.id = n.account
    WHERE (n.term, n.account) > (?6, ?7) AND n.term < ?2
        AND NOT EXISTS (SELECT 1 FROM names m
            WHERE m.account = n.account AND m.term >= ?1 AND m.term < n.term)
        AND NOT EXISTS (SELECT 1 FROM ties c WHERE c.kind = ?3 AND c.account = ?5 AND c.other = n.account)
        AND NOT EXISTS (SELECT 1 FROM ties b WHERE b.kind = ?4 AND b.account = n.account AND b.other = ?5)
    ORDER BY n.term, n.account LIMIT ?8";
const FORGET: &str = "DELETE FROM names WHERE account = ?";
const INSERT: &str = "INSERT INTO names (term, account)
    SELECT value ->> 0, unhex(value ->> 1) FROM json_each(?)";
const VERSION: &str = "PRAGMA user_version";
const ALL: &str = "SELECT id, handle, name, created_at, checksum FROM accounts
    WHERE id > ? ORDER BY id LIMIT ?";

/// What must stay fast with any number of accounts.
#[cfg(test)]
pub(super) const STATEMENTS: [&str; 3] = [PLACE, CONTACTS, OTHERS];

/// Where a page begins.
struct Place {
    among_contacts: bool,
    term: String,
    account: Vec<u8>,
}

impl Place {
    /// Before everybody who is found, contacts first.
    fn start(search: &Search) -> Self {
        Self { among_contacts: true, term: search.prefix.clone(), account: Vec::new() }
    }
}

impl Accounts {
    pub(super) async fn find(&self, search: &Search) -> Result<Vec<Account>, AccountError> {
        let Some(place) = self.place(search).await? else { return Ok(Vec::new()) };
        if !place.among_contacts {
            return self.some(OTHERS, search, &place, search.max).await;
        }
        let mut found = self.some(CONTACTS, search, &place, search.max).await?;
        if found.len() < search.max {
            let (start, left) = (Place::start(search), search.max - found.len());
            found.extend(self.some(OTHERS, search, &start, left).await?);
        }
        Ok(found)
    }

    async fn place(&self, search: &Search) -> Result<Option<Place>, AccountError> {
        let Search { seeker, prefix, after, .. } = search;
        let Some(after) = after else { return Ok(Some(Place::start(search))) };
        let query = sqlx::query_as::<_, (Option<String>, bool)>(PLACE)
            .bind(after.as_bytes().as_slice())
            .bind(prefix)
            .bind(format!("{prefix}{END}"))
            .bind(Tie::Contact as i64)
            .bind(seeker.as_bytes().as_slice());
        let (term, among_contacts) =
            query.fetch_one(&self.readers).await.map_err(failure::before)?;
        let account = after.as_bytes().to_vec();
        Ok(term.map(|term| Place { among_contacts, term, account }))
    }

    async fn some(
        &self,
        statement: &'static str,
        search: &Search,
        place: &Place,
        max: usize,
    ) -> Result<Vec<Account>, AccountError> {
        let query = sqlx::query(statement)
            .bind(&search.prefix)
            .bind(format!("{}{END}", search.prefix))
            .bind(Tie::Contact as i64)
            .bind(Tie::Block as i64)
            .bind(search.seeker.as_bytes().as_slice())
            .bind(&place.term)
            .bind(&place.account)
            .bind(i64::try_from(max).unwrap_or(i64::MAX));
        let found = query.fetch_all(&self.readers).await.map_err(failure::before)?;
        found.iter().map(row::account).collect::<Result<_, _>>().map_err(failure::before)
    }

    /// Makes the index anew if it is not of this version.
    pub(super) async fn index_names(&self) -> Result<(), AccountError> {
        let mut write = self.begin().await?;
        if version(&mut write).await.map_err(failure::before)? == terms::VERSION {
            return Ok(());
        }
        sqlx::query("DELETE FROM names").execute(&mut *write).await.map_err(failure::before)?;
        let mut after = Vec::new();
        loop {
            let query = sqlx::query(ALL).bind(&after).bind(PAGE);
            let page = query.fetch_all(&mut *write).await.map_err(failure::before)?;
            let Some(last) = page.last() else { break };
            after = last.try_get(0).map_err(failure::before)?;
            let mut accounts = Vec::with_capacity(page.len());
            for found in &page {
                match row::account(found) {
                    Ok(account) => accounts.push(account),
                    // Whoever reads it is told, and so is `verify`; the others must be found all the same.
                    Err(error) => tracing::error!(%error, "could not read an account to index it"),
                }
            }
            index(&mut write, &accounts).await?;
        }
        // A pragma takes no bound values.
        let version = sqlx::AssertSqlSafe(format!("{VERSION} = {}", terms::VERSION));
        sqlx::query(version).execute(&mut *write).await.map_err(failure::before)?;
        write.commit().await.map_err(failure::commit)
    }
}

/// The version of the terms in the index.
pub(super) async fn version(database: &mut SqliteConnection) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar(VERSION).fetch_one(database).await
}

/// Takes accounts into the index that have no terms there.
pub(super) async fn index(
    write: &mut SqliteConnection,
    accounts: &[Account],
) -> Result<(), AccountError> {
    let rows: Vec<(String, String)> = accounts
        .iter()
        .flat_map(|account| {
            let id = hexadecimal(account.id);
            terms::of(&account.handle, &account.name)
                .into_iter()
                .map(move |term| (term, id.clone()))
        })
        .collect();
    let rows = serde_json::to_string(&rows).expect("pairs of texts are JSON");
    sqlx::query(INSERT).bind(rows).execute(write).await.map_err(failure::before)?;
    Ok(())
}

/// Takes an account out of the index.
pub(super) async fn forget(
    write: &mut SqliteConnection,
    account: AccountId,
) -> Result<(), AccountError> {
    let query = sqlx::query(FORGET).bind(account.as_bytes().as_slice());
    query.execute(write).await.map_err(failure::before)?;
    Ok(())
}

/// From the columns of an account and a JSON array of its terms in the index.
pub(super) fn check(row: &sqlx::sqlite::SqliteRow) -> Result<(), sqlx::Error> {
    let account = row::account(row)?;
    let found: &str = row.try_get(5)?;
    let found: Result<Vec<String>, _> = serde_json::from_str(found);
    if found.is_ok_and(|found| found.into_iter().eq(terms::of(&account.handle, &account.name))) {
        Ok(())
    } else {
        let what = format!("the names under which {} is found are not its own", account.id);
        Err(sqlx::Error::Decode(what.into()))
    }
}
