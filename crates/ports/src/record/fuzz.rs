//! The entry of the fuzzer: whatever the bytes are, decoding neither panics nor accepts what it would not write.

use bytes::Bytes;

use super::{
    Peek, decode_entry, decode_mark, decode_membership, decode_overlay, encode_entry, encode_mark,
    encode_membership, encode_overlay, split_record,
};

/// Decodes `bytes` as everything that is stored. What is accepted must encode to the same bytes again.
pub fn fuzz_entry(bytes: &[u8]) {
    let shared = Bytes::copy_from_slice(bytes);
    same(bytes, decode_entry(shared.clone()), encode_entry);
    same(bytes, decode_mark(shared.clone()), encode_mark);
    same(bytes, decode_membership(shared.clone()), encode_membership);
    same(bytes, decode_overlay(shared), encode_overlay);
    check_peek(bytes);
}

/// Where a record is accepted, its header read in place says the same.
fn check_peek(bytes: &[u8]) {
    let mut rest = Bytes::copy_from_slice(bytes);
    if let (Ok(record), Some(peek)) = (split_record(&mut rest), Peek::new(bytes)) {
        assert_eq!(
            peek.length(),
            bytes.len() - rest.len(),
            "a record is as long as its header says"
        );
        assert_eq!((peek.seq(), peek.target()), (record.seq.get(), record.target));
        assert_eq!((peek.sender(), peek.message_id()), (record.sender, record.message_id));
        assert_eq!(
            (peek.at(), peek.ordinal(), peek.hash()),
            (record.at, record.ordinal, record.hash)
        );
    }
}

fn same<T, E>(bytes: &[u8], decoded: Result<T, E>, encode: fn(&T, &mut Vec<u8>)) {
    if let Ok(value) = decoded {
        let mut again = Vec::new();
        encode(&value, &mut again);
        assert!(again == bytes, "a value has one encoding");
    }
}
