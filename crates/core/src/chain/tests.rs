use bytes::Bytes;
use parlance_types::{Body, Content, Ordinal};

use super::*;
use crate::testkit::{account, id, seq, text};

fn record(conversation: ConversationId) -> Record {
    let content = Content {
        body: Body::Text { text: text("hello"), entities: Vec::new() },
        reply_to: None,
        seen: Some(seq(1)),
        silent: false,
    };
    let salt = Salt::from_bytes([7; 16]);
    let mut record = Record {
        conversation,
        seq: seq(2),
        at: Micros::new(1_795_430_000_123_456),
        sender: account(1),
        device: Some(DeviceId::from_bytes([4; 16])),
        message_id: id(5),
        kind: Kind::Text,
        target: None,
        ordinal: Ordinal::new(1),
        hash: Hash::default(),
        payload: Payload::Kept { salt, content: content::encode(&content) },
    };
    record.hash = link(start(conversation), &Header::from(&record), &digest_of(&record));
    record
}

/// Every device that holds a hash holds one of these: the layout must never change.
#[test]
fn the_chain_is_the_same_for_ever() {
    let conversation = crate::identity::direct(account(1), account(2));
    assert_eq!(start(conversation).to_string(), "d46f5d027c57a55c07d6c65aaf8a41f5");
    let record = record(conversation);
    assert_eq!(
        digest_of(&record).to_string(),
        "f07ef97e2ca95ec2bd9a993ba051dd1d1942a72d2d2262d66e55693eac0dc287"
    );
    assert_eq!(record.hash.to_string(), "85069e5b25c963e2ad57dd969469cf76");
    let without_device = Header { device: None, ..Header::from(&record) };
    let hash = link(record.hash, &without_device, &Digest::from_bytes([9; 32]));
    assert_eq!(hash.to_string(), "1df1070f8a78e42b48e9a264548f6327");
    assert_eq!(
        salt_of(Salt::from_bytes([7; 16]), 1).to_string(),
        "3603f628e5fd95436fbab8dda6686b96"
    );
}

/// The layout again, written down a second time from `architecture.md` with nothing of the code above.
#[test]
fn the_layout_is_the_documented_one() {
    let conversation = crate::identity::own(account(3));
    let first = |bytes: &[u8]| blake3::hash(bytes).as_bytes()[..16].to_vec();
    let zero = first(&[b"parlance.v1".as_slice(), conversation.as_bytes()].concat());
    assert_eq!(start(conversation).as_bytes(), &*zero);
    let record = record(conversation);
    let Payload::Kept { salt, content } = &record.payload else { panic!("kept above") };
    let digest = blake3::hash(&[salt.as_bytes().as_slice(), content].concat());
    let linked = [
        &*zero,
        &record.seq.get().to_be_bytes(),
        &record.at.get().to_be_bytes(),
        record.sender.as_bytes(),
        &[4; 16],
        record.message_id.as_bytes(),
        &1_u16.to_be_bytes(),
        digest.as_bytes(),
    ];
    assert_eq!(record.hash.as_bytes(), &*first(&linked.concat()));
}

#[test]
fn long_contents_are_hashed_like_short_ones() {
    let salt = Salt::from_bytes([1; 16]);
    for length in [0, 1, 1_007, 1_008, 1_009, 40_000] {
        let content = vec![5; length];
        let expected = blake3::hash(&[salt.as_bytes().as_slice(), &content].concat());
        assert_eq!(digest(&salt, &content).as_bytes(), expected.as_bytes(), "{length}");
    }
}

#[test]
fn a_record_is_checked_with_and_without_its_content() {
    let conversation = crate::identity::own(account(3));
    let kept = record(conversation);
    let before = start(conversation);
    assert!(check(before, &kept));
    let gone = Record { payload: Payload::Gone { digest: digest_of(&kept) }, ..kept.clone() };
    assert!(check(before, &gone));
    assert_eq!(event(&gone), Err(ContentError::Gone));

    let other_salt = Payload::Kept { salt: Salt::default(), content: content_of(&kept) };
    for damaged in [
        Record { seq: seq(3), ..kept.clone() },
        Record { at: Micros::ZERO, ..kept.clone() },
        Record { sender: account(9), ..kept.clone() },
        Record { device: None, ..kept.clone() },
        Record { message_id: id(6), ..kept.clone() },
        Record { kind: Kind::Describe, ..kept.clone() },
        Record { payload: other_salt, ..kept.clone() },
        Record { hash: before, ..kept.clone() },
    ] {
        assert!(!check(before, &damaged), "{damaged:?}");
    }
    assert!(!check(kept.hash, &kept));
}

#[test]
fn each_event_of_a_command_has_a_salt_of_its_own() {
    let salt = Salt::from_bytes([7; 16]);
    assert_eq!(salt_of(salt, 0), salt);
    assert_ne!(salt_of(salt, 1), salt_of(salt, 2));
    assert_ne!(salt_of(salt, 1), salt);
}

#[test]
fn the_event_of_a_record_is_what_was_encoded() {
    let record = record(crate::identity::own(account(3)));
    let event = event(&record).expect("its content is kept");
    assert_eq!(content::encode(&event.content), content_of(&record));
    assert_eq!((event.seq, event.hash), (record.seq, record.hash));
}

fn content_of(record: &Record) -> Bytes {
    match &record.payload {
        Payload::Kept { content, .. } => content.clone(),
        Payload::Gone { .. } => panic!("the content is gone"),
    }
}
