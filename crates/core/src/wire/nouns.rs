//! Nouns that more than one format contains.

use parlance_types::{
    AccountId, ConversationKind, History, Listed, Role, Settings, SettingsChange, Who,
};

use super::{FormatError, Reader, Value, Writer};

mod listed_field {
    pub(super) const ACCOUNT: u32 = 1;
    pub(super) const ROLE: u32 = 2;
}

mod settings_field {
    pub(super) const SEND: u32 = 1;
    pub(super) const ADD: u32 = 2;
    pub(super) const INFO: u32 = 3;
    pub(super) const HISTORY: u32 = 4;
}

pub(crate) fn role(value: Value<'_>) -> Result<Role, FormatError> {
    [Role::Member, Role::Admin, Role::Owner]
        .into_iter()
        .find(|role| value == Value::Number(*role as u64))
        .ok_or(FormatError::Field("role"))
}

pub(crate) fn conversation_kind(value: Value<'_>) -> Result<ConversationKind, FormatError> {
    [ConversationKind::Direct, ConversationKind::Group, ConversationKind::Own]
        .into_iter()
        .find(|kind| value == Value::Number(*kind as u64))
        .ok_or(FormatError::Field("kind"))
}

fn who(value: Value<'_>) -> Result<Who, FormatError> {
    [Who::Members, Who::Admins]
        .into_iter()
        .find(|who| value == Value::Number(*who as u64))
        .ok_or(FormatError::Field("settings"))
}

fn history(value: Value<'_>) -> Result<History, FormatError> {
    [History::SinceJoin, History::All]
        .into_iter()
        .find(|history| value == Value::Number(*history as u64))
        .ok_or(FormatError::Field("settings.history"))
}

pub(crate) fn write_listed(writer: &mut Writer, field: u32, listed: &Listed) {
    writer.nested(field, |inner| {
        inner.bytes(listed_field::ACCOUNT, listed.account.as_bytes());
        inner.number(listed_field::ROLE, listed.role as u64);
    });
}

pub(crate) fn listed(value: Value<'_>) -> Result<Listed, FormatError> {
    let (mut account, mut found) = (None, None);
    let mut reader = Reader::new(value.bytes()?);
    while let Some((field, value)) = reader.next()? {
        match field {
            listed_field::ACCOUNT => account = Some(AccountId::from_bytes(value.array()?)),
            listed_field::ROLE => found = Some(role(value)?),
            _ => {}
        }
    }
    let account = account.ok_or(FormatError::Field("listed.account"))?;
    Ok(Listed { account, role: found.ok_or(FormatError::Field("listed.role"))? })
}

pub(crate) fn write_settings(writer: &mut Writer, field: u32, change: SettingsChange) {
    writer.nested(field, |inner| {
        let fields = [
            (settings_field::SEND, change.send.map(|who| who as u64)),
            (settings_field::ADD, change.add.map(|who| who as u64)),
            (settings_field::INFO, change.info.map(|who| who as u64)),
            (settings_field::HISTORY, change.history.map(|history| history as u64)),
        ];
        for (field, value) in fields {
            if let Some(value) = value {
                inner.number(field, value);
            }
        }
    });
}

pub(crate) fn settings_change(value: Value<'_>) -> Result<SettingsChange, FormatError> {
    let mut change = SettingsChange::default();
    let mut reader = Reader::new(value.bytes()?);
    while let Some((field, value)) = reader.next()? {
        match field {
            settings_field::SEND => change.send = Some(who(value)?),
            settings_field::ADD => change.add = Some(who(value)?),
            settings_field::INFO => change.info = Some(who(value)?),
            settings_field::HISTORY => change.history = Some(history(value)?),
            _ => {}
        }
    }
    Ok(change)
}

/// The change that makes any settings these.
pub(crate) fn whole(settings: Settings) -> SettingsChange {
    SettingsChange {
        send: Some(settings.send),
        add: Some(settings.add),
        info: Some(settings.info),
        history: Some(settings.history),
    }
}
