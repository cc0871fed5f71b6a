//! What a client may send, as JSON.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| parlance_protocol::fuzz_client(bytes));
