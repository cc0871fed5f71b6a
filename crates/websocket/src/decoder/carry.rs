//! What a decoder must keep between two reads: half a header, half a payload, the fragments so far.
//!
//! Nothing here is allocated because a header announced it; memory grows only with bytes that arrived.

use crate::deflate::inflate;
use crate::frame::{FrameHead, HEADER_BYTES_MAX, Rules};
use crate::{MaskKey, Message, Opcode, ProtocolError};

use super::{Input, message};

#[derive(Debug, Default)]
pub(super) struct Carry {
    head: [u8; HEADER_BYTES_MAX],
    head_bytes: u8,
    pub(super) frame: Option<CutFrame>,
    /// The payload of a control frame that was cut; it may lie between fragments of `message`.
    control: Vec<u8>,
    pub(super) message: Option<Gathered>,
}

/// A frame whose header is known and whose payload may be partly gathered.
#[derive(Debug)]
pub(super) struct CutFrame {
    pub(super) fin: bool,
    pub(super) opcode: Opcode,
    compressed: bool,
    mask: Option<MaskKey>,
    payload_bytes: usize,
    gathered_bytes: usize,
}

/// A data message in the making.
#[derive(Debug)]
pub(super) struct Gathered {
    pub(super) bytes: Vec<u8>,
    pub(super) fragments: u32,
    opcode: Opcode,
    compressed: bool,
    valid_bytes: usize,
    finished: bool,
}

impl Carry {
    /// Frees what was lent out by the previous call, and all of it if nothing is pending.
    pub(super) fn release(slot: &mut Option<Box<Self>>) {
        let Some(carry) = slot else { return };
        if carry.frame.is_none() {
            carry.control = Vec::new();
        }
        if carry.message.as_ref().is_some_and(|message| message.finished) {
            carry.message = None;
        }
        if carry.head_bytes == 0 && carry.frame.is_none() && carry.message.is_none() {
            *slot = None;
        }
    }

    pub(super) const fn has_cut_head(&self) -> bool {
        self.head_bytes > 0
    }

    /// Keeps all of `part`, which is shorter than a header.
    pub(super) fn keep_head(&mut self, part: &[u8]) {
        self.head[..part.len()].copy_from_slice(part);
        self.head_bytes = part.len() as u8;
    }

    pub(super) fn complete_head(
        &mut self,
        rules: Rules,
        input: &mut Input<'_>,
    ) -> Result<Option<FrameHead>, ProtocolError> {
        while !input.is_empty() {
            let end = usize::from(self.head_bytes) + 1;
            self.head[end - 1] = input.take(1)[0];
            self.head_bytes += 1;
            if let Some((head, _)) = FrameHead::parse(rules, &self.head[..end])? {
                self.head_bytes = 0;
                return Ok(Some(head));
            }
        }
        Ok(None)
    }

    /// Takes what `input` has of the payload. Gives the frame back if that completes it, else keeps it.
    pub(super) fn gather(
        &mut self,
        mut frame: CutFrame,
        input: &mut Input<'_>,
    ) -> Result<Option<CutFrame>, ProtocolError> {
        let part = frame.take(input);
        if part.is_empty() && frame.missing() > 0 {
            // Only the header came. If the next read brings the whole payload, it need not be copied.
            self.frame = Some(frame);
            return Ok(None);
        }
        if frame.opcode.is_control() {
            self.control.extend_from_slice(part);
        } else {
            self.message
                .get_or_insert_with(|| Gathered::new(frame.opcode, frame.compressed))
                .push(part)?;
        }
        if frame.missing() == 0 {
            return Ok(Some(frame));
        }
        self.frame = Some(frame);
        Ok(None)
    }

    /// Lends out what the last frame, now complete, has completed.
    pub(super) fn finish(
        &mut self,
        last: Opcode,
        bytes_max: usize,
    ) -> Result<Message<'_>, ProtocolError> {
        if last.is_control() {
            return message(last, &self.control);
        }
        let gathered = self.message.as_mut().expect("a data frame was gathered into it");
        gathered.finished = true;
        if gathered.compressed {
            gathered.bytes = inflate(std::mem::take(&mut gathered.bytes), bytes_max)?;
        }
        message(gathered.opcode, &gathered.bytes)
    }
}

impl CutFrame {
    pub(super) const fn new(head: FrameHead, payload_bytes: usize) -> Self {
        let FrameHead { fin, opcode, compressed, mask, .. } = head;
        Self { fin, opcode, compressed, mask, payload_bytes, gathered_bytes: 0 }
    }

    /// No part of it, and no part of its message, lies elsewhere or has to be inflated.
    pub(super) fn stands_alone(&self) -> bool {
        self.fin
            && !self.compressed
            && self.opcode != Opcode::Continuation
            && self.gathered_bytes == 0
    }

    pub(super) const fn missing(&self) -> usize {
        self.payload_bytes - self.gathered_bytes
    }

    /// The next piece of the payload, unmasked.
    pub(super) fn take<'b>(&mut self, input: &mut Input<'b>) -> &'b mut [u8] {
        let part = input.take(self.missing().min(input.len()));
        if let Some(key) = self.mask {
            key.rotated(self.gathered_bytes).apply(part);
        }
        self.gathered_bytes += part.len();
        part
    }
}

impl Gathered {
    const fn new(opcode: Opcode, compressed: bool) -> Self {
        Self {
            bytes: Vec::new(),
            fragments: 1,
            opcode,
            compressed,
            valid_bytes: 0,
            finished: false,
        }
    }

    /// Text fails at the first byte that no continuation could repair. The end of the message is checked when it is
    /// lent out.
    fn push(&mut self, part: &[u8]) -> Result<(), ProtocolError> {
        self.bytes.extend_from_slice(part);
        if self.opcode == Opcode::Text && !self.compressed {
            self.valid_bytes += match str::from_utf8(&self.bytes[self.valid_bytes..]) {
                Ok(valid) => valid.len(),
                Err(cut) if cut.error_len().is_none() => cut.valid_up_to(),
                Err(_) => return Err(ProtocolError::InvalidUtf8),
            };
        }
        Ok(())
    }
}
