//! The nouns of Parlance: ids, sequence numbers, events, commands, frames, limits and codes, each defined once.
//!
//! This crate refuses to know how anything is decided, stored or sent. Ids and numbers carry the one text form they have
//! everywhere (`Display`, `FromStr`, serde as that text), which is the only encoding found here.

mod body;
mod code;
mod command;
mod event;
pub mod figures;
pub mod frame;
mod handle;
mod id;
pub mod limits;
mod member;
mod number;
mod overlay;
mod personal;
mod presence;
mod rows;
mod signal;
mod text;

pub use body::{Body, Entity, EntityKind, Kind, Listed, Reaction};
pub use code::{CloseCode, Code, Retry};
pub use command::{Action, Command, Facts, Stamp, Verdict};
pub use event::{Content, Event, Payload, Record};
pub use handle::{Handle, HandleError};
pub use id::{
    AccountId, ConnectionId, ConversationId, ConversationKind, DeviceId, IdError, MessageId,
    SessionId,
};
pub use member::{
    Frozen, History, Interval, Mark, Marks, Membership, Role, Settings, SettingsChange, Who,
};
pub use number::{Digest, Epoch, Hash, HexError, Micros, Ordinal, Position, Salt, Seq};
pub use overlay::{Overlay, OverlayChange};
pub use personal::{Personal, PersonalAt, PersonalChange};
pub use presence::{PresenceFrame, PresenceRequest, PresenceState, WatchRequest};
pub use rows::{Entry, Rows};
pub use signal::{SignalFrame, SignalKind, SignalRequest};
pub use text::{DraftText, Emoji, Invalid, MessageText, Title};
