//! Why a command or request was refused, for whoever asked.

use std::sync::Arc;

use parlance_types::{Code, Micros, PersonalAt};

/// A refusal: nothing was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The stable reason.
    pub code: Code,
    /// The field of the command at fault.
    pub field: Option<&'static str>,
    /// When trying again may help.
    pub retry_after_ms: Option<u64>,
    /// The server's time, where the client's clock is at fault.
    pub now: Option<Micros>,
    /// How what was to be changed is now, where another device was first.
    pub current: Option<Arc<PersonalAt>>,
}

impl Refusal {
    /// Without details.
    pub const fn new(code: Code) -> Self {
        Self { code, field: None, retry_after_ms: None, now: None, current: None }
    }

    /// Names the field at fault.
    pub const fn field(code: Code, field: &'static str) -> Self {
        Self { code, field: Some(field), retry_after_ms: None, now: None, current: None }
    }
}
