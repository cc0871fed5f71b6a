mod erase;
mod fixtures;
mod strategy;

use bytes::Bytes;
use parlance_types::Payload;
use proptest::prelude::*;

use super::*;
use strategy::{entries, marks, memberships, overlays};

fn encoded<T>(value: &T, encode: fn(&T, &mut Vec<u8>)) -> Bytes {
    let mut out = Vec::new();
    encode(value, &mut out);
    out.into()
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded(
        entry in entries(), membership in memberships(), overlay in overlays(), marks in marks(),
    ) {
        prop_assert_eq!(decode_entry(encoded(&entry, encode_entry)), Ok(entry));
        prop_assert_eq!(decode_membership(encoded(&membership, encode_membership)), Ok(membership));
        prop_assert_eq!(decode_overlay(encoded(&overlay, encode_overlay)), Ok(overlay));
        prop_assert_eq!(decode_marks(encoded(&marks, encode_marks)), Ok(marks));
    }

    #[test]
    fn nothing_but_the_whole_is_decoded(entry in entries(), cut in any::<prop::sample::Index>()) {
        let bytes = encoded(&entry, encode_entry);
        let short = bytes.slice(..cut.index(bytes.len()));
        prop_assert!(decode_entry(short).is_err());
        let mut long = bytes.to_vec();
        long.push(0);
        prop_assert!(decode_entry(long.into()).is_err());
    }

    #[test]
    fn records_lie_one_behind_the_other(list in prop::collection::vec(entries(), 0..5)) {
        let mut bytes = Vec::new();
        for entry in &list {
            let start = bytes.len();
            encode_record(&entry.record, &mut bytes);
            prop_assert_eq!(bytes.len() - start, record_length(&entry.record));
        }
        let mut rest = Bytes::from(bytes);
        for entry in &list {
            prop_assert_eq!(split_record(&mut rest), Ok(entry.record.clone()));
        }
        prop_assert!(rest.is_empty());
    }

    #[test]
    fn any_bytes_are_refused_or_survive(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        fuzz_entry(&bytes);
    }

    #[test]
    fn any_changed_byte_is_refused_or_survives(
        entry in entries(), membership in memberships(), overlay in overlays(),
        at in any::<prop::sample::Index>(), to in any::<u8>(),
    ) {
        for bytes in [
            encoded(&entry, encode_entry),
            encoded(&membership, encode_membership),
            encoded(&overlay, encode_overlay),
        ] {
            let mut changed = bytes.to_vec();
            changed[at.index(bytes.len())] = to;
            fuzz_entry(&changed);
        }
    }
}

#[test]
fn content_is_shared_and_not_copied() {
    let entry = strategy::text(1, b"hello");
    let bytes = encoded(&entry, encode_entry);
    let whole = bytes.as_ptr_range();
    let Payload::Kept { content, .. } = decode_entry(bytes).unwrap().record.payload else {
        panic!("the content was kept");
    };
    assert!(whole.contains(&content.as_ptr()));
}

#[test]
fn later_versions_and_unknown_keys_are_named() {
    let bytes = encoded(&strategy::text(1, b"x"), encode_entry);
    let with = |at: usize, value| {
        let mut changed = bytes.to_vec();
        changed[at] = value;
        decode_entry(changed.into())
    };
    assert_eq!(with(0, 2), Err(RecordError::Version(2)));
    assert_eq!(with(7, 9), Err(RecordError::Key(9)));
    assert_eq!(with(3, 77), Err(RecordError::Field("kind")));
    assert_eq!(with(1, 0x80), Err(RecordError::Field("flags")));
}
