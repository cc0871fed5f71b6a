//! Entities within a content record. Their numbers are permanent.

use parlance_types::{AccountId, Entity, EntityKind};

use crate::wire::{FormatError, Reader, Value, Writer};

mod field {
    pub(super) const KIND: u32 = 1;
    pub(super) const OFFSET: u32 = 2;
    pub(super) const LENGTH: u32 = 3;
    pub(super) const ACCOUNT: u32 = 4;
    pub(super) const LANGUAGE: u32 = 5;
}

const MENTION: u64 = 1;
const LINK: u64 = 2;
const BOLD: u64 = 3;
const ITALIC: u64 = 4;
const STRIKE: u64 = 5;
const CODE: u64 = 6;
const PRE: u64 = 7;
const QUOTE: u64 = 8;
const SPOILER: u64 = 9;

fn number(kind: &EntityKind) -> u64 {
    match kind {
        EntityKind::Mention { .. } => MENTION,
        EntityKind::Link => LINK,
        EntityKind::Bold => BOLD,
        EntityKind::Italic => ITALIC,
        EntityKind::Strike => STRIKE,
        EntityKind::Code => CODE,
        EntityKind::Pre { .. } => PRE,
        EntityKind::Quote => QUOTE,
        EntityKind::Spoiler => SPOILER,
    }
}

pub(super) fn write(writer: &mut Writer, field: u32, entity: &Entity) {
    writer.nested(field, |inner| {
        inner.number(field::KIND, number(&entity.kind));
        inner.number(field::OFFSET, u64::from(entity.offset));
        inner.number(field::LENGTH, u64::from(entity.length));
        match &entity.kind {
            EntityKind::Mention { account } => inner.bytes(field::ACCOUNT, account.as_bytes()),
            EntityKind::Pre { language: Some(language) } => {
                inner.bytes(field::LANGUAGE, language.as_bytes());
            }
            _ => {}
        }
    });
}

/// `None`: a kind of a later version. The text is then shown without it.
pub(super) fn read(value: Value<'_>) -> Result<Option<Entity>, FormatError> {
    let (mut kind, mut offset, mut length) = (0, 0, 0);
    let (mut account, mut language) = (None, None);
    let mut reader = Reader::new(value.bytes()?);
    while let Some((number, value)) = reader.next()? {
        match number {
            field::KIND => kind = value.number()?,
            field::OFFSET => offset = small(value)?,
            field::LENGTH => length = small(value)?,
            field::ACCOUNT => account = Some(AccountId::from_bytes(value.array()?)),
            field::LANGUAGE => language = Some(value.text()?.into()),
            _ => {}
        }
    }
    let kind = match kind {
        MENTION => {
            EntityKind::Mention { account: account.ok_or(FormatError::Field("entity.account"))? }
        }
        LINK => EntityKind::Link,
        BOLD => EntityKind::Bold,
        ITALIC => EntityKind::Italic,
        STRIKE => EntityKind::Strike,
        CODE => EntityKind::Code,
        PRE => EntityKind::Pre { language },
        QUOTE => EntityKind::Quote,
        SPOILER => EntityKind::Spoiler,
        _ => return Ok(None),
    };
    Ok(Some(Entity { kind, offset, length }))
}

fn small(value: Value<'_>) -> Result<u32, FormatError> {
    value.number()?.try_into().map_err(|_| FormatError::Field("entity"))
}
