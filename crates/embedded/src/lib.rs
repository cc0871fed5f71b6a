//! The default adapters: what a single node keeps its data with, on its own disk.
//!
//! They refuse to know the engine and the wire. Each is judged by the contract suite of its port.

pub mod accounts;
pub mod backup;
pub mod bus;
pub mod conversations;
