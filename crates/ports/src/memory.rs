//! In-memory adapters.

mod account;

pub use account::{AccountFault, FaultyAccounts, MemoryAccounts};
