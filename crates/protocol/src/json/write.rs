//! JSON from values: spans of text are copied, nothing is built on the way.

use bytes::BytesMut;
use parlance_types::frame::Cursor;
use parlance_types::{
    AccountId, ConnectionId, ConversationId, ConversationKind, DeviceId, DraftText, Emoji, Epoch,
    Handle, Hash, History, MessageId, MessageText, Micros, Ordinal, Role, Seq, SessionId, Title,
    Who,
};

use crate::cursor;

/// What writes itself as one JSON value.
pub(crate) trait Json {
    fn write(&self, out: &mut BytesMut);
}

/// An object that is being written, field by field.
pub(crate) struct Object<'a> {
    out: &'a mut BytesMut,
    empty: bool,
}

impl<'a> Object<'a> {
    pub(crate) fn new(out: &'a mut BytesMut) -> Self {
        raw(out, "{");
        Self { out, empty: true }
    }

    /// Writes the name; the caller writes the value.
    pub(crate) fn name(&mut self, name: &'static str) -> &mut BytesMut {
        raw(self.out, if self.empty { "\"" } else { ",\"" });
        self.empty = false;
        raw(self.out, name);
        raw(self.out, "\":");
        self.out
    }

    pub(crate) fn put(&mut self, name: &'static str, value: impl Json) -> &mut Self {
        value.write(self.name(name));
        self
    }

    /// Absent is written as nothing at all.
    pub(crate) fn put_some(&mut self, name: &'static str, value: Option<impl Json>) -> &mut Self {
        if let Some(value) = value {
            self.put(name, value);
        }
        self
    }

    /// Only what is true is written.
    pub(crate) fn put_true(&mut self, name: &'static str, value: bool) -> &mut Self {
        self.put_some(name, value.then_some(true))
    }

    pub(crate) fn close(&mut self) {
        raw(self.out, "}");
    }
}

/// Writes a frame: an object whose one key is `name`.
pub(crate) fn frame(name: &'static str, out: &mut BytesMut, fields: impl FnOnce(&mut Object<'_>)) {
    raw(out, "{\"");
    raw(out, name);
    raw(out, "\":");
    object(out, fields);
    raw(out, "}");
}

