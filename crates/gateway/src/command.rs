//! From what a client sent to a command: every door derives ids in the same way.

use parlance_core::{Refusal, identity};
use parlance_types::frame::{Place, Send};
use parlance_types::{AccountId, Action, Code, Command, DeviceId};

/// The command that `sender` means by `send`.
pub(crate) fn from_send(
    send: Send,
    sender: AccountId,
    device: Option<DeviceId>,
) -> Result<Command, Refusal> {
    let Send { place, message_id, action, .. } = send;
    let given =
        message_id.ok_or(Refusal { field: Some("message_id"), ..Refusal::new(Code::InvalidField) });
    let (conversation, message_id, action) = match place {
        Place::Conversation(conversation) => (conversation, given?, action),
        Place::To(account) => {
            let conversation = if account == sender {
                identity::own(sender)
            } else {
                identity::direct(sender, account)
            };
            (conversation, given?, to(action, account))
        }
        Place::Key(key) => {
            (identity::group(sender, &key), identity::group_message_id(sender, &key), action)
        }
        Place::Account => (identity::devices(sender), given?, action),
    };
    Ok(Command { conversation, sender, device, message_id, action })
}

/// A message may bring its conversation into being; nothing else can.
fn to(action: Action, account: AccountId) -> Action {
    match action {
        Action::Send { text, entities, reply_to, seen, silent, .. } => {
            Action::Send { to: Some(account), text, entities, reply_to, seen, silent }
        }
        other => other,
    }
}
