//! The list of a backup and its file of rows.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| parlance_embedded::backup::fuzz_backup(bytes));
