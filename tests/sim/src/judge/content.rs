//! What a content record says, read from its bytes by nothing but the schema in the documentation.

use parlance_types::{AccountId, ConversationKind, Role};

/// The fields that the judge looks at.
#[derive(Clone, Debug, Default)]
pub(super) struct Content {
    pub(super) target: Option<u64>,
    pub(super) text: Option<String>,
    pub(super) emoji: Option<String>,
    pub(super) accounts: Vec<AccountId>,
    pub(super) role: Option<Role>,
    pub(super) kind: Option<ConversationKind>,
    pub(super) members: Vec<(AccountId, Role)>,
    /// Newcomers see everything (`true`) or nothing of the past.
    pub(super) sees_all: Option<bool>,
}

enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// `None`: not what the schema allows.
pub(super) fn read(bytes: &[u8]) -> Option<Content> {
    let mut content = Content::default();
    for (field, value) in fields(bytes)? {
        match (field, value) {
            (6, Value::Number(target)) => content.target = Some(target),
            (7, Value::Bytes(text)) => content.text = Some(String::from_utf8(text.to_vec()).ok()?),
            (9, Value::Bytes(text)) => content.emoji = Some(String::from_utf8(text.to_vec()).ok()?),
            (10, Value::Bytes(id)) => content.accounts.push(account(id)?),
            (11, Value::Number(number)) => content.role = Some(role(number)?),
            (13, Value::Number(1)) => content.kind = Some(ConversationKind::Direct),
            (13, Value::Number(2)) => content.kind = Some(ConversationKind::Group),
            (13, Value::Number(3)) => content.kind = Some(ConversationKind::Own),
            (14, Value::Bytes(listed)) => content.members.push(member(listed)?),
            (15, Value::Bytes(settings)) => {
                for (field, value) in fields(settings)? {
                    if let (4, Value::Number(history)) = (field, value) {
                        content.sees_all = Some(history == 2);
                    }
                }
            }
            _ => {}
        }
    }
    Some(content)
}

fn member(bytes: &[u8]) -> Option<(AccountId, Role)> {
    let (mut found, mut rights) = (None, None);
    for (field, value) in fields(bytes)? {
        match (field, value) {
            (1, Value::Bytes(id)) => found = account(id),
            (2, Value::Number(number)) => rights = role(number),
            _ => {}
        }
    }
    Some((found?, rights?))
}

fn account(bytes: &[u8]) -> Option<AccountId> {
    Some(AccountId::from_bytes(bytes.try_into().ok()?))
}

fn role(number: u64) -> Option<Role> {
    [Role::Member, Role::Admin, Role::Owner].into_iter().find(|role| *role as u64 == number)
}

/// The fields of a protobuf message: varints and strings of bytes.
fn fields(mut bytes: &[u8]) -> Option<Vec<(u64, Value<'_>)>> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes)?;
        let value = match key & 7 {
            0 => Value::Number(varint(&mut bytes)?),
            2 => {
                let length = usize::try_from(varint(&mut bytes)?).ok()?;
                let (value, rest) = bytes.split_at_checked(length)?;
                bytes = rest;
                Value::Bytes(value)
            }
            _ => return None,
        };
        found.push((key >> 3, value));
    }
    Some(found)
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}
