//! The canonical bytes of a content record: body, `reply_to`, `seen`, `silent`.
//!
//! They live in `core` because the digest covers them as first written and equal digests everywhere are law: the bytes are
//! part of the decision, not of storage, and are kept verbatim and never re-encoded. One flat protobuf message; the kind of
//! the event says which fields make its body. Numbers are permanent; `proto` below is the schema:
//!
//! ```proto
//! message Content {
//!   uint32 version = 1;            // 1
//!   uint64 reply_to = 2;
//!   uint64 seen = 3;
//!   bool silent = 4;               // 5 is reserved for ttl
//!   uint64 target = 6;
//!   string text = 7;
//!   repeated Entity entities = 8;  // { kind = 1, offset = 2, length = 3, account = 4, language = 5 }
//!   string emoji = 9;
//!   repeated bytes accounts = 10;
//!   uint32 role = 11;
//!   string title = 12;
//!   uint32 kind = 13;
//!   repeated Listed members = 14;  // { account = 1, role = 2 }
//!   Settings settings = 15;        // { send = 1, add = 2, info = 3, history = 4 }
//!   uint32 region = 16;
//!   Personal personal = 17;        // { conversation = 1, based_on = 2, mute_until = 3, archived = 4, pinned = 5, cleared = 6,
//!                                  //   hidden = 7, unread = 8, draft = 9 }
//! }
//! ```

mod entity;

use bytes::Bytes;
use parlance_types::{
    AccountId, Body, Content, ConversationKind, Emoji, Entity, Kind, Listed, MessageText,
    PersonalChange, Role, Seq, Settings, SettingsChange, Title,
};
use thiserror::Error;

use crate::wire::{self, FormatError, Reader, Writer};

/// The version that this code writes and the last one that it reads.
const VERSION: u64 = 1;

mod field {
    pub(super) const VERSION: u32 = 1;
    pub(super) const REPLY_TO: u32 = 2;
    pub(super) const SEEN: u32 = 3;
    pub(super) const SILENT: u32 = 4;
    pub(super) const TARGET: u32 = 6;
    pub(super) const TEXT: u32 = 7;
    pub(super) const ENTITIES: u32 = 8;
    pub(super) const EMOJI: u32 = 9;
    pub(super) const ACCOUNTS: u32 = 10;
    pub(super) const ROLE: u32 = 11;
    pub(super) const TITLE: u32 = 12;
    pub(super) const KIND: u32 = 13;
    pub(super) const MEMBERS: u32 = 14;
    pub(super) const SETTINGS: u32 = 15;
    pub(super) const REGION: u32 = 16;
    pub(super) const PERSONAL: u32 = 17;
}

/// Why a record has no content to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ContentError {
    /// Deleted, expired or erased: only the digest is left.
    #[error("the content is gone")]
    Gone,
    /// The bytes are not what this version wrote.
    #[error(transparent)]
    Format(#[from] FormatError),
}

/// The bytes that the digest covers: fields in ascending order, absent ones left out.
pub fn encode(content: &Content) -> Bytes {
    let mut writer = Writer::new();
    writer.number(field::VERSION, VERSION);
    writer.seq(field::REPLY_TO, content.reply_to);
    writer.seq(field::SEEN, content.seen);
    if content.silent {
        writer.number(field::SILENT, 1);
    }
    write_body(&mut writer, &content.body);
    writer.finish()
}

/// The content of an event of this kind. Unknown fields are ignored.
pub fn decode(kind: Kind, bytes: &[u8]) -> Result<Content, ContentError> {
    let fields = Fields::read(bytes)?;
    let (reply_to, seen, silent) = (fields.reply_to, fields.seen, fields.silent);
    Ok(Content { body: fields.body(kind)?, reply_to, seen, silent })
}

fn write_body(writer: &mut Writer, body: &Body) {
    writer.seq(field::TARGET, body.target());
    match body {
        Body::Text { text, entities } | Body::Edit { text, entities, .. } => {
            writer.bytes(field::TEXT, text.as_bytes());
            for entity in entities {
                entity::write(writer, field::ENTITIES, entity);
            }
        }
        Body::Delete { .. } => {}
        Body::React { emoji, .. } | Body::Unreact { emoji, .. } => {
            writer.bytes(field::EMOJI, emoji.as_bytes());
        }
        Body::Create { kind, title, members, settings, region } => {
            if let Some(title) = title {
                writer.bytes(field::TITLE, title.as_bytes());
            }
            writer.number(field::KIND, *kind as u64);
            for listed in members {
                wire::write_listed(writer, field::MEMBERS, listed);
            }
            wire::write_settings(writer, field::SETTINGS, wire::whole(*settings));
            if *region != 0 {
                writer.number(field::REGION, u64::from(*region));
            }
        }
        Body::Add { accounts } => {
            for account in accounts {
                writer.bytes(field::ACCOUNTS, account.as_bytes());
            }
        }
        Body::Remove { account } => writer.bytes(field::ACCOUNTS, account.as_bytes()),
        Body::Leave { promoted } => {
            if let Some(account) = promoted {
                writer.bytes(field::ACCOUNTS, account.as_bytes());
            }
        }
        Body::Role { account, role } => {
            writer.bytes(field::ACCOUNTS, account.as_bytes());
            writer.number(field::ROLE, *role as u64);
        }
        Body::Rename { title } => writer.bytes(field::TITLE, title.as_bytes()),
        Body::Describe { text } => {
            if let Some(text) = text {
                writer.bytes(field::TEXT, text.as_bytes());
            }
        }
        Body::Settings(change) => wire::write_settings(writer, field::SETTINGS, *change),
        Body::Personal(change) => {
            let PersonalChange { conversation, based_on, personal } = &**change;
            wire::write_personal(writer, field::PERSONAL, (*conversation, *based_on), personal);
        }
    }
}

