//! The heads of the upgrade, from both sides.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| parlance_websocket::fuzz::fuzz_handshake(bytes));
