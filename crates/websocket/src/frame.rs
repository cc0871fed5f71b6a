//! One frame's header, both ways. Everything that is wrong with a header alone is found here.

use std::ops::Deref;

use crate::{MaskKey, ProtocolError, Role};

/// Payloads of control frames end here.
pub const CONTROL_BYTES_MAX: usize = 125;
/// Two bytes, a 64-bit length, a mask key.
pub const HEADER_BYTES_MAX: usize = 14;

const FIN: u8 = 0x80;
/// The reserved bit that `permessage-deflate` took for itself.
pub(crate) const COMPRESSED: u8 = 0x40;
const RESERVED_BITS: u8 = 0x70;
const OPCODE_BITS: u8 = 0x0f;
const CONTROL_BIT: u8 = 0x08;
const MASKED: u8 = 0x80;
const LENGTH_BITS: u8 = 0x7f;
const LENGTH_16: u8 = 126;
const LENGTH_64: u8 = 127;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opcode {
    Continuation = 0x0,
    Text = 0x1,
    Binary = 0x2,
    Close = 0x8,
    Ping = 0x9,
    Pong = 0xa,
}

/// The bytes before a payload; derefs to just those in use.
#[derive(Clone, Copy, Debug)]
pub struct Header {
    bytes: [u8; HEADER_BYTES_MAX],
    length: u8,
}

/// Encodes the header of a frame in its shortest form. The caller masks the payload if it passes a key.
pub fn header(opcode: Opcode, payload_bytes: usize, fin: bool, mask: Option<MaskKey>) -> Header {
    let mut header = Header { bytes: [0; HEADER_BYTES_MAX], length: 0 };
    let masked = if mask.is_some() { MASKED } else { 0 };
    header.push(&[opcode as u8 | if fin { FIN } else { 0 }]);
    match payload_bytes {
        0..=125 => header.push(&[payload_bytes as u8 | masked]),
        126..=0xffff => {
            header.push(&[LENGTH_16 | masked]);
            header.push(&(payload_bytes as u16).to_be_bytes());
        }
        _ => {
            header.push(&[LENGTH_64 | masked]);
            header.push(&(payload_bytes as u64).to_be_bytes());
        }
    }
    if let Some(key) = mask {
        header.push(&key.bytes());
    }
    header
}

impl Opcode {
    pub const fn is_control(self) -> bool {
        self as u8 & CONTROL_BIT != 0
    }

    fn parse(bits: u8) -> Result<Self, ProtocolError> {
        Ok(match bits {
            0x0 => Self::Continuation,
            0x1 => Self::Text,
            0x2 => Self::Binary,
            0x8 => Self::Close,
            0x9 => Self::Ping,
            0xa => Self::Pong,
            reserved => return Err(ProtocolError::ReservedOpcode(reserved)),
        })
    }
}

impl Header {
    fn push(&mut self, bytes: &[u8]) {
        let start = usize::from(self.length);
        self.bytes[start..start + bytes.len()].copy_from_slice(bytes);
        self.length += bytes.len() as u8;
    }
}

impl Deref for Header {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

/// Whose frames are read, and what was negotiated about them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    pub(crate) role: Role,
    pub(crate) deflate: bool,
}

/// A header that was read and obeys every rule that needs no memory of earlier frames.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FrameHead {
    pub(crate) fin: bool,
    pub(crate) opcode: Opcode,
    /// The message that begins here is compressed.
    pub(crate) compressed: bool,
    pub(crate) payload_bytes: u64,
    pub(crate) mask: Option<MaskKey>,
}

impl FrameHead {
    /// The header at the front of `bytes` and its size; `None` if bytes are missing. What is already there and wrong
    /// is refused at once.
    pub(crate) fn parse(
        Rules { role, deflate }: Rules,
        bytes: &[u8],
    ) -> Result<Option<(Self, usize)>, ProtocolError> {
        let Some((&[first, second], rest)) = bytes.split_first_chunk() else { return Ok(None) };
        let fin = first & FIN != 0;
        let reserved = first & RESERVED_BITS;
        let compressed = deflate && reserved == COMPRESSED;
        if reserved != 0 && !compressed {
            return Err(ProtocolError::ReservedBits);
        }
        let opcode = Opcode::parse(first & OPCODE_BITS)?;
        // Only the first frame of a message says so.
        if compressed && !matches!(opcode, Opcode::Text | Opcode::Binary) {
            return Err(ProtocolError::ReservedBits);
        }
        match (role, second & MASKED != 0) {
            (Role::Server, false) => return Err(ProtocolError::Unmasked),
            (Role::Client, true) => return Err(ProtocolError::Masked),
            (Role::Server, true) | (Role::Client, false) => {}
        }
        let short = second & LENGTH_BITS;
        if opcode.is_control() {
            if !fin {
                return Err(ProtocolError::ControlFragmented);
            }
            if usize::from(short) > CONTROL_BYTES_MAX {
                return Err(ProtocolError::ControlTooLong);
            }
        }
        let Some((payload_bytes, rest)) = parse_length(short, rest)? else { return Ok(None) };
        let (mask, rest) = match role {
            Role::Client => (None, rest),
            Role::Server => match rest.split_first_chunk() {
                Some((key, rest)) => (Some(MaskKey::new(*key)), rest),
                None => return Ok(None),
            },
        };
        Ok(Some((Self { fin, opcode, compressed, payload_bytes, mask }, bytes.len() - rest.len())))
    }
}

fn parse_length(short: u8, rest: &[u8]) -> Result<Option<(u64, &[u8])>, ProtocolError> {
    let (length, rest, least) = match short {
        LENGTH_16 => match rest.split_first_chunk() {
            Some((bytes, rest)) => (u64::from(u16::from_be_bytes(*bytes)), rest, 126),
            None => return Ok(None),
        },
        LENGTH_64 => match rest.split_first_chunk() {
            Some((bytes, rest)) => (u64::from_be_bytes(*bytes), rest, 1 << 16),
            None => return Ok(None),
        },
        _ => (u64::from(short), rest, 0),
    };
    if length >> 63 != 0 {
        return Err(ProtocolError::LengthOverflow);
    }
    if length < least {
        return Err(ProtocolError::LengthNotMinimal);
    }
    Ok(Some((length, rest)))
}
