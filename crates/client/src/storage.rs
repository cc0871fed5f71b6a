//! What survives the process: the tokens of the device, its positions and its outbox, behind a trait and in one file by default.
//!
//! **A message is kept before it is sent, and a position only after everything before it was taken.** So whoever is killed at any moment
//! sends again what may not have arrived, under the same names, and is told again of what it may not have dealt with.

mod file;

use std::io;

use parlance_protocol::rest::Tokens;

use crate::ClientError;
use crate::machine::{Entry, Saved};

pub use file::FileStorage;

/// All that a device has to remember.
///
/// ```
/// use parlance_client::{Secret, Stored, Tokens};
/// let tokens = r#"{"account":"01930000-0000-7000-8000-000000000001","device":"01930000-0000-7000-8000-000000000002",
///     "session":"01930000-0000-7000-8000-000000000003","access_token":"a","expires_in":900,"refresh_token":"r"}"#;
/// let text = format!(r#"{{"version":1,"tokens":{tokens},"saved":{{"cursor":null,"conversations":[],"outbox":[]}}}}"#);
/// let stored = Stored::from_json(&text)?;
/// assert_eq!(stored.tokens.access_token, Secret::new("a"));
/// assert_eq!(Stored::from_json(&stored.to_json())?, stored);
/// # Ok::<(), parlance_client::ClientError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The session. Secret: whoever has them is this device.
    pub tokens: Tokens,
    /// How far it has come, and what is on its way.
    pub saved: Saved,
}

/// Where a device remembers. Implement it to keep what a [`Connection`](crate::Connection) knows beside what the application keeps,
/// for instance in the same transaction of a database.
///
/// It is called by whoever calls [`Connection::next`](crate::Connection::next) and [`Connection::send`](crate::Connection::send): at
/// most once for each message that is sent, and once whenever everything that was given out has been taken.
///
/// ```
/// use parlance_client::{Storage, Stored};
///
/// /// Forgets with the process, as tests like it.
/// #[derive(Default)]
/// struct Memory(Option<Stored>);
///
/// impl Storage for Memory {
///     fn load(&self) -> std::io::Result<Option<Stored>> {
///         Ok(self.0.clone())
///     }
///     fn store(&mut self, stored: &Stored) -> std::io::Result<()> {
///         self.0 = Some(stored.clone());
///         Ok(())
///     }
/// }
/// assert!(Memory::default().load()?.is_none());
/// # Ok::<(), std::io::Error>(())
/// ```
pub trait Storage: Send {
    /// What was stored last; `None`: nothing yet.
    fn load(&self) -> io::Result<Option<Stored>>;

    /// Puts this in the place of what was there. When it returns, the new state survives a crash; until then the old one does; never
    /// anything between the two.
    fn store(&mut self, stored: &Stored) -> io::Result<()>;
}

/// Keeps a storage up to date.
pub(crate) struct Keeper {
    storage: Box<dyn Storage>,
    stored: Stored,
    /// Something was given out since.
    stale: bool,
}

impl std::fmt::Debug for Keeper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keeper").field("stale", &self.stale).finish_non_exhaustive()
    }
}

impl Keeper {
    /// Goes on with what is there, as the device that has these tokens now.
    pub(crate) fn new(mut storage: Box<dyn Storage>, tokens: &Tokens) -> Result<Self, ClientError> {
        let tokens = tokens.clone();
        let saved = match storage.load().map_err(ClientError::Storage)? {
            Some(Stored { tokens: theirs, .. }) if theirs.account != tokens.account => {
                return Err(ClientError::OtherAccount(theirs.account));
            }
            Some(stored) => stored.saved,
            None => Saved::default(),
        };
        let stored = Stored { tokens, saved };
        storage.store(&stored).map_err(ClientError::Storage)?;
        Ok(Self { storage, stored, stale: false })
    }

    pub(crate) const fn saved(&self) -> &Saved {
        &self.stored.saved
    }

    /// Keeps what is about to be sent.
    pub(crate) fn put(&mut self, entry: &Entry) -> Result<(), ClientError> {
        if self.stored.saved.outbox.iter().any(|known| known.message_id == entry.message_id) {
            return Ok(());
        }
        self.stored.saved.outbox.push(entry.clone());
        let kept = self.storage.store(&self.stored);
        if kept.is_err() {
            self.stored.saved.outbox.pop();
        }
        kept.map_err(ClientError::Storage)
    }

    /// Something was given out that may change what is to be kept.
    pub(crate) const fn gave_out(&mut self) {
        self.stale = true;
    }

    /// Everything that was given out was taken: keeps where that leaves the device.
    pub(crate) fn keep(
        &mut self,
        tokens: &Tokens,
        saved: impl FnOnce() -> Option<Saved>,
    ) -> Result<(), ClientError> {
        if !self.stale && self.stored.tokens == *tokens {
            return Ok(());
        }
        if let Some(saved) = saved() {
            self.stored.saved = saved;
            self.stale = false;
        }
        self.stored.tokens.clone_from(tokens);
        self.storage.store(&self.stored).map_err(ClientError::Storage)
    }
}
