//! Rows of the first release, which must load for ever. A failure here is never cured by writing the fixture again.

use bytes::Bytes;
use parlance_journal as journal;
use parlance_ports::contract::conversation::sample::{Talk, account, mark, seq};
use parlance_ports::{HeadRow, record};
use parlance_types::{Entry, Epoch, Hash, Micros, Ordinal, Position};

use super::super::block::{self, Block, Summary};
use super::super::compacting::Erasures;
use super::super::head::{Checkpoint, Place, StoredHead};
use super::super::index::{Index, Indexed};
use super::super::key;
use super::super::line::{self, Line};

/// Lines of a name and hexadecimal digits.
const V1: &str = include_str!("../../../../../testdata/v1/rows.txt");

fn head() -> StoredHead {
    let head = HeadRow {
        seq: seq(70),
        hash: Hash::from_bytes([5; 16]),
        ordinal: Ordinal::new(60),
        at: Micros::new(1_795_430_000_000_009),
        position: Position::new(4096),
        marked: Position::new(5000),
    };
    StoredHead { head, open: 65, sealed: 1 }
}

fn place() -> Place {
    let membership = Talk::new(1).add(account(1), &[account(2)]).rows.memberships.remove(0).1;
    let mut marks = mark(account(2), Talk::new(1).id, 7, 5).marks;
    marks.position = Position::new(99);
    Place { membership: Some((membership, Position::new(80))), marks }
}

fn checkpoint() -> Checkpoint {
    let position = journal::Position::new;
    Checkpoint {
        epoch: Epoch::from_bytes([7; 16]),
        begin: position(64),
        position: position(9000),
        previous: position(8000),
        conversations: 3,
        events: 200,
    }
}

fn erasures() -> Erasures {
    Erasures { passes: 3, at_ms: 1_795_430_000_000 }
}

/// Large enough to be packed.
fn entries() -> Vec<Entry> {
    Talk::new(1).texts(12)
}

fn events(entries: &[Entry]) -> Vec<u8> {
    let mut events = Vec::new();
    for entry in entries {
        record::encode_record(&entry.record, &mut events);
    }
    events
}

fn index(events: &[u8]) -> Index {
    let summary = Summary::of(events, Hash::default()).expect("there are events");
    Index { blocks: vec![Indexed::new(summary, events)] }
}

fn fixture(name: &str) -> Bytes {
    let line = V1.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    let digits = line.unwrap_or_else(|| panic!("the fixture has no line {name}"));
    let byte =
        |pair| u8::from_str_radix(std::str::from_utf8(pair).expect("digits"), 16).expect("digits");
    digits.as_bytes().chunks(2).map(byte).collect()
}

#[test]
fn the_first_format_loads() {
    let entries = entries();
    let events = events(&entries);
    assert_eq!(StoredHead::decode(fixture("head")), Ok(head()));
    assert_eq!(Place::decode(fixture("place")), Ok(place()));
    assert_eq!(Checkpoint::decode(fixture("checkpoint")), Ok(checkpoint()));
    assert_eq!(Erasures::decode(fixture("erasures")), Ok(erasures()));
    assert_eq!(Index::decode(fixture("index")), Ok(index(&events)));
    assert_eq!(line::decode(fixture("line")), Ok(Line::Entry(entries[0].clone())));
    let key = key::block(entries[0].record.conversation, 1);
    for name in ["block", "small_block"] {
        let block = Block::decode(&key, fixture(name)).expect("the block loads");
        let records = block.records(&key).expect("the block has its events");
        assert!(
            entries
                .iter()
                .map(|entry| &entry.record)
                .zip(&records)
                .all(|(one, other)| one == other)
        );
        assert_eq!(records.len(), if name == "block" { 12 } else { 2 });
    }
}

/// While version 1 is what is written, the fixture is what is written; but for packing, which may become better.
#[test]
fn the_first_format_is_written() {
    let entries = entries();
    let events = events(&entries);
    let mut first = Vec::new();
    line::encode_entry(&entries[0], &mut first);
    let small = self::events(&entries[..2]);
    let summary = Summary::of(&small, Hash::default()).expect("there are events");
    assert_eq!(fixture("head"), head().encode());
    assert_eq!(fixture("place"), place().encode());
    assert_eq!(fixture("checkpoint"), checkpoint().encode());
    assert_eq!(fixture("erasures"), erasures().encode());
    assert_eq!(fixture("index"), index(&events).encode());
    assert_eq!(fixture("line"), first);
    assert_eq!(fixture("small_block"), block::encode(&summary, &small).expect("it is encoded"));
}
