//! What many conversations of two messages each take of the disk, table by table.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use bytes::Bytes;
use parlance_ports::contract::conversation::sample;
use parlance_ports::{EventSink, Group, MarkRow};
use parlance_types::{
    AccountId, ConversationId, ConversationKind, DeviceId, Entry, Hash, Interval, Kind, Mark,
    Marks, Membership, MessageId, Micros, Ordinal, Payload, Position, Record, Role, Rows as Beside,
    Salt, Seq,
};

use super::super::recovery::open_rows;
use super::super::rows::{RowError, Rows};
use super::super::{Conversations, Options, ROWS, key};

const ACCOUNTS: u64 = 2_000;

/// Random enough that nothing compresses that would not.
struct Dice(blake3::OutputReader);

impl Dice {
    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.fill(&mut bytes);
        bytes
    }

    fn below(&mut self, bound: u64) -> u64 {
        u64::from_be_bytes(self.bytes()) % bound
    }

    fn text(&mut self) -> Bytes {
        sample::words(|bound| self.below(bound as u64) as usize)
    }
}

fn account(number: u64) -> AccountId {
    let hash = blake3::hash(&number.to_be_bytes());
    AccountId::from_bytes(std::array::from_fn(|at| hash.as_bytes()[at]))
}

fn device(of: AccountId) -> DeviceId {
    let hash = blake3::hash(of.as_bytes());
    DeviceId::from_bytes(std::array::from_fn(|at| hash.as_bytes()[at]))
}

/// Made, a message each way, and that both were delivered.
fn talk(dice: &mut Dice, number: u64) -> Group {
    let pair = [account(dice.below(ACCOUNTS)), account(dice.below(ACCOUNTS))];
    let id = ConversationId::from_hash(ConversationKind::Direct, dice.bytes());
    let mut group = Group::default();
    for (at, kind) in [Kind::Create, Kind::Text, Kind::Text].into_iter().enumerate() {
        let (seq, sender) = (Seq::new(at as u64 + 1).expect("not 0"), pair[at / 2]);
        let time = 1_795_430_000_000_000 + number * 50_000 + at as u64 * 7_001;
        let content =
            if at == 0 { Bytes::from_static(b"\x80\0\0\0\0\0\0\0\0\0\0\0") } else { dice.text() };
        let record = Record {
            conversation: id,
            seq,
            at: Micros::new(time),
            sender,
            device: Some(device(sender)),
            message_id: MessageId::from_time(time / 1000, dice.bytes()),
            kind,
            target: None,
            ordinal: Ordinal::new(at as u64),
            hash: Hash::from_bytes(dice.bytes()),
            payload: Payload::Kept { salt: Salt::from_bytes(dice.bytes()), content },
        };
        let interval = Interval { from: seq, join: seq, join_ordinal: Ordinal::ZERO, left: None };
        let membership = Membership {
            role: Some(Role::Member),
            intervals: vec![interval],
            as_of: seq,
            frozen: None,
        };
        let memberships = match kind {
            Kind::Create => pair.map(|account| (account, membership.clone())).to_vec(),
            _ => Vec::new(),
        };
        group
            .entries
            .push(Arc::new(Entry { record, rows: Beside { memberships, ..Beside::default() } }));
        if at > 0 {
            let mark = Some(Mark { seq, ordinal: Ordinal::new(at as u64) });
            let marks = Marks { delivered: mark, read: None, position: Position::ZERO };
            group.marks.push(MarkRow { account: pair[2 - at], conversation: id, marks });
        }
    }
    group
}

/// Rows, bytes of keys, bytes of values.
type Size = (usize, usize, usize);

fn sizes(rows: &Rows) -> BTreeMap<u8, Size> {
    let mut sizes = BTreeMap::new();
    for row in rows.view().prefix(&[]) {
        let (key, value) = row.expect("a row is read");
        let size: &mut Size = sizes.entry(key[0]).or_default();
        *size = (size.0 + 1, size.1 + key.len(), size.2 + value.len());
    }
    sizes
}

/// What the rows of one table take when they are alone.
fn alone(rows: &Rows, table: u8) -> u64 {
    let directory = tempfile::tempdir().expect("a directory for a test");
    let only = open_rows(directory.path(), &Options::default()).expect("rows open");
    only.ingest::<RowError>(|write| {
        for row in rows.view().prefix(&[table]) {
            let (key, value) = row?;
            write(key.to_vec(), &value)?;
        }
        Ok(())
    })
    .expect("they are written");
    only.compact(&key::compacted(), &[0], &[0]).expect("they are merged");
    only.bytes()
}

/// Bytes per message, and a line per table: rows, bytes of keys and of values, and what they take when they are alone.
async fn measure(conversations: u64) -> (f64, String) {
    let directory = tempfile::tempdir().expect("a directory for a test");
    let options = Options { waiting_bytes_max: 16 << 20, ..Options::default() };
    let store = Conversations::open(directory.path(), options).expect("it opens");
    let mut dice = Dice(blake3::Hasher::new().finalize_xof());
    for number in 0..conversations {
        let answer = store.commit(talk(&mut dice, number));
        if number % 64 == 0 {
            answer.await.expect("it is committed");
        }
    }
    store.close().await.expect("it closes");
    drop(store);
    let rows = open_rows(&directory.path().join(ROWS), &Options::default()).expect("rows open");
    let per_message = |bytes: u64| bytes as f64 / (2.0 * conversations as f64);
    let mut lines = String::new();
    for (table, (count, keys, values)) in sizes(&rows) {
        if count > 1 {
            let (count, alone) = (per_message(count as u64), per_message(alone(&rows, table)));
            let (keys, values) = (per_message(keys as u64), per_message(values as u64));
            writeln!(lines, "table {table}: {count:.2} {keys:.1} {values:.1} {alone:.1}")
                .expect("a line");
        }
    }
    (per_message(rows.bytes()), lines)
}

/// The budget is 400 with everything; more conversations take no more each.
#[tokio::test]
async fn two_messages_take_little() {
    let (per_message, lines) = measure(3_000).await;
    assert!(per_message < 400.0, "{per_message:.1} bytes per message; of them:\n{lines}");
}
