//! What the owner of an account does with it: see and end its sessions, and give it another password or name.

use std::net::IpAddr;

use parlance_core::Refusal;
use parlance_ports::{Credentials, PasswordChange, Session};
use parlance_types::frame::Person;
use parlance_types::{AccountId, Code, DeviceId, Handle, Micros, SessionId, Title};

use super::password::Password;
use super::{Accounts, Signed, refused};

/// Last uses are told by the hour: enough to notice a stranger, too little to follow a person.
const USE_MICROS: u64 = 60 * 60 * 1_000_000;

/// A session as its owner sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionView {
    pub session: SessionId,
    pub device: DeviceId,
    pub device_name: Option<Title>,
    pub created_at: Micros,
    /// The hour in which it was used last.
    pub used_at: Micros,
    /// It is the one that asks.
    pub current: bool,
}

impl Accounts {
    /// The sessions of an account that live, the last used first. `is_online` says whether one has a connection now.
    pub async fn sessions(
        &self,
        signed: Signed,
        is_online: impl Fn(SessionId) -> bool,
    ) -> Result<Vec<SessionView>, Refusal> {
        let now = self.clock.now();
        let mut sessions = self.store.sessions(signed.account).await.map_err(refused)?;
        sessions
            .retain(|session| session.refreshed_at.plus_ms(self.config.session_unused_ms) >= now);
        let mut views: Vec<SessionView> = sessions
            .into_iter()
            .map(|Session { id, device, device_name, created_at, refreshed_at, .. }| {
                let current = id == signed.session;
                let used = if current || is_online(id) { now } else { refreshed_at };
                let used_at = Micros::new(used.get() / USE_MICROS * USE_MICROS);
                SessionView { session: id, device, device_name, created_at, used_at, current }
            })
            .collect();
        views.sort_unstable_by_key(|view| (view.used_at, view.created_at, view.session));
        views.reverse();
        Ok(views)
    }

    /// Ends one of the account's own sessions. One that has ended is not an error; somebody else's is not there.
    pub async fn end_session(&self, signed: Signed, session: SessionId) -> Result<(), Refusal> {
        let found = self.store.session(session).await.map_err(refused)?;
        if found.is_none_or(|found| found.account != signed.account) {
            return Err(Refusal::new(Code::NotFound));
        }
        self.end(signed.account, session).await
    }

    /// Ends every session of the account, the one that asks as well.
    pub async fn sign_out_everywhere(&self, signed: Signed) -> Result<(), Refusal> {
        let at = self.clock.now();
        let living = self.living(signed.account).await?;
        let write = async { self.store.revoke_all(signed.account, at).await.map(Some) };
        self.ending(signed.account, living, at, write).await.map(drop)
    }

    /// Ends every session of the account but the one that asks.
    pub async fn sign_out_elsewhere(&self, signed: Signed) -> Result<(), Refusal> {
        for session in self.living(signed.account).await? {
            if session != signed.session {
                self.end(signed.account, session).await?;
            }
        }
        Ok(())
    }

    /// Gives the account another password and ends its other sessions. Who asks proves the old one: a token alone may be stolen.
    pub async fn change_password(
        &self,
        signed: Signed,
        password: &str,
        new_password: &str,
        from: IpAddr,
    ) -> Result<(), Refusal> {
        let wrong = || Refusal::field(Code::WrongPassword, "password");
        let with = Password::new(new_password)
            .ok_or_else(|| Refusal::field(Code::WeakPassword, "new_password"))?;
        let (handle, known) = self.credentials_of(signed.account).await?;
        // Guessing here is guessing.
        let attempt = self.attempts.begin(&handle, from, self.clock.steady())?;
        let Some(proved) = self.prove(Some(known), password).await? else {
            attempt.was_wrong();
            return Err(wrong());
        };
        attempt.was_right();
        let with = self.passwords.hash(with).await?;
        let at = self.clock.now();
        let change = PasswordChange {
            account: signed.account,
            current: proved.password,
            with,
            keep: Some(signed.session),
            at,
        };
        let mut others = self.living(signed.account).await?;
        others.retain(|session| *session != signed.session);
        let write = self.store.change_password(change);
        // `None`: somebody else changed it a moment ago.
        self.ending(signed.account, others, at, write).await?.map(drop).ok_or_else(wrong)
    }

    /// Shows the account by another name from now on.
    pub async fn rename(&self, account: AccountId, name: Title) -> Result<Person, Refusal> {
        let not_found = || Refusal::new(Code::NotFound);
        if !self.store.rename(account, name).await.map_err(refused)? {
            return Err(not_found());
        }
        let found = self.store.accounts(&[account]).await.map_err(refused)?.pop();
        found.map(|account| self.keep(account)).ok_or_else(not_found)
    }

    /// The account's sessions that live.
    pub(super) async fn living(&self, account: AccountId) -> Result<Vec<SessionId>, Refusal> {
        let living = self.store.sessions(account).await.map_err(refused)?;
        Ok(living.iter().map(|session| session.id).collect())
    }

    async fn credentials_of(&self, account: AccountId) -> Result<(Handle, Credentials), Refusal> {
        let gone = || Refusal::new(Code::NotFound);
        let found = self.store.accounts(&[account]).await.map_err(refused)?.pop();
        let handle = found.ok_or_else(gone)?.handle;
        let known = self.store.credentials(&handle).await.map_err(refused)?.ok_or_else(gone)?;
        Ok((handle, known))
    }
}
