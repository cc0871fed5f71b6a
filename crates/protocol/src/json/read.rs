//! Values from JSON, and for what cannot be read the field at fault.
//!
//! The hot path reads plain derived structures. Only when that fails is the same text read again into the same structure with the
//! path recorded, so that precision costs nothing where nothing is wrong and both readings agree.

use std::fmt;
use std::marker::PhantomData;

use parlance_types::frame::Cursor;
use parlance_types::{DraftText, Emoji, Invalid, MessageText, Title, limits};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error as _, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::DecodeError;
use crate::cursor::decode_cursor;

/// Where a structure stands, for errors about its fields.
#[derive(Clone, Copy, Debug)]
pub(crate) struct At<'a>(pub(crate) &'a str);

impl At<'_> {
    pub(crate) fn wrong(
        self,
        field: impl fmt::Display,
        message: impl Into<Box<str>>,
    ) -> DecodeError {
        if self.0.is_empty() {
            return DecodeError::field(field.to_string(), message);
        }
        DecodeError::field(format!("{}.{field}", self.0), message)
    }

    pub(crate) fn need<T>(self, field: &str, value: Option<T>) -> Result<T, DecodeError> {
        value.ok_or_else(|| self.wrong(field, "is missing"))
    }

    /// Reads the structure that stands here.
    pub(crate) fn read<'de, T: Deserialize<'de>>(self, text: &'de str) -> Result<T, DecodeError> {
        let read = serde_json::from_str::<Fields<T>>(text);
        read.map(|fields| fields.0).map_err(|_| self.explain::<T>(text))
    }

    #[cold]
    fn explain<'de, T: Deserialize<'de>>(self, text: &'de str) -> DecodeError {
        let mut json = serde_json::Deserializer::from_str(text);
        let Err(error) = serde_path_to_error::deserialize::<_, Fields<T>>(&mut json) else {
            return self.itself("must be one value");
        };
        let path = error.path().to_string();
        let message = wish(&error.into_inner());
        if path == "." { self.itself(message) } else { self.wrong(path, message) }
    }

    fn itself(self, message: impl Into<Box<str>>) -> DecodeError {
        let field = (!self.0.is_empty()).then(|| self.0.into());
        DecodeError { field, ..DecodeError::field("", message) }
    }
}

/// What serde would have liked instead, without what it got.
fn wish(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let text = text.rsplit_once(" at line ").map_or(text.as_str(), |(text, _)| text);
    let Some((_, expected)) = text.rsplit_once("expected ") else {
        return text.to_owned();
    };
    let expected = match expected {
        "u64" | "u32" | "u16" | "usize" => "a whole number in its range",
        "a sequence" => "an array",
        "a borrowed string" => "a string",
        other => other,
    };
    format!("expected {expected}")
}

/// Nesting beyond the limit. Cheap where there are few brackets at all, which is nearly always.
pub(crate) fn too_deep(text: &str) -> bool {
    brackets(text.as_bytes()) > limits::DEPTH_MAX && depth(text.as_bytes()) > limits::DEPTH_MAX
}

/// Opening brackets, also those in strings. Counted in bytes and in pieces, so that the compiler makes vectors of it.
fn brackets(bytes: &[u8]) -> usize {
    let count = |piece: &[u8]| piece.iter().map(|byte| u8::from(byte | 0x20 == b'{')).sum::<u8>();
    bytes.chunks(usize::from(u8::MAX)).map(|piece| usize::from(count(piece))).sum()
}

fn depth(bytes: &[u8]) -> usize {
    let (mut depth, mut deepest, mut quoted, mut escaped) = (0usize, 0, false, false);
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'{' | b'[' if !quoted => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// The one key of an object and the text of its value. `Ok(None)`: JSON, but not an object with one key.
pub(crate) fn sole_entry(text: &str) -> Result<Option<(String, &str)>, serde_json::Error> {
    struct Entry;

    impl<'de> Visitor<'de> for Entry {
        type Value = Option<(String, &'de RawValue)>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let entry = map.next_entry()?;
            let mut more = false;
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
                more = true;
            }
            Ok(entry.filter(|_| !more))
        }
    }

    let mut json = serde_json::Deserializer::from_str(text);
    if let Ok(entry) = json.deserialize_map(Entry)
        && json.end().is_ok()
    {
        return Ok(entry.map(|(name, value)| (name, value.get())));
    }
    // Another value, or a name that is no text: wrong as a frame but not as JSON.
    serde_json::from_str::<IgnoredAny>(text).map(|_| None)
}

/// A structure that is read from an object and from nothing else; derived code would take an array for one as well.
pub(crate) struct Fields<T>(pub(crate) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Fields<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Map<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Map<T> {
            type Value = T;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map))
            }
        }

        deserializer.deserialize_map(Map(PhantomData)).map(Self)
    }
}

/// A noun of people's text, checked as it is read.
pub(crate) struct Checked<T>(pub(crate) T);

/// The nouns that [`Checked`] reads.
pub(crate) trait Check: Sized {
    fn check(text: &str) -> Result<Self, Invalid>;
}

impl Check for MessageText {
    fn check(text: &str) -> Result<Self, Invalid> {
        Self::new(text)
    }
}

impl Check for Title {
    fn check(text: &str) -> Result<Self, Invalid> {
        Self::new(text)
    }
}

impl Check for DraftText {
    fn check(text: &str) -> Result<Self, Invalid> {
        Self::new(text)
    }
}

impl Check for Emoji {
    fn check(text: &str) -> Result<Self, Invalid> {
        Self::new(text)
    }
}

impl<'de, T: Check> Deserialize<'de> for Checked<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text<T>(PhantomData<T>);

        impl<T: Check> Visitor<'_> for Text<T> {
            type Value = Checked<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
                T::check(text).map(Checked).map_err(E::custom)
            }
        }

        deserializer.deserialize_str(Text(PhantomData))
    }
}

/// A cursor, read from its text.
pub(crate) struct CursorText(pub(crate) Cursor);

impl<'de> Deserialize<'de> for CursorText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Box::<str>::deserialize(deserializer)?;
        decode_cursor(&text).map(CursorText).map_err(D::Error::custom)
    }
}
