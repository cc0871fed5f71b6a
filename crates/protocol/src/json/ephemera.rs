//! Frames about the moment, as clients send them: signals, presence, watching.

use parlance_types::frame::RequestId;
use parlance_types::{
    AccountId, ConversationId, Micros, PresenceRequest, PresenceState, SignalKind, SignalRequest,
    Title, WatchRequest, limits,
};
use serde::Deserialize;

use super::read::{At, Checked};
use super::write::Object;
use crate::DecodeError;

#[derive(Deserialize)]
pub(super) struct SignalIn {
    conversation: Option<ConversationId>,
    kind: Option<Box<str>>,
}

#[derive(Deserialize)]
pub(super) struct PresenceIn {
    state: Option<Box<str>>,
    text: Option<Checked<Title>>,
    until: Option<Micros>,
}

#[derive(Deserialize)]
pub(super) struct WatchIn {
    pub(super) id: Option<RequestId>,
    accounts: Option<Vec<AccountId>>,
    seconds: Option<u64>,
}

pub(super) fn signal(read: &SignalIn) -> Result<SignalRequest, DecodeError> {
    let at = At("signal");
    let conversation = at.need("conversation", read.conversation)?;
    let kind = at.need("kind", read.kind.as_deref())?;
    let kind = SignalKind::ALL.iter().find(|known| known.as_str() == kind);
    let kind = kind.ok_or_else(|| at.wrong("kind", "one of typing, recording, idle"))?;
    Ok(SignalRequest { conversation, kind: *kind })
}

pub(super) fn presence(at: At<'_>, read: PresenceIn) -> Result<PresenceRequest, DecodeError> {
    let state = at.need("state", read.state.as_deref())?;
    let state = presence_state(state).filter(|state| *state != PresenceState::Offline);
    let state = state.ok_or_else(|| at.wrong("state", "one of online, away, busy, invisible"))?;
    Ok(PresenceRequest { state, text: read.text.map(|text| text.0), until: read.until })
}

pub(super) fn watch(read: WatchIn) -> Result<WatchRequest, DecodeError> {
    let at = At("watch");
    let id = at.need("id", read.id)?;
    let accounts = at.need("accounts", read.accounts)?;
    if accounts.len() > limits::WATCHED_MAX {
        return Err(at.wrong("accounts", format!("at most {}", limits::WATCHED_MAX)));
    }
    let seconds = read.seconds.unwrap_or(limits::WATCH_SECONDS_MAX);
    if !(1..=limits::WATCH_SECONDS_MAX).contains(&seconds) {
        let message = format!("must be from 1 to {}", limits::WATCH_SECONDS_MAX);
        return Err(at.wrong("seconds", message));
    }
    Ok(WatchRequest { id, accounts, seconds })
}

pub(super) fn presence_state(name: &str) -> Option<PresenceState> {
    PresenceState::ALL.iter().copied().find(|known| known.as_str() == name)
}

pub(super) fn write_presence(fields: &mut Object<'_>, presence: &PresenceRequest) {
    fields.put("state", presence.state.as_str()).put_some("text", presence.text.as_ref());
    fields.put_some("until", presence.until);
}
