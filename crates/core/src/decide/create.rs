//! The first event of a conversation: a group, or the direct or own conversation that comes with its first message.

use std::collections::BTreeSet;

use parlance_types::{
    AccountId, Action, Body, Code, Command, ConversationKind, Listed, Role, Settings, Stamp, Title,
    limits,
};
use smallvec::smallvec;

use super::draft::{Draft, plain};
use super::{Decision, check_contact};
use super::{message, personal};
use crate::chain;
use crate::identity;
use crate::refusal::Refusal;
use crate::state::State;

/// A command for a conversation that does not exist.
pub(super) fn create(state: &State, command: &Command, stamp: &Stamp) -> Result<Decision, Refusal> {
    let kind = command.conversation.kind();
    match (&command.action, kind) {
        (Action::Create { title, members, settings }, Some(ConversationKind::Group)) => {
            let members = listed(command.sender, members, stamp)?;
            let body = group(title.as_ref(), members, *settings);
            Ok(Draft::of(command, stamp, plain(body)).decision(state))
        }
        (Action::Send { to: Some(to), .. }, Some(kind)) => {
            first_message(state, command, stamp, (*to, kind))
        }
        (Action::Personal(wish), Some(ConversationKind::Account)) => {
            personal::first(state, command, stamp, wish)
        }
        _ => Err(Refusal::new(Code::NotFound)),
    }
}

fn group(title: Option<&Title>, members: Vec<Listed>, settings: Settings) -> Body {
    let title = title.cloned();
    Body::Create { kind: ConversationKind::Group, title, members, settings, region: 0 }
}

/// The creator as owner, then the others in order of their ids, each once.
fn listed(
    creator: AccountId,
    members: &[AccountId],
    stamp: &Stamp,
) -> Result<Vec<Listed>, Refusal> {
    let others: BTreeSet<AccountId> =
        members.iter().copied().filter(|account| *account != creator).collect();
    if others.iter().any(|account| stamp.unknown_accounts.contains(account)) {
        return Err(Refusal::field(Code::NotFound, "members"));
    }
    if others.len() >= limits::MEMBERS_MAX {
        return Err(Refusal::field(Code::TooManyMembers, "members"));
    }
    let creator = Listed { account: creator, role: Role::Owner };
    let others = others.into_iter().map(|account| Listed { account, role: Role::Member });
    Ok([creator].into_iter().chain(others).collect())
}

/// The create event, whose name is derived, and then the message.
fn first_message(
    state: &State,
    command: &Command,
    stamp: &Stamp,
    (to, kind): (AccountId, ConversationKind),
) -> Result<Decision, Refusal> {
    let sender = command.sender;
    let (expected, members) = if to == sender {
        (identity::own(sender), vec![Listed { account: sender, role: Role::Owner }])
    } else {
        let pair = [sender.min(to), sender.max(to)];
        let members = pair.map(|account| Listed { account, role: Role::Member });
        (identity::direct(sender, to), members.to_vec())
    };
    if expected != command.conversation || stamp.unknown_accounts.contains(&to) {
        return Err(Refusal::field(Code::NotFound, "to"));
    }
    check_contact(kind == ConversationKind::Direct, stamp)?;
    let message_id = identity::create_message_id(command.conversation);
    if command.message_id == message_id {
        return Err(Refusal::field(Code::MessageIdConflict, "message_id"));
    }
    let settings = Settings::default();
    let body = Body::Create { kind, title: None, members, settings, region: 0 };
    // Index 1: the message's salt must not follow from that of the create event, which stays.
    let salt = chain::salt_of(stamp.salt, 1);
    let create = Draft { message_id, salt, ..Draft::of(command, stamp, plain(body)) };
    let create = create.decide(state);
    let mut created = state.clone();
    created.apply(&create.event);
    let content = message::content(&created, command)?;
    let message = Draft::of(command, stamp, content).decide(&created);
    Ok(Decision::Decided(smallvec![create, message]))
}
