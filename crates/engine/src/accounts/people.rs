//! How accounts are shown, and which exist. Asked for with every head and page, so what was read lately is kept.
//!
//! An account that exists goes on existing, so only *yes* is remembered, never *no*.

use hashbrown::{HashMap, HashSet};
use parlance_core::Refusal;
use parlance_ports::{ACCOUNTS_MAX, Account, Search, Tie, terms};
use parlance_types::frame::Person;
use parlance_types::{AccountId, Handle, Micros, Title};

use super::{Accounts, refused};

impl Accounts {
    /// Those of these accounts that exist, in the order asked for.
    pub async fn people(&self, accounts: Vec<AccountId>) -> Result<Vec<Person>, Refusal> {
        let mut people = Vec::with_capacity(accounts.len());
        let mut missing = Vec::new();
        for account in &accounts {
            match self.people.get(account) {
                Some(person) => people.push(person),
                None => missing.push(*account),
            }
        }
        if missing.is_empty() {
            return Ok(people);
        }
        people.extend(self.read(&missing).await?);
        let found: HashMap<AccountId, Person> =
            people.into_iter().map(|person| (person.account, person)).collect();
        Ok(accounts.iter().filter_map(|account| found.get(account).cloned()).collect())
    }

    pub async fn person(&self, account: AccountId) -> Result<Option<Person>, Refusal> {
        Ok(self.people(vec![account]).await?.pop())
    }

    /// The account with exactly this handle, without regard to case. Who blocks the seeker is not found.
    pub async fn find(
        &self,
        seeker: AccountId,
        handle: &Handle,
    ) -> Result<Option<Person>, Refusal> {
        let found = self.store.account_by_handle(handle).await.map_err(refused)?;
        let Some(found) = found else { return Ok(None) };
        let blocked = self.store.tied(found.id, Tie::Block, seeker).await.map_err(refused)?;
        Ok(blocked.is_none().then(|| self.keep(found)))
    }

    /// At most `max` of those who are found under the beginning of a handle or of a word of a name, behind `after`: the contacts of
    /// `seeker` first. Who blocks the seeker is not found.
    pub async fn search(
        &self,
        seeker: AccountId,
        text: &Title,
        after: Option<AccountId>,
        max: usize,
    ) -> Result<Vec<Person>, Refusal> {
        let Some(prefix) = terms::prefix(text) else { return Ok(Vec::new()) };
        let search = Search { seeker, prefix, after, max };
        let found = self.store.search(&search).await.map_err(refused)?;
        Ok(found.into_iter().map(|account| self.keep(account)).collect())
    }

    /// When those of these accounts of which it is known were last seen.
    pub async fn last_seen(
        &self,
        accounts: Vec<AccountId>,
    ) -> Result<HashMap<AccountId, Micros>, Refusal> {
        let mut seen = HashMap::with_capacity(accounts.len());
        for some in accounts.chunks(ACCOUNTS_MAX) {
            seen.extend(self.store.last_seen(some).await.map_err(refused)?);
        }
        Ok(seen)
    }

    /// Stores when at most [`parlance_ports::SEEN_MAX`] accounts were last seen.
    pub async fn note_seen(&self, seen: &[(AccountId, Micros)]) -> Result<(), Refusal> {
        self.store.note_seen(seen).await.map_err(refused)
    }

    /// Those of these accounts that do not exist.
    pub async fn unknown(&self, accounts: Vec<AccountId>) -> Result<Vec<AccountId>, Refusal> {
        let mut unknown = accounts;
        unknown.retain(|account| self.people.get(account).is_none());
        if !unknown.is_empty() {
            let found: HashSet<AccountId> =
                self.read(&unknown).await?.into_iter().map(|person| person.account).collect();
            unknown.retain(|account| !found.contains(account));
        }
        Ok(unknown)
    }

    async fn read(&self, accounts: &[AccountId]) -> Result<Vec<Person>, Refusal> {
        let mut people = Vec::with_capacity(accounts.len());
        for some in accounts.chunks(ACCOUNTS_MAX) {
            let found = self.store.accounts(some).await.map_err(refused)?;
            people.extend(found.into_iter().map(|account| self.keep(account)));
        }
        Ok(people)
    }

    pub(super) fn keep(&self, account: Account) -> Person {
        let Account { id, handle, name, created_at: _ } = account;
        let person = Person { account: id, handle, name };
        self.people.insert(id, person.clone());
        person
    }
}
