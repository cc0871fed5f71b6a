//! One suite per port.

pub mod account;
pub mod bus;
pub mod conversation;
