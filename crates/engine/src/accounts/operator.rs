//! What an operator may do to an account without its password: give it another one. It is asked for at the machine, never by a client.

use parlance_core::Refusal;
use parlance_ports::PasswordChange;
use parlance_types::{AccountId, Code, Handle};

use super::password::Password;
use super::{Accounts, refused};

/// Replacements tried before the operator is told to come back: each failure is another's success.
const ATTEMPTS_MAX: usize = 4;

impl Accounts {
    /// Gives an account another password and ends all its sessions; answers whose it is and how many sessions ended.
    pub async fn reset_password(
        &self,
        handle: &str,
        password: &str,
    ) -> Result<(AccountId, usize), Refusal> {
        let unknown = || Refusal::field(Code::NotFound, "handle");
        let handle: Handle = handle.parse().map_err(|_| unknown())?;
        let password = Password::new(password)
            .ok_or_else(|| Refusal::field(Code::WeakPassword, "password"))?;
        let hash = self.passwords.hash(password).await?;
        for _ in 0..ATTEMPTS_MAX {
            let known = self.store.credentials(&handle).await.map_err(refused)?;
            let known = known.ok_or_else(unknown)?;
            let at = self.clock.now();
            let change = PasswordChange {
                account: known.account,
                current: known.password,
                with: hash.clone(),
                keep: None,
                at,
            };
            let living = self.living(known.account).await?;
            let write = self.store.change_password(change);
            if let Some(ended) = self.ending(known.account, living, at, write).await? {
                return Ok((known.account, ended.len()));
            }
        }
        Err(Refusal::new(Code::Unavailable))
    }
}
