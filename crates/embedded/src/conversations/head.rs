//! The values of the small rows that only this store knows: heads, places and the checkpoint.

use bytes::{Buf, Bytes};
use parlance_journal as journal;
use parlance_ports::HeadRow;
use parlance_ports::record::{self, RecordError};
use parlance_types::{Epoch, Hash, Marks, Membership, Micros, Ordinal, Position, Seq};

const VERSION: u8 = 1;

/// The end of a conversation in the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StoredHead {
    pub(super) head: HeadRow,
    /// The first event of the open block; one more than the last event if there is none.
    pub(super) open: u64,
    /// How many sealed blocks there are.
    pub(super) sealed: u64,
}

impl StoredHead {
    pub(super) fn encode(&self) -> Vec<u8> {
        let HeadRow { seq, hash, ordinal, at, position, marked } = self.head;
        let mut out = Vec::with_capacity(81);
        out.push(VERSION);
        out.extend_from_slice(&seq.get().to_be_bytes());
        out.extend_from_slice(hash.as_bytes());
        let numbers =
            [ordinal.get(), at.get(), position.get(), marked.get(), self.open, self.sealed];
        for number in numbers {
            out.extend_from_slice(&number.to_be_bytes());
        }
        out
    }

    pub(super) fn decode(mut bytes: Bytes) -> Result<Self, RecordError> {
        expect(&mut bytes, 8 + 16 + 6 * 8)?;
        let seq = Seq::new(bytes.get_u64()).ok_or(RecordError::Field("seq"))?;
        let mut hash = [0; 16];
        bytes.copy_to_slice(&mut hash);
        let head = HeadRow {
            seq,
            hash: Hash::from_bytes(hash),
            ordinal: Ordinal::new(bytes.get_u64()),
            at: Micros::new(bytes.get_u64()),
            position: Position::new(bytes.get_u64()),
            marked: Position::new(bytes.get_u64()),
        };
        Ok(Self { head, open: bytes.get_u64(), sealed: bytes.get_u64() })
    }
}

/// An account's place in a conversation, and its marks there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// With the position of the event that wrote it.
    pub(super) membership: Option<(Membership, Position)>,
    pub(super) marks: Marks,
}

impl Place {
    /// Takes what is newer of each.
    pub(super) fn merge(&mut self, other: &Self) {
        let as_of =
            |place: &Self| place.membership.as_ref().map(|(membership, _)| membership.as_of);
        if as_of(other) > as_of(self) {
            self.membership.clone_from(&other.membership);
        }
        self.marks.merge(&other.marks);
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = vec![VERSION];
        let marks_at = out.len();
        record::encode_marks(&self.marks, &mut out);
        debug_assert_eq!(out.len() - marks_at, MARKS_SIZE);
        if let Some((membership, position)) = &self.membership {
            out.extend_from_slice(&position.get().to_be_bytes());
            record::encode_membership(membership, &mut out);
        }
        out
    }

    pub(super) fn decode(mut bytes: Bytes) -> Result<Self, RecordError> {
        expect(&mut bytes, MARKS_SIZE)?;
        let marks = record::decode_marks(bytes.split_to(MARKS_SIZE))?;
        if bytes.is_empty() {
            return Ok(Self { membership: None, marks });
        }
        let position = Position::new(bytes.try_get_u64().map_err(|_| RecordError::Short)?);
        let membership = record::decode_membership(bytes)?;
        Ok(Self { membership: Some((membership, position)), marks })
    }
}

/// Version, two marks of two numbers, position.
const MARKS_SIZE: usize = 1 + 5 * 8;

/// What the rows contain, in the rows; what they must contain at least, in the manifest of the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Checkpoint {
    pub(super) epoch: Epoch,
    /// The first position of this installation.
    pub(super) begin: journal::Position,
    /// Everything before is in the rows.
    pub(super) position: journal::Position,
    /// The checkpoint before this one: the journal is kept from there.
    pub(super) previous: journal::Position,
    pub(super) conversations: u64,
    pub(super) events: u64,
}

impl Checkpoint {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = vec![VERSION];
        out.extend_from_slice(self.epoch.as_bytes());
        let numbers = [
            self.begin.get(),
            self.position.get(),
            self.previous.get(),
            self.conversations,
            self.events,
        ];
        for number in numbers {
            out.extend_from_slice(&number.to_be_bytes());
        }
        out
    }

    pub(super) fn decode(mut bytes: Bytes) -> Result<Self, RecordError> {
        expect(&mut bytes, 16 + 5 * 8)?;
        let mut epoch = [0; 16];
        bytes.copy_to_slice(&mut epoch);
        let mut position = || journal::Position::new(bytes.get_u64());
        let (begin, at, previous) = (position(), position(), position());
        Ok(Self {
            epoch: Epoch::from_bytes(epoch),
            begin,
            position: at,
            previous,
            conversations: bytes.get_u64(),
            events: bytes.get_u64(),
        })
    }
}

/// Takes the version off; the rest has `size` bytes at least.
fn expect(bytes: &mut Bytes, size: usize) -> Result<(), RecordError> {
    match bytes.try_get_u8().map_err(|_| RecordError::Short)? {
        VERSION if bytes.len() < size => Err(RecordError::Short),
        VERSION => Ok(()),
        other => Err(RecordError::Version(other)),
    }
}
