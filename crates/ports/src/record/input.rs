//! Strict reading from the front of some bytes: every answer is checked, nothing is copied that can be shared.

use bytes::{Buf, Bytes};
use parlance_types::{AccountId, ConversationId, Emoji, MessageText, Seq, Title};

use super::{RecordError, VERSION};

pub(super) struct Input {
    rest: Bytes,
}

impl Input {
    pub(super) fn new(rest: Bytes) -> Self {
        Self { rest }
    }

    pub(super) fn into_rest(self) -> Bytes {
        self.rest
    }

    /// The value, if nothing is left.
    pub(super) fn finish<T>(self, value: T) -> Result<T, RecordError> {
        if self.rest.is_empty() { Ok(value) } else { Err(RecordError::Long) }
    }

    pub(super) fn version(&mut self) -> Result<(), RecordError> {
        match self.u8()? {
            VERSION => Ok(()),
            other => Err(RecordError::Version(other)),
        }
    }

    pub(super) fn bytes(&mut self, length: usize) -> Result<Bytes, RecordError> {
        if self.rest.len() < length {
            return Err(RecordError::Short);
        }
        Ok(self.rest.split_to(length))
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], RecordError> {
        let front = self.rest.first_chunk::<N>().ok_or(RecordError::Short)?;
        let array = *front;
        self.rest.advance(N);
        Ok(array)
    }

    pub(super) fn u8(&mut self) -> Result<u8, RecordError> {
        self.array().map(u8::from_be_bytes)
    }

    pub(super) fn u16(&mut self) -> Result<u16, RecordError> {
        self.array().map(u16::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, RecordError> {
        self.array().map(u32::from_be_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, RecordError> {
        self.array().map(u64::from_be_bytes)
    }

    pub(super) fn account(&mut self) -> Result<AccountId, RecordError> {
        self.array().map(AccountId::from_bytes)
    }

    pub(super) fn conversation(&mut self) -> Result<ConversationId, RecordError> {
        self.array().map(ConversationId::from_bytes)
    }

    pub(super) fn seq(&mut self, field: &'static str) -> Result<Seq, RecordError> {
        self.optional_seq(field)?.ok_or(RecordError::Field(field))
    }

    pub(super) fn optional_seq(&mut self, field: &'static str) -> Result<Option<Seq>, RecordError> {
        match self.u64()? {
            0 => Ok(None),
            value => Seq::new(value).map(Some).ok_or(RecordError::Field(field)),
        }
    }

    /// Whether something follows.
    pub(super) fn presence(&mut self, field: &'static str) -> Result<bool, RecordError> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(RecordError::Field(field)),
        }
    }

    /// How many items of at least `size` bytes follow. A count that cannot be true reserves no memory.
    pub(super) fn count(&mut self, size: usize) -> Result<usize, RecordError> {
        let count = self.u32()? as usize;
        if count > self.rest.len() / size { Err(RecordError::Short) } else { Ok(count) }
    }

    pub(super) fn title(&mut self) -> Result<Option<Title>, RecordError> {
        self.text("title", Title::new)
    }

    pub(super) fn description(&mut self) -> Result<Option<MessageText>, RecordError> {
        self.text("description", MessageText::new)
    }

    pub(super) fn emoji(&mut self) -> Result<Emoji, RecordError> {
        self.text("emoji", Emoji::new)?.ok_or(RecordError::Field("emoji"))
    }

    /// A text with its length in front; none of our texts is empty, so that length 0 is absence.
    fn text<T, E>(
        &mut self,
        field: &'static str,
        check: fn(&str) -> Result<T, E>,
    ) -> Result<Option<T>, RecordError> {
        let length = self.u32()? as usize;
        if length == 0 {
            return Ok(None);
        }
        let bytes = self.bytes(length)?;
        let text = std::str::from_utf8(&bytes).map_err(|_| RecordError::Field(field))?;
        check(text).map(Some).map_err(|_| RecordError::Field(field))
    }
}

pub(super) fn put_text(text: Option<&str>, out: &mut Vec<u8>) {
    let text = text.unwrap_or_default();
    out.extend_from_slice(&(text.len() as u32).to_be_bytes());
    out.extend_from_slice(text.as_bytes());
}

pub(super) fn put_count(count: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(&(count as u32).to_be_bytes());
}

pub(super) fn put_seq(seq: Option<Seq>, out: &mut Vec<u8>) {
    out.extend_from_slice(&seq.map_or(0, Seq::get).to_be_bytes());
}
