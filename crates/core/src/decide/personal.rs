//! What somebody keeps of a conversation, in the log of the own devices. The log comes into being with the first of it.
//!
//! A change names what it is based on. Where another device was first it is refused, with the value that it did not know of.

use parlance_types::Command;
use parlance_types::{
    Body, Code, ConversationKind, Listed, PersonalChange, Role, Seq, Settings, Stamp,
};
use smallvec::smallvec;

use super::draft::{Draft, plain};
use super::{Case, Decision};
use crate::chain;
use crate::identity;
use crate::refusal::Refusal;
use crate::state::{self, State};

/// The event since which a conversation is kept as it is wished. Nobody ever wished anything: since the log began.
pub(super) fn settled(state: &State, wish: &PersonalChange) -> Option<Seq> {
    let kept = state.shelf().and_then(|shelf| shelf.get(wish.conversation));
    match kept {
        Some(kept) => (kept.personal == wish.personal).then_some(kept.seq),
        None => (wish.personal.is_default() && state.exists()).then_some(Seq::FIRST),
    }
}

/// The create event of the sender's own log, whose name is derived, and then the first of what it tells.
pub(super) fn first(
    state: &State,
    command: &Command,
    stamp: &Stamp,
    wish: &PersonalChange,
) -> Result<Decision, Refusal> {
    let owner = command.sender;
    if command.conversation != identity::devices(owner) {
        return Err(Refusal::new(Code::NotFound));
    }
    let message_id = identity::create_message_id(command.conversation);
    if command.message_id == message_id {
        return Err(Refusal::field(Code::MessageIdConflict, "message_id"));
    }
    let create = Body::Create {
        kind: ConversationKind::Account,
        title: None,
        members: vec![Listed { account: owner, role: Role::Owner }],
        settings: Settings::default(),
        region: 0,
    };
    // Index 1: the salt of what follows must not follow from that of the create event, which stays.
    let salt = chain::salt_of(stamp.salt, 1);
    let create = Draft { message_id, salt, ..Draft::of(command, stamp, plain(create)) };
    let create = create.decide(state);
    let mut created = state.clone();
    created.apply(&create.event);
    check(&created, wish)?;
    let body = Body::Personal(Box::new(wish.clone()));
    let told = Draft::of(command, stamp, plain(body)).decide(&created);
    Ok(Decision::Decided(smallvec![create, told]))
}

impl Case<'_> {
    pub(super) fn keep(&self, wish: &PersonalChange) -> Result<Decision, Refusal> {
        if let Some(settled) = self.settled()? {
            return Ok(settled);
        }
        check(self.state, wish)?;
        Ok(self.decided(plain(Body::Personal(Box::new(wish.clone())))))
    }
}

fn check(state: &State, wish: &PersonalChange) -> Result<(), Refusal> {
    if wish.conversation.kind().is_none_or(|kind| kind == ConversationKind::Account) {
        return Err(Refusal::field(Code::NotFound, "conversation"));
    }
    if wish.based_on > state.seq() {
        return Err(Refusal::field(Code::SeqUnknown, "based_on"));
    }
    let Some(shelf) = state.shelf() else { return Ok(()) };
    if let Some(current) = shelf.get(wish.conversation)
        && Some(current.seq) > wish.based_on
    {
        return Err(Refusal {
            current: Some(current),
            ..Refusal::field(Code::Outdated, "based_on")
        });
    }
    if !state::has_room(shelf, wish.conversation, &wish.personal) {
        return Err(Refusal::field(Code::TooManyPersonal, "conversation"));
    }
    Ok(())
}
