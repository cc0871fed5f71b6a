//! The few fields of server frames that the drill needs, found without building anything. What it does not know it hands on as text.
//!
//! The scanner is its own reading of `docs/protocol.md` and shares nothing with the server's encoder: what the two do not agree on
//! shows as a failed check.

use parlance_types::{AccountId, ConversationId, MessageId};

/// A frame of the server, as far as the drill looks into it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Frame<'a> {
    Ok(OkFields),
    Event(EventFields),
    /// Any other frame: its name and the text of its value.
    Other(&'a str, &'a str),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OkFields {
    pub(crate) id: u64,
    pub(crate) conversation: ConversationId,
    pub(crate) message_id: MessageId,
    pub(crate) seq: u64,
    pub(crate) hash: [u8; 16],
    pub(crate) duplicate: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EventFields {
    pub(crate) conversation: ConversationId,
    pub(crate) sender: AccountId,
    pub(crate) message_id: MessageId,
    pub(crate) seq: u64,
    pub(crate) hash: [u8; 16],
}

/// The text is not what the protocol promises.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("server sent what is not a frame: {0}")]
pub(crate) struct ScanError(String);

/// Calls `on` for each frame of a message: one, or an array of them.
pub(crate) fn frames<'a>(text: &'a str, mut on: impl FnMut(Frame<'a>)) -> Result<(), ScanError> {
    let fault = || ScanError(text.chars().take(200).collect());
    let mut rest = text.trim_ascii();
    if let Some(inner) = rest.strip_prefix('[') {
        rest = inner.trim_ascii_start();
        while !rest.starts_with(']') {
            let end = value_end(rest.as_bytes()).ok_or_else(fault)?;
            on(frame(&rest[..end]).ok_or_else(fault)?);
            rest = rest[end..].trim_ascii_start();
            rest = rest.strip_prefix(',').unwrap_or(rest).trim_ascii_start();
        }
        return Ok(());
    }
    on(frame(rest).ok_or_else(fault)?);
    Ok(())
}

/// The text of a field of an object; `None` also where the object is broken.
pub(crate) fn field<'a>(object: &'a str, name: &str) -> Option<&'a str> {
    Fields::of(object)?.find(|(key, _)| *key == name).map(|(_, value)| value)
}

/// The text inside a string value without escapes.
pub(crate) fn string(value: &str) -> Option<&str> {
    value.strip_prefix('"')?.strip_suffix('"')
}

fn frame(text: &str) -> Option<Frame<'_>> {
    let (name, value) = Fields::of(text)?.next()?;
    Some(match name {
        "ok" => ok(value).map_or(Frame::Other(name, value), Frame::Ok),
        "event" => Frame::Event(event(value)?),
        _ => Frame::Other(name, value),
    })
}

fn ok(value: &str) -> Option<OkFields> {
    let (mut id, mut conversation, mut message_id) = (None, None, None);
    let (mut seq, mut hash, mut duplicate) = (None, None, false);
    for (key, value) in Fields::of(value)? {
        match key {
            "id" => id = value.parse().ok(),
            "conversation" => conversation = string(value)?.parse().ok(),
            "message_id" => message_id = string(value)?.parse().ok(),
            "seq" => seq = value.parse().ok(),
            "hash" => hash = parse_hash(value),
            "duplicate" => duplicate = value == "true",
            _ => {}
        }
    }
    Some(OkFields {
        id: id?,
        conversation: conversation?,
        message_id: message_id?,
        seq: seq?,
        hash: hash?,
        duplicate,
    })
}

fn event(value: &str) -> Option<EventFields> {
    event_in(value, None)
}

/// The fields of an event in a page of `conversation`, which it need not name.
pub(crate) fn event_of(value: &str, conversation: ConversationId) -> Option<EventFields> {
    event_in(value, Some(conversation))
}

fn event_in(value: &str, mut conversation: Option<ConversationId>) -> Option<EventFields> {
    let (mut sender, mut message_id) = (None, None);
    let (mut seq, mut hash) = (None, None);
    for (key, value) in Fields::of(value)? {
        match key {
            "conversation" => conversation = string(value)?.parse().ok(),
            "sender" => sender = string(value)?.parse().ok(),
            "message_id" => message_id = string(value)?.parse().ok(),
            "seq" => seq = value.parse().ok(),
            "hash" => hash = parse_hash(value),
            _ => {}
        }
    }
    Some(EventFields {
        conversation: conversation?,
        sender: sender?,
        message_id: message_id?,
        seq: seq?,
        hash: hash?,
    })
}

pub(crate) fn parse_hash(value: &str) -> Option<[u8; 16]> {
    let hash: parlance_types::Hash = string(value)?.parse().ok()?;
    Some(*hash.as_bytes())
}

/// The elements of an array.
pub(crate) fn elements(array: &str) -> Option<Vec<&str>> {
    let mut rest = array.strip_prefix('[')?.trim_ascii_start();
    let mut elements = Vec::new();
    while !rest.starts_with(']') {
        let end = value_end(rest.as_bytes())?;
        elements.push(&rest[..end]);
        rest = rest[end..].trim_ascii_start();
        rest = rest.strip_prefix(',').unwrap_or(rest).trim_ascii_start();
    }
    Some(elements)
}

/// Walks the fields of one object; stops early where it is broken.
struct Fields<'a>(&'a str);

impl<'a> Fields<'a> {
    fn of(object: &'a str) -> Option<Self> {
        object.strip_prefix('{').map(Self)
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.0.trim_ascii_start();
        let rest = rest.strip_prefix(',').unwrap_or(rest).trim_ascii_start();
        if !rest.starts_with('"') {
            return None;
        }
        let key_end = string_end(rest.as_bytes(), 0)?;
        let key = &rest[1..key_end - 1];
        let rest = rest[key_end..].trim_ascii_start().strip_prefix(':')?.trim_ascii_start();
        let end = value_end(rest.as_bytes())?;
        let (value, rest) = rest.split_at(end);
        self.0 = rest;
        Some((key, value.trim_ascii_end()))
    }
}

/// Where the value that starts at 0 ends.
fn value_end(bytes: &[u8]) -> Option<usize> {
    match bytes.first()? {
        b'"' => string_end(bytes, 0),
        b'{' | b'[' => {
            let mut depth = 0usize;
            let mut at = 0;
            loop {
                match bytes.get(at)? {
                    b'"' => at = string_end(bytes, at)? - 1,
                    b'{' | b'[' => depth += 1,
                    b'}' | b']' => {
                        depth -= 1;
                        if depth == 0 {
                            return Some(at + 1);
                        }
                    }
                    _ => {}
                }
                at += 1;
            }
        }
        _ => {
            let end = bytes.iter().position(|byte| matches!(byte, b',' | b'}' | b']'));
            end.filter(|end| *end > 0)
        }
    }
}

/// Behind the closing quote of the string that opens at `at`.
fn string_end(bytes: &[u8], at: usize) -> Option<usize> {
    let mut at = at + 1;
    loop {
        match bytes.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

#[cfg(test)]
mod tests;
