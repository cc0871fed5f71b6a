//! In-memory adapters.

mod account;
mod bus;
mod conversation;

pub use account::{AccountFault, FaultyAccounts, MemoryAccounts};
pub use bus::{BusFault, FaultyBus};
pub use conversation::{CommitFault, Faults, MemoryConversations};
