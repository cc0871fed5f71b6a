//! Bytes of the first release, which must load for ever. A failure here is never cured by writing the fixture again.

use parlance_types::{
    AccountId, DeviceId, Digest, Emoji, Entry, Frozen, Hash, History, Interval, Kind, Listed, Mark,
    Marks, Membership, MessageText, Micros, Ordinal, Overlay, OverlayChange, Payload, Position,
    Reaction, Role, Rows, Seq, Settings, Title, Who,
};

use super::super::*;
use super::{encoded, strategy};
use crate::MarkRow;

/// Lines of a name and hexadecimal digits.
const V1: &str = include_str!("../../../../../testdata/v1/records.txt");

fn seq(value: u64) -> Seq {
    Seq::new(value).unwrap()
}

fn account(number: u8) -> AccountId {
    AccountId::from_bytes([number; 16])
}

fn left() -> Membership {
    let settings =
        Settings { send: Who::Admins, add: Who::Members, info: Who::Admins, history: History::All };
    Membership {
        role: None,
        intervals: vec![
            Interval {
                from: seq(1),
                join: seq(3),
                join_ordinal: Ordinal::new(2),
                left: Some(seq(7)),
            },
            Interval {
                from: seq(9),
                join: seq(9),
                join_ordinal: Ordinal::new(5),
                left: Some(seq(12)),
            },
        ],
        as_of: seq(12),
        frozen: Some(Box::new(Frozen {
            hash: Hash::from_bytes([5; 16]),
            ordinal: Ordinal::new(8),
            at: Micros::new(1_795_430_000_000_009),
            title: Some(Title::new("Tea").unwrap()),
            description: Some(MessageText::new("Earl Grey").unwrap()),
            settings,
            members: vec![Listed { account: account(1), role: Role::Owner }],
            member_count: 1,
        })),
    }
}

fn overlay() -> Overlay {
    Overlay {
        edits: vec![seq(4), seq(6)],
        deleted: None,
        reactions: vec![Reaction {
            emoji: Emoji::new("👍").unwrap(),
            account: account(2),
            seq: seq(8),
        }],
        as_of: Some(seq(8)),
    }
}

fn removal() -> Entry {
    let mut entry = strategy::text(12, b"bye");
    entry.record.kind = Kind::Remove;
    entry.record.device = Some(DeviceId::from_bytes([6; 16]));
    entry.rows = Rows { overlay: None, memberships: vec![(account(2), left())], mentions: vec![] };
    entry
}

fn reaction() -> Entry {
    let mut entry = strategy::text(8, b"");
    entry.record.kind = Kind::React;
    entry.record.target = Some(seq(2));
    entry.record.payload = Payload::Gone { digest: Digest::from_bytes([8; 32]) };
    let change = OverlayChange::Reacted { account: account(2), emoji: Emoji::new("👍").unwrap() };
    entry.rows.overlay = Some((seq(2), change));
    entry.rows.mentions = vec![account(3)];
    entry
}

fn mark() -> MarkRow {
    let mark = |value| Some(Mark { seq: seq(value), ordinal: Ordinal::new(value - 1) });
    let marks = Marks { delivered: mark(7), read: mark(5), position: Position::new(99) };
    MarkRow { account: account(1), conversation: strategy::text(1, b"").record.conversation, marks }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

#[test]
fn the_first_format_loads() {
    let bytes = |name: &str| -> Bytes {
        let line = V1.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        let digits = line.unwrap_or_else(|| panic!("the fixture has no line {name}"));
        digits
            .as_bytes()
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect()
    };
    assert_eq!(decode_entry(bytes("text")), Ok(strategy::text(1, b"hello")));
    assert_eq!(decode_entry(bytes("remove")), Ok(removal()));
    assert_eq!(decode_entry(bytes("react")), Ok(reaction()));
    assert_eq!(decode_mark(bytes("mark")), Ok(mark()));
    assert_eq!(decode_marks(bytes("marks")), Ok(mark().marks));
    assert_eq!(decode_membership(bytes("membership")), Ok(left()));
    assert_eq!(decode_overlay(bytes("overlay")), Ok(overlay()));
}

/// While version 1 is what is written, the fixture is what is written.
#[test]
fn the_first_format_is_written() {
    let lines = [
        ("text", encoded(&strategy::text(1, b"hello"), encode_entry)),
        ("remove", encoded(&removal(), encode_entry)),
        ("react", encoded(&reaction(), encode_entry)),
        ("mark", encoded(&mark(), encode_mark)),
        ("marks", encoded(&mark().marks, encode_marks)),
        ("membership", encoded(&left(), encode_membership)),
        ("overlay", encoded(&overlay(), encode_overlay)),
    ];
    let written = lines.map(|(name, bytes)| format!("{name} {}", hex(&bytes)));
    assert_eq!(written.join("\n"), V1.trim_end());
}
