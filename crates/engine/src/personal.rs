//! The own view of conversations: what somebody keeps of them, laid over the heads that everybody gets.
//!
//! It filters what one person is shown of a list and is **never part of who may see what**: pages and events are as they were.

use std::sync::Arc;

use parlance_core::{Refusal, Shelf, identity};
use parlance_types::frame::Head;
use parlance_types::{AccountId, ConversationId, Ordinal, PersonalAt, Seq};

use crate::Engine;
use crate::fetch::unavailable;
use crate::shard::record_at;

/// How a list looks to its owner.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View {
    /// There is a log of the own devices, and so something may be kept.
    pub(crate) has_log: bool,
    /// What is hidden is left out. Not for whoever goes on from a cursor: a copy that is held must not fall behind unnoticed.
    pub(crate) leaves_hidden_out: bool,
}

impl Engine {
    /// What `account` keeps of a conversation that it knows. `Err` with `not_found`: it does not know any such.
    pub async fn personal(
        &self,
        account: AccountId,
        conversation: ConversationId,
    ) -> Result<Option<PersonalAt>, Refusal> {
        let known = self.store().membership(account, conversation).await;
        if known.map_err(|error| unavailable(&error))?.is_none() {
            return Err(Refusal::new(parlance_types::Code::NotFound));
        }
        let kept = self.shelf(account).await?.and_then(|shelf| shelf.get(conversation));
        Ok(kept.map(|kept| PersonalAt::clone(&kept)))
    }

    /// Everything that `account` keeps.
    pub(crate) async fn shelf(&self, account: AccountId) -> Result<Option<Arc<Shelf>>, Refusal> {
        let devices = identity::devices(account);
        // Most accounts keep nothing, and a log that is not there need not be looked for by its shard.
        let log = self.store().membership(account, devices).await;
        match log.map_err(|error| unavailable(&error))? {
            Some(_) => self.ask_shelf(devices).await,
            None => Ok(None),
        }
    }

    /// The head as its owner wants to see it. `None`: not at all.
    pub(crate) async fn personally(
        &self,
        mut head: Head,
        all: &Shelf,
        view: View,
    ) -> Result<Option<Head>, Refusal> {
        let Some(kept) = all.get(head.conversation) else { return Ok(Some(head)) };
        let personal = &kept.personal;
        if let Some(hidden) = personal.hidden
            && view.leaves_hidden_out
            && self.nothing_said_since(&head, hidden).await?
        {
            return Ok(None);
        }
        if let Some(cleared) = personal.cleared {
            if head.unread > 0 {
                let seen = self.ordinal_at(&head, cleared).await?;
                head.unread = head.unread.min(head.ordinal.get().saturating_sub(seen.get()));
            }
            head.last = head.last.take_if(|last| last.seq > cleared);
        }
        head.personal = Some(Box::new(PersonalAt::clone(&kept)));
        Ok(Some(head))
    }

    /// Whether no message lies above `seq`.
    async fn nothing_said_since(&self, head: &Head, seq: Seq) -> Result<bool, Refusal> {
        Ok(seq >= head.seq || self.ordinal_at(head, seq).await? >= head.ordinal)
    }

    async fn ordinal_at(&self, head: &Head, seq: Seq) -> Result<Ordinal, Refusal> {
        if seq >= head.seq {
            return Ok(head.ordinal);
        }
        let record = record_at(&**self.store(), head.conversation, seq).await;
        let record = record.map_err(|error| unavailable(&error))?;
        // The log is dense, so only a store that lost something has nothing there; then all is shown.
        Ok(record.map_or(Ordinal::ZERO, |record| record.ordinal))
    }
}
