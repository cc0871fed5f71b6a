//! The bodies of the REST paths. What a frame also says has the same fields here; what is refused is named in the same way.

mod accounts;
mod changes;
mod doors;
mod messages;
mod personal;
mod sessions;
mod ties;

use bytes::{Bytes, BytesMut};
use parlance_types::{AccountId, Code, limits};
use serde::de::IgnoredAny;

use crate::DecodeError;
use crate::json::read::{At, too_deep};

pub use accounts::{BrowserTokens, Me, Refresh, Secret, SignIn, SignUp, Tokens};
pub use changes::{Additions, MarkPage, MemberPage, Name, NewMarks, NewRole, Reform, Version};
pub use doors::{Polled, StreamTicket, write_polled};
pub use messages::{Group, Message};
pub use personal::{PersonalSettings, PutSettings};
pub use sessions::{MeChange, PasswordChange, Session, Sessions};
pub use ties::{PeoplePage, Tied};

/// A request's or an answer's body, in both directions.
pub trait RestBody: Sized {
    /// Reads the text of a JSON object. [`decode`] is what callers want.
    fn read(text: &str) -> Result<Self, DecodeError>;

    /// Writes the fields of the object.
    fn write(&self, out: &mut BytesMut);
}

/// Reads a body from outside.
pub fn decode<T: RestBody>(bytes: &[u8]) -> Result<T, DecodeError> {
    let malformed = |message: String| DecodeError::new(Code::MalformedFrame, message);
    let text =
        std::str::from_utf8(bytes).map_err(|_| malformed("the body is not UTF-8".to_owned()))?;
    if too_deep(text) {
        return Err(malformed(format!("nested deeper than {}", limits::DEPTH_MAX)));
    }
    serde_json::from_str::<IgnoredAny>(text)
        .map_err(|error| malformed(format!("the body is not JSON: {error}")))?;
    T::read(text)
}

/// Writes a body.
pub fn encode<T: RestBody>(body: &T) -> Bytes {
    let mut out = BytesMut::new();
    body.write(&mut out);
    out.freeze()
}

/// Reads the ids of a query such as `?ids=a,b,c`.
pub fn decode_ids(text: &str) -> Result<Vec<AccountId>, DecodeError> {
    let ids: Vec<_> = text.split(',').take(limits::PEOPLE_MAX + 1).map(str::parse).collect();
    if ids.len() > limits::PEOPLE_MAX {
        return Err(DecodeError::field("ids", format!("at most {} at a time", limits::PEOPLE_MAX)));
    }
    let ids: Result<_, _> = ids.into_iter().collect();
    ids.map_err(|error: parlance_types::IdError| DecodeError::field("ids", error.to_string()))
}

/// The fields of a body stand at the top: their paths are their names.
const TOP: At<'static> = At("");

#[cfg(test)]
mod tests;
