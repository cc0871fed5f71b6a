//! From payloads to frames. Owns the header room in front of a payload that is written in place.
//!
//! Servers pass no mask. Clients pass a fresh, unpredictable key per frame; where it comes from is their affair.

use bytes::{BufMut, BytesMut};

use crate::frame::{CONTROL_BYTES_MAX, header};
use crate::{CloseCode, MaskKey, Opcode};

/// Most payloads are 126 to 65,535 bytes long. Shorter ones move two bytes forward when finished, longer ones six back.
const HEADER_ROOM: [u8; 4] = [0; 4];
const CLOSE_CODE_BYTES: usize = 2;

/// Appends a whole frame.
///
/// # Panics
/// If a control frame's payload is longer than [`CONTROL_BYTES_MAX`]. One that echoes a ping never is.
pub fn write(out: &mut BytesMut, opcode: Opcode, payload: &[u8], mask: Option<MaskKey>) {
    assert_control_fits(opcode, payload.len());
    let header = header(opcode, payload.len(), true, mask);
    out.reserve(header.len() + payload.len());
    out.put_slice(&header);
    let start = out.len();
    out.put_slice(payload);
    if let Some(key) = mask {
        key.apply(&mut out[start..]);
    }
}

pub fn write_text(out: &mut BytesMut, payload: &str, mask: Option<MaskKey>) {
    write(out, Opcode::Text, payload.as_bytes(), mask);
}

/// Appends a close frame; the reason is cut to what fits, never inside a character.
pub fn write_close(out: &mut BytesMut, code: CloseCode, reason: &str, mask: Option<MaskKey>) {
    let reason = &reason[..reason.floor_char_boundary(CONTROL_BYTES_MAX - CLOSE_CODE_BYTES)];
    let mut frame = FrameWriter::begin(out, mask);
    frame.payload().put_u16(code.get());
    frame.payload().put_slice(reason.as_bytes());
    frame.finish(Opcode::Close);
}

/// Writes a payload straight to its place in `out` and the header when its length is known.
///
/// **Dropped unfinished, it takes its bytes back**: an encoder that fails half-way leaves no torn frame behind.
#[derive(Debug)]
#[must_use = "a frame that is not finished is taken back"]
pub struct FrameWriter<'a> {
    out: &'a mut BytesMut,
    mask: Option<MaskKey>,
    start: usize,
    /// Where `out` is cut when this is dropped.
    keep: usize,
}

impl<'a> FrameWriter<'a> {
    pub fn begin(out: &'a mut BytesMut, mask: Option<MaskKey>) -> Self {
        let start = out.len();
        out.put_slice(&HEADER_ROOM);
        if let Some(key) = mask {
            out.put_slice(&key.bytes());
        }
        Self { out, mask, start, keep: start }
    }

    /// Append here, and only append.
    pub fn payload(&mut self) -> &mut BytesMut {
        self.out
    }

    /// Completes the frame and gives its size, header included.
    ///
    /// # Panics
    /// If the payload was cut shorter than it began, or a control frame's is too long.
    pub fn finish(mut self, opcode: Opcode) -> usize {
        let payload_start = self.start + self.room();
        let payload_bytes = self.out.len().checked_sub(payload_start).expect("only appended to");
        assert_control_fits(opcode, payload_bytes);
        if let Some(key) = self.mask {
            key.apply(&mut self.out[payload_start..]);
        }
        let header = header(opcode, payload_bytes, true, self.mask);
        let frame_bytes = header.len() + payload_bytes;
        let end = self.start + frame_bytes;
        if end > self.out.len() {
            self.out.resize(end, 0);
        }
        let payload = payload_start..payload_start + payload_bytes;
        self.out.copy_within(payload, self.start + header.len());
        self.out[self.start..self.start + header.len()].copy_from_slice(&header);
        self.keep = end;
        frame_bytes
    }

    fn room(&self) -> usize {
        HEADER_ROOM.len() + self.mask.map_or(0, |key| key.bytes().len())
    }
}

impl Drop for FrameWriter<'_> {
    fn drop(&mut self) {
        self.out.truncate(self.keep);
    }
}

fn assert_control_fits(opcode: Opcode, payload_bytes: usize) {
    assert!(
        !opcode.is_control() || payload_bytes <= CONTROL_BYTES_MAX,
        "a control frame carries at most {CONTROL_BYTES_MAX} bytes"
    );
}
