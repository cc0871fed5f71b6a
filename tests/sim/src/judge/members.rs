//! Membership the naive way: every stay of everybody, folded from what the events say.

use std::collections::BTreeMap;

use parlance_types::{AccountId, Kind, Role};

use super::content::Content;

/// A stay: what can be seen, from which event on it was so, and its end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stay {
    pub(super) from: u64,
    pub(super) join: u64,
    pub(super) left: Option<u64>,
}

#[derive(Debug, Default)]
pub(super) struct Members {
    pub(super) stays: BTreeMap<AccountId, Vec<Stay>>,
    pub(super) roles: BTreeMap<AccountId, Role>,
    sees_all: bool,
}

impl Members {
    pub(super) fn apply(&mut self, seq: u64, kind: Kind, sender: AccountId, content: &Content) {
        match kind {
            Kind::Create => {
                // Those of the beginning see the beginning, whatever the setting.
                for (account, role) in &content.members {
                    self.come(seq, *account, *role);
                }
                self.sees_all = content.sees_all.unwrap_or(false);
            }
            Kind::Settings => self.sees_all = content.sees_all.unwrap_or(self.sees_all),
            Kind::Add => {
                for account in &content.accounts {
                    self.come(seq, *account, Role::Member);
                }
            }
            Kind::Remove => content.accounts.iter().for_each(|account| self.go(seq, *account)),
            Kind::Leave => {
                self.go(seq, sender);
                for heir in &content.accounts {
                    self.roles.insert(*heir, Role::Owner);
                }
            }
            Kind::Role => {
                if let (Some(account), Some(role)) = (content.accounts.first(), content.role) {
                    self.roles.insert(*account, role);
                }
            }
            _ => {}
        }
    }

    fn come(&mut self, seq: u64, account: AccountId, role: Role) {
        self.roles.insert(account, role);
        let from = if self.sees_all { 1 } else { seq };
        self.stays.entry(account).or_default().push(Stay { from, join: seq, left: None });
    }

    fn go(&mut self, seq: u64, account: AccountId) {
        self.roles.remove(&account);
        if let Some(stay) = self.stays.get_mut(&account).and_then(|stays| stays.last_mut()) {
            stay.left = Some(seq);
        }
    }

    fn of(&self, account: AccountId) -> &[Stay] {
        self.stays.get(&account).map_or(&[], |stays| stays)
    }

    /// Whether `account` may see `seq`, knowing the log up to `as_of`.
    pub(super) fn sees(&self, account: AccountId, seq: u64, as_of: u64) -> bool {
        let mut stays = self.of(account).iter().filter(|stay| stay.join <= as_of);
        stays.any(|stay| stay.from <= seq && stay.left.is_none_or(|left| seq <= left))
    }

    /// Whether `account` was in when `seq` happened, or by it came or went.
    pub(super) fn present(&self, account: AccountId, seq: u64) -> bool {
        let mut stays = self.of(account).iter();
        stays.any(|stay| stay.join <= seq && stay.left.is_none_or(|left| seq <= left))
    }

    /// The first and the last event that `account` may see of `length`.
    pub(super) fn bounds(&self, account: AccountId, length: u64) -> Option<(u64, u64)> {
        let stays = self.of(account);
        let first = stays.iter().map(|stay| stay.from).min()?;
        Some((first, stays.last()?.left.unwrap_or(length)))
    }
}
