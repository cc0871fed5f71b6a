//! The content of a record, read as each kind of event.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| parlance_core::fuzz::fuzz_content(bytes));
