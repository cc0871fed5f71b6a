//! What is done to a group: members, roles, title, description, settings.
//!
//! A group that has members has an owner: the last one cannot give the role up, and by leaving passes it on.

use std::collections::BTreeSet;

use parlance_types::{
    AccountId, Action, Body, Code, MessageText, Role, Seq, SettingsChange, Title, limits,
};

use super::draft::plain;
use super::{Case, Decision, Named, personal};
use crate::policy::Act;
use crate::refusal::Refusal;
use crate::state::{Member, State};

/// The event after which the conversation already was as the action wants it. `None`: it would change something, or cannot be.
pub(super) fn settled(state: &State, action: &Action) -> Option<Seq> {
    let info = state.info()?;
    match action {
        Action::Rename { title } => (info.title.as_ref() == Some(title)).then_some(info.titled),
        Action::Describe { text } => (info.description == *text).then_some(info.described),
        Action::Settings(change) => {
            (info.settings.with(*change) == info.settings).then_some(info.set)
        }
        Action::Role { account, role } => {
            let member = state.member(*account)?;
            (member.role == Some(*role)).then_some(member.role_since)
        }
        Action::Remove { account } => state.member(*account).and_then(Member::left),
        Action::Personal(wish) => personal::settled(state, wish),
        Action::Add { accounts } => {
            let mut last = None;
            for account in accounts {
                let member = state.member(*account).filter(|member| member.is_current())?;
                last = last.max(member.joined());
            }
            last
        }
        _ => None,
    }
}

impl Case<'_> {
    pub(super) fn add(&self, accounts: &[AccountId]) -> Result<Decision, Refusal> {
        self.check(Act::Add)?;
        if accounts.is_empty() {
            return Err(Refusal::field(Code::InvalidField, "accounts"));
        }
        if let Some(settled) = self.settled()? {
            return Ok(settled);
        }
        let is_in =
            |account: &AccountId| self.state.member(*account).is_some_and(Member::is_current);
        let came: BTreeSet<AccountId> =
            accounts.iter().copied().filter(|account| !is_in(account)).collect();
        if came.iter().any(|account| self.is_unknown(*account)) {
            return Err(Refusal::field(Code::NotFound, "accounts"));
        }
        if self.state.audience().len() + came.len() > limits::MEMBERS_MAX {
            return Err(Refusal::field(Code::TooManyMembers, "accounts"));
        }
        let stays =
            |account: &AccountId| self.state.member(*account).map_or(0, |m| m.intervals.len());
        if came.iter().any(|account| stays(account) >= limits::INTERVALS_MAX) {
            return Err(Refusal::field(Code::TooManyJoins, "accounts"));
        }
        Ok(self.decided(plain(Body::Add { accounts: came.into_iter().collect() })))
    }

    pub(super) fn remove(&self, account: AccountId) -> Result<Decision, Refusal> {
        if account == self.command.sender {
            // That is `leave`.
            return Err(Refusal::field(Code::InvalidField, "account"));
        }
        // Whoever may remove nobody learns nothing of who was in.
        self.check(Act::Remove(Role::Member))?;
        let Some(member) = self.state.member(account) else {
            return Err(Refusal::field(Code::NotFound, "account"));
        };
        if let Some(settled) = self.settled()? {
            return Ok(settled);
        }
        self.check(Act::Remove(member.role.unwrap_or(Role::Member)))?;
        Ok(self.decided(plain(Body::Remove { account })))
    }

    pub(super) fn leave(&self) -> Result<Decision, Refusal> {
        self.check(Act::TakePart)?;
        let promoted = self.is_last_owner().then(|| self.heir()).flatten();
        Ok(self.decided(plain(Body::Leave { promoted })))
    }

    pub(super) fn change_role(&self, account: AccountId, role: Role) -> Result<Decision, Refusal> {
        self.check(Act::ChangeRole)?;
        if !self.state.member(account).is_some_and(Member::is_current) {
            return Err(Refusal::field(Code::NotFound, "account"));
        }
        if let Some(settled) = self.settled()? {
            return Ok(settled);
        }
        if account == self.command.sender && self.is_last_owner() {
            return Err(Refusal::new(Code::LastOwner));
        }
        Ok(self.decided(plain(Body::Role { account, role })))
    }

    pub(super) fn rename(&self, title: &Title) -> Result<Decision, Refusal> {
        self.change(Act::ChangeInfo, Body::Rename { title: title.clone() })
    }

    pub(super) fn describe(&self, text: Option<&MessageText>) -> Result<Decision, Refusal> {
        self.change(Act::ChangeInfo, Body::Describe { text: text.cloned() })
    }

    pub(super) fn change_settings(&self, change: SettingsChange) -> Result<Decision, Refusal> {
        self.change(Act::ChangeSettings, Body::Settings(change))
    }

    fn change(&self, act: Act, body: Body) -> Result<Decision, Refusal> {
        self.check(act)?;
        match self.settled()? {
            Some(settled) => Ok(settled),
            None => Ok(self.decided(plain(body))),
        }
    }

    /// The answer if nothing would change.
    pub(super) fn settled(&self) -> Result<Option<Decision>, Refusal> {
        let Some(seq) = settled(self.state, &self.command.action) else { return Ok(None) };
        let fact = self.facts.target.as_ref().filter(|(record, _)| record.seq == seq);
        // The event exists, so a shell that did not bring it could not read.
        let (record, _) = fact.ok_or(Refusal::new(Code::Unavailable))?;
        Ok(Some(Decision::Duplicate(Named::from(record))))
    }

    fn is_last_owner(&self) -> bool {
        let is_owner = |member: &&Member| member.role == Some(Role::Owner);
        self.role == Role::Owner && self.state.members().filter(is_owner).count() == 1
    }

    /// Who becomes owner when the last one leaves: the admin who has been in longest, else the member who has.
    fn heir(&self) -> Option<AccountId> {
        let others = self.state.members().filter(|member| member.account != self.command.sender);
        let current =
            others.filter_map(|member| Some((member.role?, member.joined()?, member.account)));
        let first = |(role, joined, account)| (std::cmp::Reverse(role), joined, account);
        current.min_by_key(|found| first(*found)).map(|(_, _, account)| account)
    }
}
