//! Stored states of conversations.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| parlance_core::fuzz::fuzz_snapshot(bytes));
