//! Parlance through its real doors: the built binary, real sockets, an independent WebSocket library and nothing of its insides.

mod accounts;
mod bad_input;
mod changes;
mod crash;
mod direct;
mod groups;
mod harness;
mod lifecycle;
mod resume;
