//! In-memory adapters.

mod account;
mod conversation;

pub use account::{AccountFault, FaultyAccounts, MemoryAccounts};
pub use conversation::{CommitFault, Faults, MemoryConversations};
