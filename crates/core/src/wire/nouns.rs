//! Nouns that more than one format contains.

use parlance_types::{
    AccountId, ConversationId, ConversationKind, DraftText, History, Listed, Micros, Personal,
    Role, Seq, Settings, SettingsChange, Who,
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

mod personal_field {
    pub(super) const CONVERSATION: u32 = 1;
    pub(super) const SEQ: u32 = 2;
    pub(super) const MUTE_UNTIL: u32 = 3;
    pub(super) const ARCHIVED: u32 = 4;
    pub(super) const PINNED: u32 = 5;
    pub(super) const CLEARED: u32 = 6;
    pub(super) const HIDDEN: u32 = 7;
    pub(super) const UNREAD: u32 = 8;
    pub(super) const DRAFT: u32 = 9;
}

pub(crate) fn role(value: Value<'_>) -> Result<Role, FormatError> {
    [Role::Member, Role::Admin, Role::Owner]
        .into_iter()
        .find(|role| value == Value::Number(*role as u64))
        .ok_or(FormatError::Field("role"))
}

pub(crate) fn conversation_kind(value: Value<'_>) -> Result<ConversationKind, FormatError> {
    ConversationKind::ALL
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

/// Personal settings of a conversation; `seq` is what they are based on in an event, and what made them so in a state.
pub(crate) fn write_personal(
    writer: &mut Writer,
    field: u32,
    (conversation, seq): (ConversationId, Option<Seq>),
    personal: &Personal,
) {
    let Personal { mute_until, archived, pinned, cleared, hidden, unread, draft } = personal;
    writer.nested(field, |inner| {
        inner.bytes(personal_field::CONVERSATION, conversation.as_bytes());
        inner.seq(personal_field::SEQ, seq);
        if let Some(until) = mute_until {
            inner.number(personal_field::MUTE_UNTIL, until.get());
        }
        let flags = [(personal_field::ARCHIVED, archived), (personal_field::PINNED, pinned)];
        flags.iter().filter(|(_, set)| **set).for_each(|(field, _)| inner.number(*field, 1));
        inner.seq(personal_field::CLEARED, *cleared);
        inner.seq(personal_field::HIDDEN, *hidden);
        if *unread {
            inner.number(personal_field::UNREAD, 1);
        }
        if let Some(draft) = draft {
            inner.bytes(personal_field::DRAFT, draft.as_bytes());
        }
    });
}

pub(crate) fn personal(
    value: Value<'_>,
) -> Result<(ConversationId, Option<Seq>, Personal), FormatError> {
    let (mut conversation, mut seq) = (None, None);
    let mut personal = Personal::default();
    let mut reader = Reader::new(value.bytes()?);
    while let Some((field, value)) = reader.next()? {
        match field {
            personal_field::CONVERSATION => {
                conversation = Some(ConversationId::from_bytes(value.array()?));
            }
            personal_field::SEQ => seq = Some(value.seq()?),
            personal_field::MUTE_UNTIL => personal.mute_until = Some(Micros::new(value.number()?)),
            personal_field::ARCHIVED => personal.archived = value.number()? != 0,
            personal_field::PINNED => personal.pinned = value.number()? != 0,
            personal_field::CLEARED => personal.cleared = Some(value.seq()?),
            personal_field::HIDDEN => personal.hidden = Some(value.seq()?),
            personal_field::UNREAD => personal.unread = value.number()? != 0,
            personal_field::DRAFT => {
                let draft = DraftText::new(value.text()?);
                personal.draft = Some(draft.map_err(|_| FormatError::Field("personal.draft"))?);
            }
            _ => {}
        }
    }
    let conversation = conversation.ok_or(FormatError::Field("personal.conversation"))?;
    Ok((conversation, seq, personal))
}
