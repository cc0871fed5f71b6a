//! The I/O shell around `parlance-core`: shards that own conversations, fan-out, listings, pages and accounts.
//!
//! It receives, calls, persists and sends. It refuses to know HTTP, WebSocket, JSON and any concrete store, and it decides nothing: an
//! `if` about who may do what belongs into `parlance-core`.
//!
//! **Nothing of a group is visible before the group is durable.**

pub mod accounts;
pub mod clock;
mod engine;
mod entropy;
mod fetch;
pub mod follow;
mod hub;
pub mod limits;
mod mailbox;
mod metrics;
pub mod outlet;
mod personal;
mod presence;
pub mod reply;
pub mod shard;
mod sync;
mod watermark;

pub use engine::{Engine, Stores};
pub use entropy::random;
pub use fetch::fetch;
pub use hub::{Hub, Outlets};
pub use mailbox::{MAILBOX_MAX, Mailbox, MailboxError, MailboxSource};
pub use metrics::{Counter, FigurePage, Gauge, Histogram, Metrics};
pub use sync::Listing;
pub use watermark::Watermark;
