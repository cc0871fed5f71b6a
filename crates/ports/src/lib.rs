//! The contracts between the engine and what keeps its data, in our words: order, atomicity, idempotence and the meaning of each
//! error are said on the traits, and one contract suite per port ([`contract`]) judges every adapter.
//!
//! This crate refuses to know any driver and any business rule. It owns the formats of what is stored ([`record`]).

mod account;
mod bus;
mod command;
mod conversation;
mod sink;

#[cfg(feature = "testkit")]
pub mod contract;
#[cfg(feature = "testkit")]
pub mod memory;
pub mod record;

pub use account::{
    ACCOUNTS_MAX, Account, AccountError, AccountStore, Credentials, NewSession, PasswordChange,
    PasswordHash, Rotation, SEEN_MAX, SUPERSEDED_MAX, Search, Session, Superseded, Tie, Tied,
    TokenHash, terms,
};
pub use bus::{Bus, BusMessage, NodeId, Receive, Subscription};
pub use command::{CommandSource, SourceClosed, Stamped, Ticket};
pub use conversation::{
    ConversationStore, Direction, HeadRow, Loaded, MembershipRow, RangeQuery, Snapshot, StoreError,
};
pub use sink::{CommitError, CommitFuture, Committed, EventSink, Group, MarkRow};
