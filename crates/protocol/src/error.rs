//! What is wrong with bytes from outside, in words for whoever wrote them.

use parlance_types::Code;
use parlance_types::frame::{ErrorFrame, RequestId};
use thiserror::Error;

/// A frame, a message or a request body cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{code}{}{}: {}", if field.is_some() { " " } else { "" }, field.as_deref().unwrap_or(""), message.as_deref().unwrap_or(code.message()))]
pub struct DecodeError {
    /// The request that is refused, if its number could be read.
    pub id: Option<RequestId>,
    /// The stable reason.
    pub code: Code,
    /// The field at fault, as a path: `send.body.text`.
    pub field: Option<Box<str>>,
    /// The remedy, where the code alone does not say it. Never repeats what was sent.
    pub message: Option<Box<str>>,
}

impl DecodeError {
    /// A fault of the whole.
    pub fn new(code: Code, message: impl Into<Box<str>>) -> Self {
        Self { id: None, code, field: None, message: Some(message.into()) }
    }

    /// A fault of one field.
    pub fn field(field: impl Into<Box<str>>, message: impl Into<Box<str>>) -> Self {
        Self { field: Some(field.into()), ..Self::new(Code::InvalidField, message) }
    }

    /// The same, as the answer to a request.
    #[must_use]
    pub fn with_id(self, id: Option<RequestId>) -> Self {
        Self { id, ..self }
    }

    /// What the client is told. Words that the code says anyway are left to it: who reads the frame cannot tell them apart.
    pub fn into_frame(self) -> ErrorFrame {
        let Self { id, code, field, message } = self;
        let message = message.filter(|message| **message != *code.message());
        ErrorFrame { field, message, ..ErrorFrame::new(id, code) }
    }
}
