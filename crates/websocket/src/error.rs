//! What a peer can do wrong inside frames, and the close code that answers it.

use crate::CloseCode;

/// The peer broke RFC 6455 or a limit. The connection is over: send [`ProtocolError::close_code`] and stop reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProtocolError {
    #[error("frame from a client is not masked")]
    Unmasked,
    #[error("frame from a server is masked")]
    Masked,
    #[error("reserved bits are set that no extension was negotiated for")]
    ReservedBits,
    #[error("opcode {0:#x} is reserved")]
    ReservedOpcode(u8),
    #[error("control frame is fragmented")]
    ControlFragmented,
    #[error("control frame is longer than 125 bytes")]
    ControlTooLong,
    #[error("payload length is not in its shortest form")]
    LengthNotMinimal,
    #[error("payload length has its highest bit set")]
    LengthOverflow,
    #[error("continuation frame without a message to continue")]
    UnexpectedContinuation,
    #[error("new message inside a fragmented one")]
    ExpectedContinuation,
    #[error("close frame has half a code")]
    CloseTruncated,
    #[error("close code {0} may not be sent")]
    CloseCode(u16),
    #[error("text is not UTF-8")]
    InvalidUtf8,
    #[error("compressed message cannot be inflated")]
    InvalidDeflate,
    #[error("message is larger than {bytes_max} bytes")]
    MessageTooBig { bytes_max: usize },
    #[error("message has more than {fragments_max} fragments")]
    TooManyFragments { fragments_max: u32 },
}

impl ProtocolError {
    /// The code of the close frame to answer with.
    pub const fn close_code(self) -> CloseCode {
        match self {
            Self::InvalidUtf8 | Self::InvalidDeflate => CloseCode::INVALID_PAYLOAD,
            Self::MessageTooBig { .. } => CloseCode::TOO_BIG,
            Self::TooManyFragments { .. } => CloseCode::POLICY,
            Self::Unmasked
            | Self::Masked
            | Self::ReservedBits
            | Self::ReservedOpcode(_)
            | Self::ControlFragmented
            | Self::ControlTooLong
            | Self::LengthNotMinimal
            | Self::LengthOverflow
            | Self::UnexpectedContinuation
            | Self::ExpectedContinuation
            | Self::CloseTruncated
            | Self::CloseCode(_) => CloseCode::PROTOCOL,
        }
    }
}
