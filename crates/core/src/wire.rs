//! The protobuf wire format, written and read by hand: what every stored byte of this crate is made of.
//!
//! It refuses to know what the fields mean. Reading never panics and never allocates more than the input is long; unknown
//! fields are skipped, so that a format can grow.

mod nouns;

use bytes::Bytes;
use parlance_types::Seq;
use smallvec::SmallVec;
use thiserror::Error;

pub(crate) use nouns::{
    conversation_kind, listed, personal, role, settings_change, whole, write_listed,
    write_personal, write_settings,
};

/// Why stored bytes cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum FormatError {
    /// Cut off, or not of this format at all.
    #[error("malformed bytes")]
    Malformed,
    /// Written by a later version.
    #[error("format version {0} is not known here")]
    Version(u64),
    /// A field is missing or its value is not allowed.
    #[error("field {0} is missing or not valid")]
    Field(&'static str),
}

/// Appends fields in ascending order.
pub(crate) struct Writer {
    bytes: SmallVec<[u8; 256]>,
}

impl Writer {
    pub(crate) fn new() -> Self {
        Self { bytes: SmallVec::new() }
    }

    pub(crate) fn number(&mut self, field: u32, value: u64) {
        self.varint(u64::from(field) << 3);
        self.varint(value);
    }

    pub(crate) fn seq(&mut self, field: u32, seq: Option<Seq>) {
        if let Some(seq) = seq {
            self.number(field, seq.get());
        }
    }

    pub(crate) fn bytes(&mut self, field: u32, value: &[u8]) {
        self.varint(u64::from(field) << 3 | 2);
        self.varint(value.len() as u64);
        self.bytes.extend_from_slice(value);
    }

    pub(crate) fn nested(&mut self, field: u32, write: impl FnOnce(&mut Self)) {
        let mut inner = Self::new();
        write(&mut inner);
        self.bytes(field, &inner.bytes);
    }

    /// One allocation of just the right size.
    pub(crate) fn finish(self) -> Bytes {
        Bytes::copy_from_slice(&self.bytes)
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.push(value as u8);
    }
}

/// The value of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

impl<'a> Value<'a> {
    pub(crate) fn number(self) -> Result<u64, FormatError> {
        match self {
            Self::Number(value) => Ok(value),
            Self::Bytes(_) => Err(FormatError::Malformed),
        }
    }

    pub(crate) fn bytes(self) -> Result<&'a [u8], FormatError> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            Self::Number(_) => Err(FormatError::Malformed),
        }
    }

    pub(crate) fn array<const N: usize>(self) -> Result<[u8; N], FormatError> {
        self.bytes()?.try_into().map_err(|_| FormatError::Malformed)
    }

    pub(crate) fn text(self) -> Result<&'a str, FormatError> {
        std::str::from_utf8(self.bytes()?).map_err(|_| FormatError::Malformed)
    }

    pub(crate) fn seq(self) -> Result<Seq, FormatError> {
        Seq::new(self.number()?).ok_or(FormatError::Malformed)
    }
}

/// Reads field after field.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The next field and its value; `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<(u32, Value<'a>)>, FormatError> {
        while !self.rest.is_empty() {
            let tag = self.varint()?;
            let value = match tag & 7 {
                0 => Value::Number(self.varint()?),
                2 => {
                    let length =
                        usize::try_from(self.varint()?).map_err(|_| FormatError::Malformed)?;
                    Value::Bytes(self.take(length)?)
                }
                // Nothing here is of a fixed width, so such a field is not known.
                1 => {
                    self.take(8)?;
                    continue;
                }
                5 => {
                    self.take(4)?;
                    continue;
                }
                _ => return Err(FormatError::Malformed),
            };
            let field = u32::try_from(tag >> 3).map_err(|_| FormatError::Malformed)?;
            return Ok(Some((field, value)));
        }
        Ok(None)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], FormatError> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(FormatError::Malformed)?;
        self.rest = rest;
        Ok(taken)
    }

    fn varint(&mut self) -> Result<u64, FormatError> {
        let mut value = 0;
        for (index, byte) in self.rest.iter().enumerate().take(10) {
            let bits = u64::from(byte & 0x7f);
            if index == 9 && bits > 1 {
                return Err(FormatError::Malformed);
            }
            value |= bits << (7 * index);
            if byte & 0x80 == 0 {
                self.rest = &self.rest[index + 1..];
                return Ok(value);
            }
        }
        Err(FormatError::Malformed)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn unknown_wire_types_of_fixed_width_are_skipped() {
        let bytes = [0x09, 1, 2, 3, 4, 5, 6, 7, 8, 0x15, 1, 2, 3, 4, 0x08, 5];
        let mut reader = Reader::new(&bytes);
        assert_eq!(reader.next(), Ok(Some((1, Value::Number(5)))));
        assert_eq!(reader.next(), Ok(None));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(numbers: Vec<u64>, blob: Vec<u8>) {
            let mut writer = Writer::new();
            for number in &numbers {
                writer.number(3, *number);
            }
            writer.bytes(900, &blob);
            let bytes = writer.finish();
            let mut reader = Reader::new(&bytes);
            for number in numbers {
                prop_assert_eq!(reader.next(), Ok(Some((3, Value::Number(number)))));
            }
            prop_assert_eq!(reader.next(), Ok(Some((900, Value::Bytes(&blob)))));
            prop_assert_eq!(reader.next(), Ok(None));
        }

        #[test]
        fn any_bytes_end(bytes: Vec<u8>) {
            let mut reader = Reader::new(&bytes);
            for _ in 0..=bytes.len() {
                if !matches!(reader.next(), Ok(Some(_))) {
                    return Ok(());
                }
            }
            prop_assert!(false, "more fields than bytes");
        }
    }
}
