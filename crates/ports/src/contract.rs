//! One suite per port.

pub mod account;
