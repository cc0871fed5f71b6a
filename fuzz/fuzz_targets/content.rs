//! The content of a record, read as each kind of event.
#![no_main]

use libfuzzer_sys::fuzz_target;
use parlance_core::content::{decode, encode};
use parlance_types::Kind;

fuzz_target!(|bytes: &[u8]| {
    for kind in Kind::ALL {
        if let Ok(content) = decode(kind, bytes) {
            assert_eq!(decode(kind, &encode(&content)), Ok(content));
        }
    }
});