pub(crate) fn object(out: &mut BytesMut, fields: impl FnOnce(&mut Object<'_>)) {
    let mut object = Object::new(out);
    fields(&mut object);
    object.close();
}

pub(crate) fn raw(out: &mut BytesMut, text: &str) {
    out.extend_from_slice(text.as_bytes());
}

pub(crate) fn number(out: &mut BytesMut, value: u64) {
    raw(out, itoa::Buffer::new().format(value));
}

/// Writes a string with its quotes.
pub(crate) fn string(out: &mut BytesMut, text: &str) {
    out.reserve(text.len() + 2);
    raw(out, "\"");
    let mut rest = text.as_bytes();
    while let Some(at) = first_escaped(rest) {
        out.extend_from_slice(&rest[..at]);
        escape(out, rest[at]);
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
    raw(out, "\"");
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// The first byte that may not stand in a string as it is: a control character, a quote or a backslash. Eight at a time.
fn first_escaped(bytes: &[u8]) -> Option<usize> {
    let (words, rest) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let zero = |word: u64| word.wrapping_sub(ONES) & !word & HIGHS;
        let control = word.wrapping_sub(ONES * 0x20) & !word & HIGHS;
        let found = control
            | zero(word ^ (ONES * u64::from(b'"')))
            | zero(word ^ (ONES * u64::from(b'\\')));
        if found != 0 {
            // A borrow can only raise false alarms above the first true one.
            return Some(index * 8 + found.trailing_zeros() as usize / 8);
        }
    }
    let at = rest.iter().position(|byte| matches!(byte, 0..0x20 | b'"' | b'\\'))?;
    Some(words.len() * 8 + at)
}

fn escape(out: &mut BytesMut, byte: u8) {
    match byte {
        b'"' => raw(out, "\\\""),
        b'\\' => raw(out, "\\\\"),
        b'\n' => raw(out, "\\n"),
        b'\r' => raw(out, "\\r"),
        b'\t' => raw(out, "\\t"),
        control => {
            let digit = |value: u8| {
                char::from_digit(u32::from(value), 16).expect("four bits are one digit") as u8
            };
            out.extend_from_slice(&[
                b'\\',
                b'u',
                b'0',
                b'0',
                digit(control >> 4),
                digit(control & 15),
            ]);
        }
    }
}

impl<T: Json + ?Sized> Json for &T {
    fn write(&self, out: &mut BytesMut) {
        (**self).write(out);
    }
}

impl<T: Json> Json for [T] {
    fn write(&self, out: &mut BytesMut) {
        raw(out, "[");
        for (index, item) in self.iter().enumerate() {
            if index > 0 {
                raw(out, ",");
            }
            item.write(out);
        }
        raw(out, "]");
    }
}

impl Json for str {
    fn write(&self, out: &mut BytesMut) {
        string(out, self);
    }
}

impl Json for Box<str> {
    fn write(&self, out: &mut BytesMut) {
        string(out, self);
    }
}

impl Json for bool {
    fn write(&self, out: &mut BytesMut) {
        raw(out, if *self { "true" } else { "false" });
    }
}

macro_rules! numbers {
    ($($type:ty: $get:expr;)*) => { $(
        impl Json for $type {
            fn write(&self, out: &mut BytesMut) {
                let get: fn(&$type) -> u64 = $get;
                number(out, get(self));
            }
        }
    )* };
}

numbers! {
    u64: |value| *value;
    u32: |value| u64::from(*value);
    u16: |value| u64::from(*value);
    usize: |value| *value as u64;
    Seq: |seq| seq.get();
    Micros: |micros| micros.get();
    Ordinal: |ordinal| ordinal.get();
}

/// Text that never needs an escape.
macro_rules! plain {
    ($($type:ty: $buffer:expr;)*) => { $(
        impl Json for $type {
            fn write(&self, out: &mut BytesMut) {
                raw(out, "\"");
                raw(out, self.encode_text(&mut $buffer));
                raw(out, "\"");
            }
        }
    )* };
}

plain! {
    AccountId: [0; 36];
    ConnectionId: [0; 36];
    ConversationId: [0; 36];
    DeviceId: [0; 36];
    MessageId: [0; 36];
    SessionId: [0; 36];
    Epoch: [0; 32];
    Hash: [0; 32];
}

macro_rules! texts {
    ($($type:ty),*) => { $(
        impl Json for $type {
            fn write(&self, out: &mut BytesMut) {
                string(out, self.as_str());
            }
        }
    )* };
}

texts!(ConversationKind, DraftText, Emoji, Handle, MessageText, Title);

impl Json for Cursor {
    fn write(&self, out: &mut BytesMut) {
        raw(out, "\"");
        cursor::with_text(*self, |text| raw(out, text));
        raw(out, "\"");
    }
}

impl Json for Role {
    fn write(&self, out: &mut BytesMut) {
        raw(
            out,
            match self {
                Self::Member => "\"member\"",
                Self::Admin => "\"admin\"",
                Self::Owner => "\"owner\"",
            },
        );
    }
}

impl Json for Who {
    fn write(&self, out: &mut BytesMut) {
        raw(
            out,
            match self {
                Self::Members => "\"members\"",
                Self::Admins => "\"admins\"",
            },
        );
    }
}

impl Json for History {
    fn write(&self, out: &mut BytesMut) {
        raw(
            out,
            match self {
                Self::SinceJoin => "\"since_join\"",
                Self::All => "\"all\"",
            },
        );
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn strings_are_those_of_serde(text in any::<String>(), head in "[a-z\"\\\\\u{0}-\u{1f}\u{7f}-\u{ff}]{0,24}") {
            for text in [text, head] {
                let mut out = BytesMut::new();
                string(&mut out, &text);
                let read: String = serde_json::from_slice(&out).unwrap();
                prop_assert_eq!(read, text);
            }
        }
    }

    #[test]
    fn every_byte_that_must_be_escaped_is_found_at_every_place() {
        for length in 0..20 {
            for at in 0..length {
                for byte in 0..=255 {
                    let mut bytes = vec![b'a'; length];
                    bytes[at] = byte;
                    let expected = (byte < 0x20 || byte == b'"' || byte == b'\\').then_some(at);
                    assert_eq!(first_escaped(&bytes), expected, "{byte} at {at} of {length}");
                }
            }
        }
    }
}