/// What a record contains, borrowed from it, before the kind says what of it makes the body.
#[derive(Default)]
struct Fields<'a> {
    reply_to: Option<Seq>,
    seen: Option<Seq>,
    silent: bool,
    target: Option<Seq>,
    text: Option<&'a str>,
    entities: Vec<Entity>,
    emoji: Option<&'a str>,
    accounts: Vec<AccountId>,
    role: Option<Role>,
    title: Option<&'a str>,
    kind: Option<ConversationKind>,
    members: Vec<Listed>,
    settings: SettingsChange,
    region: u16,
    personal: Option<Box<PersonalChange>>,
}

impl<'a> Fields<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, FormatError> {
        let mut fields = Self::default();
        let mut version = None;
        let mut reader = Reader::new(bytes);
        while let Some((number, value)) = reader.next()? {
            match number {
                field::VERSION => version = Some(value.number()?),
                field::REPLY_TO => fields.reply_to = Some(value.seq()?),
                field::SEEN => fields.seen = Some(value.seq()?),
                field::SILENT => fields.silent = value.number()? != 0,
                field::TARGET => fields.target = Some(value.seq()?),
                field::TEXT => fields.text = Some(value.text()?),
                field::ENTITIES => fields.entities.extend(entity::read(value)?),
                field::EMOJI => fields.emoji = Some(value.text()?),
                field::ACCOUNTS => fields.accounts.push(AccountId::from_bytes(value.array()?)),
                field::ROLE => fields.role = Some(wire::role(value)?),
                field::TITLE => fields.title = Some(value.text()?),
                field::KIND => fields.kind = Some(wire::conversation_kind(value)?),
                field::MEMBERS => fields.members.push(wire::listed(value)?),
                field::SETTINGS => fields.settings = wire::settings_change(value)?,
                field::REGION => {
                    let region = value.number()?;
                    fields.region = region.try_into().map_err(|_| FormatError::Field("region"))?;
                }
                field::PERSONAL => {
                    let (conversation, based_on, personal) = wire::personal(value)?;
                    let change = PersonalChange { conversation, based_on, personal };
                    fields.personal = Some(Box::new(change));
                }
                _ => {}
            }
        }
        match version {
            Some(VERSION) => Ok(fields),
            Some(version) => Err(FormatError::Version(version)),
            None => Err(FormatError::Field("version")),
        }
    }

    fn body(self, kind: Kind) -> Result<Body, FormatError> {
        Ok(match kind {
            Kind::Text => Body::Text { text: self.text()?, entities: self.entities },
            Kind::Edit => {
                Body::Edit { target: self.target()?, text: self.text()?, entities: self.entities }
            }
            Kind::Delete => Body::Delete { target: self.target()? },
            Kind::React => Body::React { target: self.target()?, emoji: self.emoji()? },
            Kind::Unreact => Body::Unreact { target: self.target()?, emoji: self.emoji()? },
            Kind::Create => Body::Create {
                kind: self.kind.ok_or(FormatError::Field("kind"))?,
                title: self.title.map(|_| self.title()).transpose()?,
                settings: Settings::default().with(self.settings),
                members: self.members,
                region: self.region,
            },
            Kind::Add => Body::Add { accounts: self.accounts },
            Kind::Remove => Body::Remove { account: self.account()? },
            Kind::Leave => Body::Leave { promoted: self.accounts.first().copied() },
            Kind::Role => Body::Role {
                account: self.account()?,
                role: self.role.ok_or(FormatError::Field("role"))?,
            },
            Kind::Rename => Body::Rename { title: self.title()? },
            Kind::Describe => Body::Describe { text: self.text.map(|_| self.text()).transpose()? },
            Kind::Settings => Body::Settings(self.settings),
            Kind::Personal => Body::Personal(self.personal.ok_or(FormatError::Field("personal"))?),
        })
    }

    fn target(&self) -> Result<Seq, FormatError> {
        self.target.ok_or(FormatError::Field("target"))
    }

    fn text(&self) -> Result<MessageText, FormatError> {
        let text = self.text.and_then(|text| MessageText::new(text).ok());
        text.ok_or(FormatError::Field("text"))
    }

    fn emoji(&self) -> Result<Emoji, FormatError> {
        let emoji = self.emoji.and_then(|emoji| Emoji::new(emoji).ok());
        emoji.ok_or(FormatError::Field("emoji"))
    }

    fn title(&self) -> Result<Title, FormatError> {
        let title = self.title.and_then(|title| Title::new(title).ok());
        title.ok_or(FormatError::Field("title"))
    }

    fn account(&self) -> Result<AccountId, FormatError> {
        self.accounts.first().copied().ok_or(FormatError::Field("account"))
    }
}

#[cfg(test)]
mod tests;
