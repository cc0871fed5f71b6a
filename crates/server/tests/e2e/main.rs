//! Parlance through its real doors: the built binary, real sockets, an independent WebSocket library and nothing of its insides.

mod accounts;
mod backup;
mod bad_input;
mod bad_requests;
mod bad_start;
mod changes;
mod client;
mod crash;
mod direct;
mod disk_full;
mod drill;
mod ephemera;
mod events;
mod flips;
mod groups;
mod harness;
mod lifecycle;
mod old_retries;
mod operator;
mod proxies;
mod resume;
mod socket;
mod streams;
mod surface;
mod tls;
mod trust;
