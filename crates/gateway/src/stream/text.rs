//! The text of an event stream: frames as `data`, cursors as `id`, and when to come back as `retry`.

use bytes::{BufMut, Bytes, BytesMut};
use parlance_protocol::encode_cursor;
use parlance_types::frame::Cursor;

/// Events on their way into the answer.
#[derive(Debug, Default)]
pub(super) struct Text(BytesMut);

impl Text {
    /// An event with a frame. JSON as we write it has no line breaks, which would end the line.
    pub(super) fn frame(&mut self, json: &[u8]) {
        debug_assert!(!json.contains(&b'\n'), "JSON is written in one line");
        self.block("data", json);
    }

    /// Everything up to here was sent. Without data it is no event, and changes what a client resumes with all the same.
    pub(super) fn id(&mut self, cursor: Cursor) {
        self.block("id", encode_cursor(cursor).as_bytes());
    }

    /// When to come back if the stream ends.
    pub(super) fn retry(&mut self, ms: u64) {
        self.block("retry", ms.to_string().as_bytes());
    }

    pub(super) fn into_bytes(self) -> Bytes {
        self.0.freeze()
    }

    fn block(&mut self, field: &str, value: &[u8]) {
        self.0.reserve(field.len() + value.len() + 4);
        self.0.put_slice(field.as_bytes());
        self.0.put_slice(b": ");
        self.0.put_slice(value);
        self.0.put_slice(b"\n\n");
    }
}
