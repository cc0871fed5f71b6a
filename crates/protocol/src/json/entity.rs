//! Entities: which stretch of a text is what, in UTF-16 units.
//!
//! Invariant of what a server accepts: every entity lies within its text and cuts no character in two. What a server sends is
//! trusted to be so; kinds that a client does not know are left out.

use bytes::BytesMut;
use parlance_types::{AccountId, Entity, EntityKind, limits};
use serde::Deserialize;

use super::read::{At, Fields};
use super::write::{Json, object};
use crate::DecodeError;

#[derive(Deserialize)]
pub(super) struct EntityIn {
    kind: Option<Box<str>>,
    offset: Option<u32>,
    length: Option<u32>,
    account: Option<AccountId>,
    language: Option<Box<str>>,
}

/// The entities that a client sent for `text`.
pub(super) fn accept(
    at: At<'_>,
    found: Vec<Fields<EntityIn>>,
    text: &str,
) -> Result<Vec<Entity>, DecodeError> {
    if found.is_empty() {
        return Ok(Vec::new());
    }
    if found.len() > limits::ENTITIES_MAX {
        return Err(at.wrong("entities", format!("at most {} in one text", limits::ENTITIES_MAX)));
    }
    let units = Units::of(text);
    let entity = |(index, Fields(entity)): (usize, Fields<EntityIn>)| {
        let wrong = |field: &str, message: &str| {
            at.wrong(format_args!("entities[{index}].{field}"), message)
        };
        let offset = entity.offset.ok_or_else(|| wrong("offset", "is missing"))?;
        let length = entity.length.ok_or_else(|| wrong("length", "is missing"))?;
        if length == 0 {
            return Err(wrong("length", "must be at least 1"));
        }
        if !units.is_boundary(u64::from(offset)) {
            return Err(wrong(
                "offset",
                "must lie within the text, in UTF-16 units, and not inside a character",
            ));
        }
        if !units.is_boundary(u64::from(offset) + u64::from(length)) {
            return Err(wrong(
                "length",
                "must end within the text, in UTF-16 units, and not inside a character",
            ));
        }
        let kind = match entity.kind.as_deref() {
            None => return Err(wrong("kind", "is missing")),
            Some("mention") => EntityKind::Mention {
                account: entity.account.ok_or_else(|| wrong("account", "is missing"))?,
            },
            Some("pre") => EntityKind::Pre { language: entity.language },
            Some(name) => plain(name).ok_or_else(|| wrong("kind", "is not a kind of entity"))?,
        };
        if let EntityKind::Pre { language: Some(language) } = &kind
            && language.len() > limits::LANGUAGE_BYTES_MAX
        {
            return Err(wrong("language", "is too long"));
        }
        Ok(Entity { kind, offset, length })
    };
    found.into_iter().enumerate().map(entity).collect()
}

/// The entities that a server sent, as far as they are known here.
pub(super) fn trust(found: Vec<Fields<EntityIn>>) -> Vec<Entity> {
    let entity = |Fields(entity): Fields<EntityIn>| {
        let kind = match entity.kind.as_deref()? {
            "mention" => EntityKind::Mention { account: entity.account? },
            "pre" => EntityKind::Pre { language: entity.language },
            name => plain(name)?,
        };
        Some(Entity { kind, offset: entity.offset?, length: entity.length? })
    };
    found.into_iter().filter_map(entity).collect()
}

fn plain(name: &str) -> Option<EntityKind> {
    Some(match name {
        "link" => EntityKind::Link,
        "bold" => EntityKind::Bold,
        "italic" => EntityKind::Italic,
        "strike" => EntityKind::Strike,
        "code" => EntityKind::Code,
        "quote" => EntityKind::Quote,
        "spoiler" => EntityKind::Spoiler,
        _ => return None,
    })
}

/// Where a text can be cut, counted in UTF-16 units.
struct Units {
    length: u64,
    /// Ascending: the middles of surrogate pairs.
    inside: Vec<u64>,
}

impl Units {
    fn of(text: &str) -> Self {
        if text.is_ascii() {
            return Self { length: text.len() as u64, inside: Vec::new() };
        }
        let (mut length, mut inside) = (0, Vec::new());
        for character in text.chars() {
            length += character.len_utf16() as u64;
            if character.len_utf16() == 2 {
                inside.push(length - 1);
            }
        }
        Self { length, inside }
    }

    fn is_boundary(&self, at: u64) -> bool {
        at <= self.length && self.inside.binary_search(&at).is_err()
    }
}

impl Json for Entity {
    fn write(&self, out: &mut BytesMut) {
        let kind = match &self.kind {
            EntityKind::Mention { .. } => "mention",
            EntityKind::Link => "link",
            EntityKind::Bold => "bold",
            EntityKind::Italic => "italic",
            EntityKind::Strike => "strike",
            EntityKind::Code => "code",
            EntityKind::Pre { .. } => "pre",
            EntityKind::Quote => "quote",
            EntityKind::Spoiler => "spoiler",
        };
        object(out, |entity| {
            entity.put("kind", kind).put("offset", self.offset).put("length", self.length);
            match &self.kind {
                EntityKind::Mention { account } => entity.put("account", account),
                EntityKind::Pre { language } => entity.put_some("language", language.as_deref()),
                _ => entity,
            };
        });
    }
}
