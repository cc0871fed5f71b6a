//! Sessions: their tokens are checked without a database, exchanged with one, and refused at once when they end.

use parlance_core::Refusal;
use parlance_ports::{AccountError, Rotation};
use parlance_types::{AccountId, Code, DeviceId, Micros, SessionId};

use super::access::{self, Signed};
use super::refresh::{self, RefreshToken, Verdict};
use super::secret::Secret;
use super::{Accounts, refused};

/// Exchanges tried before a client is told to come back: each failure is another client's success.
const ATTEMPTS_MAX: usize = 4;

/// A session and its tokens, for the device that holds it.
#[derive(Clone, Debug)]
pub struct Grant {
    pub account: AccountId,
    pub device: DeviceId,
    pub session: SessionId,
    pub access_token: Secret,
    /// Seconds that the access token lives.
    pub expires_in: u64,
    pub refresh_token: Secret,
}

impl Accounts {
    /// Whom an access token names. Reads no database.
    pub fn authenticate(&self, access_token: &str) -> Result<Signed, Code> {
        let now = self.clock.now();
        let digest = *blake3::hash(access_token.as_bytes()).as_bytes();
        let signed = if let Some(signed) = self.checked.get(&digest) {
            signed
        } else {
            let signed = access::verify(&self.keys, access_token, self.config.access_ms)
                .map_err(|_| Code::Unauthenticated)?;
            // One that has expired would take the place of one that is used.
            if signed.expires > now {
                self.checked.insert(digest, signed);
            }
            signed
        };
        if signed.expires <= now {
            return Err(Code::TokenExpired);
        }
        if self.revoked.contains(signed.session) {
            return Err(Code::SessionRevoked);
        }
        Ok(signed)
    }

    /// Exchanges a refresh token for its successor and a new access token. The same token again gets the same successor for a minute;
    /// after that it ends the session, because somebody kept a copy.
    pub async fn refresh(&self, refresh_token: &str) -> Result<Grant, Refusal> {
        let unauthenticated = || Refusal::field(Code::Unauthenticated, "refresh_token");
        let token = RefreshToken::parse(&self.keys, refresh_token).ok_or_else(unauthenticated)?;
        for _ in 0..ATTEMPTS_MAX {
            let found = self.store.session(token.session()).await.map_err(refused)?;
            let session = found.ok_or_else(unauthenticated)?;
            let now = self.clock.now();
            let unused_ms_max = self.config.session_unused_ms;
            match refresh::judge(&self.keys, &session, &token, unused_ms_max, now) {
                Verdict::Exchange => {
                    let successor = token.successor(&self.keys);
                    let rotation = Rotation {
                        session: session.id,
                        presented: token.hash(),
                        successor: successor.hash(),
                        at: now,
                    };
                    if self.store.rotate(rotation).await.map_err(refused)? {
                        return Ok(self.grant(session.account, session.device, &successor));
                    }
                    // Another tab was faster, or the session ended: look again.
                }
                Verdict::Again(current) => {
                    return Ok(self.grant(session.account, session.device, &current));
                }
                Verdict::Reused => {
                    tracing::warn!(session.id = %session.id, "an exchanged refresh token came back: ending its session");
                    self.end(session.account, session.id).await?;
                    return Err(Refusal::new(Code::SessionRevoked));
                }
                Verdict::Unused => {
                    self.end(session.account, session.id).await?;
                    return Err(Refusal::new(Code::SessionRevoked));
                }
                Verdict::Revoked => return Err(Refusal::new(Code::SessionRevoked)),
            }
        }
        Err(refused(AccountError::Unavailable("the session changes all the time".into())))
    }

    /// Ends the session that a token named: its tokens and sockets are refused from now on.
    pub async fn sign_out(&self, signed: Signed) -> Result<(), Refusal> {
        self.end(signed.account, signed.session).await
    }

    pub(super) async fn end(&self, account: AccountId, session: SessionId) -> Result<(), Refusal> {
        let at = self.clock.now();
        // If it had ended before it is over here too.
        let write = async { self.store.revoke(session, at).await.map(|_| Some(vec![session])) };
        self.ending(account, vec![session], at, write).await.map(drop)
    }

    /// Runs a write that ends sessions of an account, and refuses them from then on; `None`: nothing was written. Where nobody can
    /// tell whether it happened, those that were `expected` to end are over here, and the client asks again.
    pub(super) async fn ending(
        &self,
        account: AccountId,
        expected: Vec<SessionId>,
        at: Micros,
        write: impl Future<Output = Result<Option<Vec<SessionId>>, AccountError>>,
    ) -> Result<Option<Vec<SessionId>>, Refusal> {
        let mut ending = Ending { accounts: self, account, sessions: expected, at };
        let written = write.await;
        match &written {
            Ok(ended) => ending.sessions = ended.clone().unwrap_or_default(),
            Err(AccountError::Unknown(_)) => {}
            Err(_) => ending.sessions.clear(),
        }
        drop(ending);
        written.map_err(refused)
    }

    /// Refuses on this node what names a session that ended.
    pub(super) fn refuse(&self, account: AccountId, session: SessionId, at: Micros) {
        self.revoked.insert(session, at.plus_ms(self.config.access_ms), at);
        self.ended.call(account, session);
    }

    /// Fills the deny list with the sessions whose access tokens may still live.
    pub(super) async fn load_revoked(&self) -> Result<(), AccountError> {
        let now = self.clock.now();
        let lifetime = Micros::from_ms(self.config.access_ms).get();
        let since = Micros::new(now.get().saturating_sub(lifetime));
        for (session, at) in self.store.revoked_since(since).await? {
            self.revoked.insert(session, at.plus_ms(self.config.access_ms), now);
        }
        Ok(())
    }

    pub(super) fn grant(
        &self,
        account: AccountId,
        device: DeviceId,
        refresh: &RefreshToken,
    ) -> Grant {
        let now = self.clock.now();
        let expires = now.plus_ms(self.config.access_ms);
        let session = refresh.session();
        Grant {
            account,
            device,
            session,
            access_token: access::issue(
                &self.keys,
                &Signed { account, device, session, expires },
                now,
            ),
            expires_in: self.config.access_ms / 1_000,
            refresh_token: refresh.text(),
        }
    }
}

/// An end that is being written. Dropped, with the request of a client that went away too, it takes effect on this node unless it is
/// known not to have happened.
struct Ending<'a> {
    accounts: &'a Accounts,
    account: AccountId,
    sessions: Vec<SessionId>,
    at: Micros,
}

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        for session in &self.sessions {
            self.accounts.refuse(self.account, *session, self.at);
        }
    }
}
