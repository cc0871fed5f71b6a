//! Retries: whether a command's name exists already, and whether it still says the same.

use std::collections::BTreeSet;

use parlance_types::{AccountId, Action, Body, Code, Command, Facts, Record};

use super::{Decision, Named};
use crate::chain;
use crate::refusal::Refusal;
use crate::state::State;

/// The event of this name, if there is one. Another sender's id never matches.
pub(super) fn original<'a>(
    state: &State,
    facts: &'a Facts,
    command: &Command,
) -> Option<&'a Record> {
    let is_original = |record: &&Record| {
        record.conversation == command.conversation
            && record.sender == command.sender
            && record.message_id == command.message_id
            && Some(record.seq) <= state.seq()
    };
    facts.original.as_ref().filter(is_original)
}

/// The same body: the original answers. Another: a conflict. Where the body is gone the id alone decides.
pub(super) fn answer(original: &Record, command: &Command) -> Decision {
    let says_the_same = match chain::event(original) {
        Ok(event) => same(&command.action, &event.content.body, command.sender),
        Err(_) => true,
    };
    if says_the_same {
        Decision::Duplicate(Named::from(original))
    } else {
        Decision::Refused(Refusal::field(Code::MessageIdConflict, "message_id"))
    }
}

/// Whether the wish and what was recorded for it are the same.
fn same(action: &Action, body: &Body, sender: AccountId) -> bool {
    match (action, body) {
        (
            Action::Send { text: wished, entities: wished_entities, .. },
            Body::Text { text, entities },
        ) => wished == text && wished_entities == entities,
        (
            Action::Edit { target: wished_target, text: wished, entities: wished_entities },
            Body::Edit { target, text, entities },
        ) => wished_target == target && wished == text && wished_entities == entities,
        (Action::Delete { target: wished }, Body::Delete { target }) => wished == target,
        (Action::React { target: wished_target, emoji: wished }, Body::React { target, emoji })
        | (
            Action::Unreact { target: wished_target, emoji: wished },
            Body::Unreact { target, emoji },
        ) => wished_target == target && wished == emoji,
        (
            Action::Create { title: wished_title, members: wished, settings: wished_settings },
            Body::Create { title, members, settings, .. },
        ) => {
            let wished: BTreeSet<AccountId> = wished.iter().copied().chain([sender]).collect();
            let recorded: BTreeSet<AccountId> = members.iter().map(|m| m.account).collect();
            wished_title == title && wished_settings == settings && wished == recorded
        }
        // Who was in already is not in the event.
        (Action::Add { accounts: wished }, Body::Add { accounts }) => {
            accounts.iter().all(|account| wished.contains(account))
        }
        (Action::Remove { account: wished }, Body::Remove { account }) => wished == account,
        (Action::Leave, Body::Leave { .. }) => true,
        (Action::Role { account: wished_account, role: wished }, Body::Role { account, role }) => {
            wished_account == account && wished == role
        }
        (Action::Rename { title: wished }, Body::Rename { title }) => wished == title,
        (Action::Describe { text: wished }, Body::Describe { text }) => wished == text,
        (Action::Settings(wished), Body::Settings(change)) => wished == change,
        (Action::Personal(wished), Body::Personal(change)) => wished == change,
        _ => false,
    }
}
