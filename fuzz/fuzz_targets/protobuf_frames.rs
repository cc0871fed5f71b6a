//! What a client or a server may send, as Protocol Buffers.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| parlance_protocol::fuzz_protobuf(bytes));
