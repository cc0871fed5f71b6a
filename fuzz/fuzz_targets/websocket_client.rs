//! WebSocket frames as a client reads them: not masked.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| parlance_websocket::fuzz::fuzz_decode(bytes, parlance_websocket::Role::Client));
