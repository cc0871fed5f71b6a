//! Arbitrary values of everything that is stored.

use bytes::Bytes;
use parlance_types::{
    AccountId, ConversationId, DeviceId, Digest, Emoji, Entry, Frozen, Hash, History, Interval,
    Kind, Listed, Mark, Marks, Membership, MessageId, MessageText, Micros, Ordinal, Overlay,
    OverlayChange, Payload, Position, Reaction, Record, Role, Rows, Salt, Seq, Settings, Title,
    Who,
};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;

/// An event of conversation 9 with this content and no rows.
pub(super) fn text(seq: u64, content: &[u8]) -> Entry {
    let record = Record {
        conversation: ConversationId::from_bytes([9; 16]),
        seq: Seq::new(seq).unwrap(),
        at: Micros::new(1_795_430_000_000_000 + seq),
        sender: AccountId::from_bytes([1; 16]),
        device: None,
        message_id: MessageId::from_time(1_795_430_000_000, [7; 10]),
        kind: Kind::Text,
        target: None,
        ordinal: Ordinal::new(seq),
        hash: Hash::from_bytes([3; 16]),
        payload: Payload::Kept {
            salt: Salt::from_bytes([4; 16]),
            content: Bytes::copy_from_slice(content),
        },
    };
    Entry { record, rows: Rows::default() }
}

fn seqs() -> impl Strategy<Value = Seq> {
    (1..=Seq::MAX).prop_map(|value| Seq::new(value).unwrap())
}

fn accounts() -> impl Strategy<Value = AccountId> {
    any::<[u8; 16]>().prop_map(AccountId::from_bytes)
}

fn ordinals() -> impl Strategy<Value = Ordinal> {
    any::<u64>().prop_map(Ordinal::new)
}

fn hashes() -> impl Strategy<Value = Hash> {
    any::<[u8; 16]>().prop_map(Hash::from_bytes)
}

fn emoji() -> impl Strategy<Value = Emoji> {
    select(vec!["👍", "❤️", "👩‍👩‍👧‍👦", "1️⃣"]).prop_map(|text| Emoji::new(text).unwrap())
}

fn roles() -> impl Strategy<Value = Role> {
    select(vec![Role::Member, Role::Admin, Role::Owner])
}

fn changes() -> impl Strategy<Value = OverlayChange> {
    prop_oneof![
        Just(OverlayChange::Edited),
        Just(OverlayChange::Deleted),
        (accounts(), emoji())
            .prop_map(|(account, emoji)| OverlayChange::Reacted { account, emoji }),
        (accounts(), emoji())
            .prop_map(|(account, emoji)| OverlayChange::Unreacted { account, emoji }),
    ]
}

pub(super) fn overlays() -> impl Strategy<Value = Overlay> {
    let reactions = (accounts(), emoji(), seqs()).prop_map(|(account, emoji, seq)| Reaction {
        emoji,
        account,
        seq,
    });
    (vec(seqs(), 0..4), of(seqs()), vec(reactions, 0..4), of(seqs()))
        .prop_map(|(edits, deleted, reactions, as_of)| Overlay { edits, deleted, reactions, as_of })
}

fn intervals() -> impl Strategy<Value = Interval> {
    (seqs(), seqs(), ordinals(), of(seqs())).prop_map(|(from, join, join_ordinal, left)| Interval {
        from,
        join,
        join_ordinal,
        left,
    })
}

fn settings() -> impl Strategy<Value = Settings> {
    let who = || select(vec![Who::Members, Who::Admins]);
    let history = select(vec![History::SinceJoin, History::All]);
    (who(), who(), who(), history).prop_map(|(send, add, info, history)| Settings {
        send,
        add,
        info,
        history,
    })
}

fn frozen() -> impl Strategy<Value = Frozen> {
    let listed = (accounts(), roles()).prop_map(|(account, role)| Listed { account, role });
    let words = (of("[a-zé日]{1,20}"), of("[a-z\n]{1,30}"));
    (hashes(), ordinals(), any::<u64>(), words, settings(), vec(listed, 0..4), 0..1000_usize)
        .prop_map(|(hash, ordinal, at, (title, description), settings, members, member_count)| {
            Frozen {
                hash,
                ordinal,
                at: Micros::new(at),
                title: title.map(|text| Title::new(&text).unwrap()),
                description: description.map(|text| MessageText::new(&text).unwrap()),
                settings,
                members,
                member_count,
            }
        })
}

pub(super) fn memberships() -> impl Strategy<Value = Membership> {
    (of(roles()), vec(intervals(), 0..4), seqs(), of(frozen())).prop_map(
        |(role, intervals, as_of, frozen)| Membership {
            role,
            intervals,
            as_of,
            frozen: frozen.map(Box::new),
        },
    )
}

pub(super) fn marks() -> impl Strategy<Value = Marks> {
    let mark = || of((seqs(), ordinals()).prop_map(|(seq, ordinal)| Mark { seq, ordinal }));
    (mark(), mark(), any::<u64>()).prop_map(|(delivered, read, position)| Marks {
        delivered,
        read,
        position: Position::new(position),
    })
}

fn payloads() -> impl Strategy<Value = Payload> {
    prop_oneof![
        (any::<[u8; 16]>(), vec(any::<u8>(), 0..300)).prop_map(|(salt, content)| Payload::Kept {
            salt: Salt::from_bytes(salt),
            content: content.into(),
        }),
        any::<[u8; 32]>().prop_map(|digest| Payload::Gone { digest: Digest::from_bytes(digest) }),
    ]
}

fn records() -> impl Strategy<Value = Record> {
    let named = (
        any::<[u8; 16]>(),
        seqs(),
        any::<u64>(),
        accounts(),
        of(any::<[u8; 16]>()),
        any::<[u8; 16]>(),
    );
    (named, select(Kind::ALL.to_vec()), of(seqs()), ordinals(), hashes(), payloads()).prop_map(
        |(
            (conversation, seq, at, sender, device, message_id),
            kind,
            target,
            ordinal,
            hash,
            payload,
        )| {
            Record {
                conversation: ConversationId::from_bytes(conversation),
                seq,
                at: Micros::new(at),
                sender,
                device: device.map(DeviceId::from_bytes),
                message_id: MessageId::from_bytes(message_id),
                kind,
                target,
                ordinal,
                hash,
                payload,
            }
        },
    )
}

pub(super) fn entries() -> impl Strategy<Value = Entry> {
    let rows =
        (of((seqs(), changes())), vec((accounts(), memberships()), 0..3), vec(accounts(), 0..3))
            .prop_map(|(overlay, memberships, mentions)| Rows { overlay, memberships, mentions });
    (records(), prop_oneof![Just(Rows::default()), rows])
        .prop_map(|(record, rows)| Entry { record, rows })
}
