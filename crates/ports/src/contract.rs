//! One suite per port.

pub mod account;
pub mod conversation;
