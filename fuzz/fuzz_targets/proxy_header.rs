//! The header with which a proxy names the client of a connection.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| parlance_gateway::fuzz_proxy_header(bytes));
