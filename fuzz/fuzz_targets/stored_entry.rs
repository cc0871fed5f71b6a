//! Entries as they lie in the journal.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| parlance_ports::record::fuzz_entry(bytes));
