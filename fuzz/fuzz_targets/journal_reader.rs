//! Segments, groups and manifests of the journal.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| parlance_journal::fuzz_reader(bytes));
