use bytes::Bytes;
use parlance_types::{Digest, Payload, Record, Salt};

use super::super::{erased, is_same_event};
use super::strategy;

#[test]
fn an_erased_record_is_the_same_event_without_content() {
    let kept = strategy::text(3, b"hello").record;
    let gone = erased(kept.clone());
    let Payload::Kept { salt, content } = &kept.payload else { panic!("made with content") };
    let digest = blake3::hash(&[salt.as_bytes().as_slice(), content].concat());
    let digest = Digest::from_bytes(*digest.as_bytes());
    assert_eq!(gone, Record { payload: Payload::Gone { digest }, ..kept.clone() });
    assert_eq!(erased(gone.clone()), gone);
    assert!(is_same_event(&kept, &gone) && is_same_event(&gone, &kept));
    assert!(is_same_event(&kept, &kept) && is_same_event(&gone, &gone));

    let salt = Salt::from_bytes([9; 16]);
    let other = Payload::Kept { salt, content: Bytes::from_static(b"hello") };
    let other = Record { payload: other, ..kept.clone() };
    let later = Record { seq: kept.seq.next(), ..kept.clone() };
    for other in [other, later] {
        assert!(!is_same_event(&kept, &other) && !is_same_event(&other, &gone));
    }
}
