//! From content to a decided event: the next `seq`, a later time, the ordinal, digest and link, rows and audience.
//!
//! Cost of a text message, whatever the number of members: one copy of the text for the event, one allocation for the content
//! record, two hashes (digest, link), one reference count for the audience.

use std::sync::Arc;

use parlance_types::{
    AccountId, Body, Command, Content, DeviceId, Entry, Event, MessageId, Micros, OverlayChange,
    Payload, Record, Rows, Salt, Seq, Stamp,
};
use smallvec::smallvec;

use super::{Decided, Decision};
use crate::chain;
use crate::content;
use crate::policy;
use crate::state::{Member, State};

/// An event about to be.
pub(super) struct Draft {
    pub(super) sender: AccountId,
    pub(super) device: Option<DeviceId>,
    pub(super) message_id: MessageId,
    pub(super) time: Micros,
    pub(super) salt: Salt,
    pub(super) content: Content,
}

impl Draft {
    /// The event that the command names.
    pub(super) fn of(command: &Command, stamp: &Stamp, content: Content) -> Self {
        let Command { sender, device, message_id, .. } = *command;
        let salt = chain::salt_of(stamp.salt, 0);
        Self { sender, device, message_id, time: stamp.time, salt, content }
    }

    /// The next event after `state`.
    pub(super) fn decide(self, state: &State) -> Decided {
        let Self { sender, device, message_id, time, salt, content } = self;
        let kind = content.body.kind();
        let target = content.body.target();
        let seq = Seq::after(state.seq());
        let at = time.max(Micros::new(state.at().get().saturating_add(1)));
        let ordinal = if kind.counts() { state.ordinal().next() } else { state.ordinal() };
        let bytes = content::encode(&content);
        let header = chain::Header { seq, at, sender, device, message_id, kind };
        let hash = chain::link(state.hash(), &header, &chain::digest(&salt, &bytes));
        let conversation = state.conversation();
        let payload = Payload::Kept { salt, content: bytes };
        let record = Record {
            conversation,
            seq,
            at,
            sender,
            device,
            message_id,
            kind,
            target,
            ordinal,
            hash,
            payload,
        };
        let event =
            Event { conversation, seq, at, sender, device, message_id, ordinal, hash, content };
        let changed = state.changes(&event);
        let audience = match target {
            Some(target) => who_sees(state, target),
            None => audience(state, &changed),
        };
        let rows = Rows {
            overlay: overlay(&event),
            memberships: changed.iter().map(|member| (member.account, member.row())).collect(),
            mentions: super::message::mentions(state, &event.content.body),
        };
        Decided { event: Box::new(event), entry: Arc::new(Entry { record, rows }), audience }
    }

    pub(super) fn decision(self, state: &State) -> Decision {
        Decision::Decided(smallvec![self.decide(state)])
    }
}

/// A body that refers to nothing.
pub(super) fn plain(body: Body) -> Content {
    Content { body, reply_to: None, seen: None, silent: false }
}

/// The members who see the event that this one changes: it says something about it, and an edit all of it.
fn who_sees(state: &State, target: Seq) -> Arc<[AccountId]> {
    let members = state.audience();
    let sees = |account: &&AccountId| {
        state.member(**account).is_some_and(|member| policy::visible(&member.intervals, target))
    };
    if members.iter().all(|account| sees(&account)) {
        return members.clone();
    }
    members.iter().filter(sees).copied().collect()
}

/// Those who were in before the event, and those whom it brings.
fn audience(state: &State, changed: &[Member]) -> Arc<[AccountId]> {
    let before = state.audience();
    let came = changed.iter().filter(|member| member.is_current()).map(|member| member.account);
    let mut came: Vec<AccountId> =
        came.filter(|account| before.binary_search(account).is_err()).collect();
    if came.is_empty() {
        return before.clone();
    }
    came.extend_from_slice(before);
    came.sort_unstable();
    came.dedup();
    came.into()
}

fn overlay(event: &Event) -> Option<(Seq, OverlayChange)> {
    let account = event.sender;
    let change = match &event.content.body {
        Body::Edit { .. } => OverlayChange::Edited,
        Body::Delete { .. } => OverlayChange::Deleted,
        Body::React { emoji, .. } => OverlayChange::Reacted { account, emoji: emoji.clone() },
        Body::Unreact { emoji, .. } => OverlayChange::Unreacted { account, emoji: emoji.clone() },
        _ => return None,
    };
    event.content.body.target().map(|target| (target, change))
}
