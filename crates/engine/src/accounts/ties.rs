//! Contacts and blocks: who is known to an account, and whom it wants nothing from.
//!
//! **A block that was answered holds for the next send**, here and after every start: the store has it, and what stamps commands has it too.

use parlance_core::{Refusal, identity};
use parlance_ports::{AccountError, Tie, Tied};
use parlance_types::{AccountId, Code, ConversationId, Micros, limits};

use super::{Accounts, refused};

/// Blocks read at a time when a node starts.
const PAGE: usize = 4_096;
/// Times that a changed block is read again because it changed once more.
const ATTEMPTS_MAX: usize = 64;

impl Accounts {
    /// Whether a block closes a direct conversation. Reads no database and waits for nobody.
    pub(crate) fn is_closed(&self, direct: ConversationId) -> bool {
        self.blocks.is_closed(direct)
    }

    /// Since when; and whether that is new. To be run to its end whoever asked for it.
    pub async fn tie(
        &self,
        account: AccountId,
        tie: Tie,
        other: AccountId,
    ) -> Result<(Micros, bool), Refusal> {
        if account == other {
            return Err(Refusal::field(Code::InvalidField, "account"));
        }
        let max = match tie {
            Tie::Contact => limits::CONTACTS_MAX,
            Tie::Block => limits::BLOCKS_MAX,
        };
        let at = self.clock.now();
        let written = self.store.tie(account, tie, other, at, max).await;
        self.follow(account, tie, other, true).await;
        match written {
            Ok(Tied::Now) => Ok((at, true)),
            Ok(Tied::Before(at)) => Ok((at, false)),
            Ok(Tied::TooMany) => Err(Refusal::new(Code::TooManyPeople)),
            Err(AccountError::NoSuchAccount) => Err(Refusal::field(Code::NotFound, "account")),
            Err(error) => Err(refused(error)),
        }
    }

    /// As if there never had been one. To be run to its end whoever asked for it.
    pub async fn untie(
        &self,
        account: AccountId,
        tie: Tie,
        other: AccountId,
    ) -> Result<(), Refusal> {
        let written = self.store.untie(account, tie, other).await;
        self.follow(account, tie, other, false).await;
        written.map(drop).map_err(refused)
    }

    /// Since when there is a tie.
    pub async fn tied(
        &self,
        account: AccountId,
        tie: Tie,
        other: AccountId,
    ) -> Result<Option<Micros>, Refusal> {
        self.store.tied(account, tie, other).await.map_err(refused)
    }

    /// At most `max` of those to whom `account` is tied, above `after`, in order of their ids.
    pub async fn ties(
        &self,
        account: AccountId,
        tie: Tie,
        after: Option<AccountId>,
        max: usize,
    ) -> Result<Vec<(AccountId, Micros)>, Refusal> {
        self.store.ties(account, tie, after, max).await.map_err(refused)
    }

    /// Reads every block; only then may a command be stamped.
    pub(super) async fn load_blocks(&self) -> Result<(), AccountError> {
        let mut after = None;
        loop {
            let page = self.store.all_ties(Tie::Block, after, PAGE).await?;
            for (account, other) in &page {
                let direct = identity::direct(*account, *other);
                self.blocks.set(direct, true, self.blocks.now(direct));
            }
            match page.last() {
                Some(last) if page.len() == PAGE => after = Some(*last),
                _ => return Ok(()),
            }
        }
    }

    /// Lays down what the store says of these two now. If it cannot be asked, a block that was wished counts.
    async fn follow(&self, account: AccountId, tie: Tie, other: AccountId, wished: bool) {
        if tie != Tie::Block {
            return;
        }
        let direct = identity::direct(account, other);
        self.blocks.changed(direct);
        for _ in 0..ATTEMPTS_MAX {
            let since = self.blocks.now(direct);
            let is_closed = match self.is_blocked(account, other).await {
                Ok(is_closed) => is_closed,
                Err(error) => {
                    tracing::warn!(%error, "could not read whether a block holds");
                    wished || self.blocks.is_closed(direct)
                }
            };
            if self.blocks.set(direct, is_closed, since) {
                if is_closed {
                    self.blocked.call(account, other);
                }
                return;
            }
        }
        tracing::warn!("a block changes all the time");
    }

    async fn is_blocked(&self, one: AccountId, other: AccountId) -> Result<bool, AccountError> {
        let by_one = self.store.tied(one, Tie::Block, other).await?;
        Ok(by_one.is_some() || self.store.tied(other, Tie::Block, one).await?.is_some())
    }
}
