//! From bytes to messages. Owns the order of frames and the limits; the bytes that a read cut lie in [`carry`].
//!
//! A frame that is whole in the reader's buffer is unmasked where it lies and lent out without a copy.

use crate::frame::{FrameHead, Rules};
use crate::{Close, Opcode, ProtocolError};

mod carry;
mod input;

use carry::{Carry, CutFrame};
pub use input::Input;

/// Which end of the connection reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Frames come masked.
    Server,
    /// Frames come bare.
    Client,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// All fragments of one message together; checked when a header announces them, before anything is kept.
    pub message_bytes_max: usize,
    /// Frames of one message: empty fragments cost no memory, but somebody's time.
    pub fragments_max: u32,
}

/// One message, lent from the read buffer or from the decoder until the next call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    Text(&'a str),
    Binary(&'a [u8]),
    /// Answer with a pong of the same payload.
    Ping(&'a [u8]),
    Pong(&'a [u8]),
    /// The last message: answer with a close frame. What follows it is discarded.
    Close(Option<Close<'a>>),
}

/// Reads one direction of one connection. Four words while no frame is cut and no message is in fragments.
#[derive(Debug)]
pub struct Decoder {
    carry: Option<Box<Carry>>,
    limits: Limits,
    rules: Rules,
    closed: bool,
}

impl Decoder {
    pub const fn new(role: Role, limits: Limits) -> Self {
        Self { carry: None, limits, rules: Rules { role, deflate: false }, closed: false }
    }

    /// Takes compressed messages too: `permessage-deflate` was negotiated, without context takeover.
    #[must_use]
    pub const fn with_deflate(mut self) -> Self {
        self.rules.deflate = true;
        self
    }

    /// The next message in `input`, which shrinks from the front; `None` once `input` is used up.
    ///
    /// Call until `None`: only then has the decoder taken over a cut rest and freed what it lent out last. After an
    /// error or a close frame all input is discarded.
    pub fn next<'m, 'b: 'm>(
        &'m mut self,
        input: &mut Input<'b>,
    ) -> Result<Option<Message<'m>>, ProtocolError> {
        if self.closed {
            self.carry = None;
            input.take_all();
            return Ok(None);
        }
        Carry::release(&mut self.carry);
        let result = match self.advance(input) {
            Ok(Ready::Nothing) => Ok(None),
            Ok(Ready::Whole(opcode, payload)) => message(opcode, payload).map(Some),
            Ok(Ready::Carried(opcode)) => {
                let carry = self.carry.as_deref_mut().expect("a gathered frame is carried");
                carry.finish(opcode, self.limits.message_bytes_max).map(Some)
            }
            Err(error) => Err(error),
        };
        self.closed = matches!(result, Err(_) | Ok(Some(Message::Close(_))));
        result
    }

    /// Nothing is kept: the peer may leave here without tearing a message.
    pub const fn is_idle(&self) -> bool {
        self.carry.is_none()
    }

    /// A close frame or an error was yielded; nothing more will come.
    pub const fn is_closed(&self) -> bool {
        self.closed
    }

    fn advance<'b>(&mut self, input: &mut Input<'b>) -> Result<Ready<'b>, ProtocolError> {
        loop {
            let mut frame = match self.carry.as_mut().and_then(|carry| carry.frame.take()) {
                Some(frame) => frame,
                None => match self.next_head(input)? {
                    Some(head) => self.admit(head)?,
                    None => return Ok(Ready::Nothing),
                },
            };
            if frame.stands_alone() && frame.missing() <= input.len() {
                return Ok(Ready::Whole(frame.opcode, frame.take(input)));
            }
            let carry = self.carry.get_or_insert_default();
            // Control frames always have `fin`.
            if let Some(frame) = carry.gather(frame, input)?
                && frame.fin
            {
                return Ok(Ready::Carried(frame.opcode));
            }
            if input.is_empty() {
                return Ok(Ready::Nothing);
            }
        }
    }

    fn next_head(&mut self, input: &mut Input<'_>) -> Result<Option<FrameHead>, ProtocolError> {
        if let Some(carry) = &mut self.carry
            && carry.has_cut_head()
        {
            return carry.complete_head(self.rules, input);
        }
        if let Some((head, header_bytes)) = FrameHead::parse(self.rules, input.bytes())? {
            input.take(header_bytes);
            return Ok(Some(head));
        }
        if !input.is_empty() {
            self.carry.get_or_insert_default().keep_head(input.take_all());
        }
        Ok(None)
    }

    /// The rules that need to know what came before.
    fn admit(&mut self, head: FrameHead) -> Result<CutFrame, ProtocolError> {
        let Limits { message_bytes_max, fragments_max } = self.limits;
        let message = self.carry.as_mut().and_then(|carry| carry.message.as_mut());
        let mut before = 0;
        if !head.opcode.is_control() {
            match (message, head.opcode == Opcode::Continuation) {
                (None, true) => return Err(ProtocolError::UnexpectedContinuation),
                (Some(_), false) => return Err(ProtocolError::ExpectedContinuation),
                (None, false) => {}
                (Some(message), true) => {
                    before = message.bytes.len();
                    message.fragments += 1;
                    if message.fragments > fragments_max {
                        return Err(ProtocolError::TooManyFragments { fragments_max });
                    }
                }
            }
        }
        let payload_bytes = usize::try_from(head.payload_bytes).unwrap_or(usize::MAX);
        if !head.opcode.is_control() && payload_bytes > message_bytes_max.saturating_sub(before) {
            return Err(ProtocolError::MessageTooBig { bytes_max: message_bytes_max });
        }
        Ok(CutFrame::new(head, payload_bytes))
    }
}

enum Ready<'b> {
    Nothing,
    /// The payload lies in the reader's buffer.
    Whole(Opcode, &'b mut [u8]),
    /// The payload lies in the carry.
    Carried(Opcode),
}

/// A frame that is a message by itself.
fn message(opcode: Opcode, payload: &[u8]) -> Result<Message<'_>, ProtocolError> {
    Ok(match opcode {
        Opcode::Text => {
            Message::Text(str::from_utf8(payload).map_err(|_| ProtocolError::InvalidUtf8)?)
        }
        Opcode::Binary => Message::Binary(payload),
        Opcode::Ping => Message::Ping(payload),
        Opcode::Pong => Message::Pong(payload),
        Opcode::Close => Message::Close(Close::parse(payload)?),
        Opcode::Continuation => return Err(ProtocolError::UnexpectedContinuation),
    })
}
