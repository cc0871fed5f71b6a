//! The rows on disk: one LSM tree, written by whole sorted runs.
//!
//! A pass of the flusher is one *ingestion*: its rows become a table of the tree that is synced and then listed, so that a pass is there
//! as a whole or not at all. The memtable and the journal of the LSM stay empty, but for one row after a merge of all tables; durability
//! does not rest on them. Every value carries a checksum over key and value, so that a row that changed or moved is named and not
//! believed.

use std::io;
use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::Arc;

use bytes::{Buf, Bytes};
use fjall::compaction::Leveled;
use fjall::config::{BlockSizePolicy, CompressionPolicy, PartitioningPolicy};
use fjall::{
    CompressionType, Database, Guard, Keyspace, KeyspaceCreateOptions, Readable, Snapshot,
};
use parlance_ports::StoreError;
use parlance_ports::record::RecordError;
use thiserror::Error;

use super::key::Key;
use super::manifest;
use super::priority;

#[derive(Debug, Error)]
pub(crate) enum RowError {
    #[error("in use by another process")]
    Locked,
    #[error("{0}")]
    Damaged(String),
    #[error(transparent)]
    Io(io::Error),
}

pub(super) struct Rows {
    database: Database,
    keyspace: Keyspace,
}

/// The rows at one moment.
pub(super) struct View {
    snapshot: Snapshot,
    keyspace: Keyspace,
}

/// A key and its value.
pub(super) type Row = (Key, Vec<u8>);

impl Rows {
    pub(super) fn open(path: &Path, cache_bytes: u64) -> Result<Self, RowError> {
        // On a thread of its own, because the threads of the LSM have the priority of the one that starts them.
        std::thread::scope(|scope| {
            let opening = scope.spawn(|| {
                priority::step_back();
                manifest::check(path)?;
                let database = Database::builder(path)
                    .cache_size(cache_bytes)
                    .worker_threads(1)
                    .manual_journal_persist(true)
                    .open()?;
                let keyspace = database.keyspace("conversations", options)?;
                Ok(Self { database, keyspace })
            });
            // The LSM asserts what it reads.
            let panicked = |_| Err(RowError::Damaged("cannot be opened: panicked".into()));
            opening.join().unwrap_or_else(panicked)
        })
    }

    pub(super) fn view(&self) -> View {
        View { snapshot: self.database.snapshot(), keyspace: self.keyspace.clone() }
    }

    /// Writes the rows that `make` hands over, in strictly ascending order of their keys: all of them or, after an error, none. When this
    /// returns they are durable and views see them.
    pub(super) fn ingest<E: From<RowError>>(
        &self,
        make: impl FnOnce(&mut RowWriter<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut ingestion = self.keyspace.start_ingestion().map_err(RowError::from)?;
        make(&mut |key, value| {
            let sealed = seal(&key, value);
            Ok(ingestion.write(key, sealed)?)
        })?;
        Ok(ingestion.finish().map_err(RowError::from)?)
    }

    /// Merges all tables and lets go of those that were merged, so that the disk holds each row as views see it now and in no older
    /// version. The row at `key` has the value `before` until that is done, then `after`. Reads and ingestions go on meanwhile.
    pub(super) fn compact(&self, key: &[u8], before: &[u8], after: &[u8]) -> Result<(), RowError> {
        // The LSM moves the mark behind which versions may go when it ingests, and lets go of tables when it flushes its memtable.
        let ingest = |value| self.ingest::<RowError>(|write| write(key.to_vec(), value));
        ingest(before)?;
        self.keyspace.major_compact()?;
        ingest(after)?;
        self.keyspace.insert(key, seal(key, after))?;
        self.keyspace.rotate_memtable_and_wait()?;
        Ok(())
    }

    /// What they take of the disk.
    pub(super) fn bytes(&self) -> u64 {
        self.keyspace.disk_space()
    }

    pub(super) fn path(&self) -> &Path {
        self.keyspace.path()
    }
}

/// Bytes of rows that are compressed together.
const BLOCK_BYTES: u32 = 8 * 1024;
/// Passes of the flusher that are merged together.
const PASSES: u8 = 8;
/// What a table is about to be large; the first level holds as many as passes are merged.
const TABLE_BYTES: u64 = 16 << 20;

/// Of a keyspace that is made; it keeps them for life.
///
/// Rows of one table lie together and are much alike, and many are zeros: compressed they take half. Index and filter are in parts at every
/// level, because the cache holds nothing as large as the whole index of a large table, which would be read again for each row.
///
/// Every pass touches conversations all over the store, so that merging passes into the first level writes all of that level again: it is
/// kept small, and passes are merged when there are some of them.
fn options() -> KeyspaceCreateOptions {
    let merging = Leveled::default().with_l0_threshold(PASSES).with_table_target_size(TABLE_BYTES);
    KeyspaceCreateOptions::default()
        .compaction_strategy(Arc::new(merging))
        .data_block_compression_policy(CompressionPolicy::all(CompressionType::Lz4))
        .data_block_size_policy(BlockSizePolicy::all(BLOCK_BYTES))
        .index_block_partitioning_policy(PartitioningPolicy::all(true))
        .filter_block_partitioning_policy(PartitioningPolicy::all(true))
}

/// Takes the next row.
pub(super) type RowWriter<'a> = dyn FnMut(Key, &[u8]) -> Result<(), RowError> + 'a;

impl View {
    pub(super) fn get(&self, key: &[u8]) -> Result<Option<Bytes>, RowError> {
        match self.snapshot.get(&self.keyspace, key)? {
            None => Ok(None),
            Some(value) => unseal(key, Bytes::from_owner(value)).map(Some),
        }
    }

    /// Rows whose keys lie in `keys`, from both ends.
    pub(super) fn range(
        &self,
        keys: RangeInclusive<Key>,
    ) -> impl DoubleEndedIterator<Item = Result<(Bytes, Bytes), RowError>> + use<> {
        Scan::new(self.snapshot.range(&self.keyspace, keys))
    }

    pub(super) fn prefix(
        &self,
        prefix: &[u8],
    ) -> impl DoubleEndedIterator<Item = Result<(Bytes, Bytes), RowError>> + use<> {
        Scan::new(self.snapshot.prefix(&self.keyspace, prefix))
    }
}

/// Ends with the first error: the LSM would meet the same damage for ever.
struct Scan<I> {
    rows: Option<I>,
}

impl<I> Scan<I> {
    fn new(rows: I) -> Self {
        Self { rows: Some(rows) }
    }

    fn check(&mut self, row: Option<Guard>) -> Option<Result<(Bytes, Bytes), RowError>> {
        let row = row.map(open);
        if !matches!(row, Some(Ok(_))) {
            self.rows = None;
        }
        row
    }
}

impl<I: Iterator<Item = Guard>> Iterator for Scan<I> {
    type Item = Result<(Bytes, Bytes), RowError>;

    fn next(&mut self) -> Option<Self::Item> {
        let row = self.rows.as_mut()?.next();
        self.check(row)
    }
}

impl<I: DoubleEndedIterator<Item = Guard>> DoubleEndedIterator for Scan<I> {
    fn next_back(&mut self) -> Option<Self::Item> {
        let row = self.rows.as_mut()?.next_back();
        self.check(row)
    }
}

fn open(row: Guard) -> Result<(Bytes, Bytes), RowError> {
    let (key, value) = row.into_inner()?;
    let value = unseal(&key, Bytes::from_owner(value))?;
    Ok((Bytes::from_owner(key), value))
}

const CHECKSUM: usize = 4;

fn seal(key: &[u8], value: &[u8]) -> Vec<u8> {
    let mut sealed = Vec::with_capacity(CHECKSUM + value.len());
    sealed.extend_from_slice(&checksum(key, value).to_be_bytes());
    sealed.extend_from_slice(value);
    sealed
}

fn unseal(key: &[u8], mut sealed: Bytes) -> Result<Bytes, RowError> {
    if sealed.len() >= CHECKSUM {
        let expected = sealed.get_u32();
        if expected == checksum(key, &sealed) {
            return Ok(sealed);
        }
    }
    Err(RowError::Damaged(format!("the checksum of {} does not match", name(key))))
}

fn checksum(key: &[u8], value: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(key);
    hasher.update(value);
    hasher.finalize()
}

/// A row in words: its table, and the id that it belongs to.
pub(super) fn name(key: &[u8]) -> String {
    use super::key::{
        BLOCKS, CHANGES, CHECKPOINT, COMPACTED, ERASED, HEADS, INDEXES, MARKS, MENTIONS, OVERLAYS,
        PLACES, SNAPSHOTS, id_at,
    };
    use parlance_types::ConversationId;
    let (what, from) = match key.first() {
        Some(&BLOCKS) => ("a block", 0),
        Some(&INDEXES) => ("an index", 0),
        Some(&HEADS) => ("the head", 0),
        Some(&SNAPSHOTS) => ("the snapshot", 0),
        Some(&PLACES) => ("a membership", 16),
        Some(&MARKS) => ("a mark", 0),
        Some(&OVERLAYS) => ("an overlay", 0),
        Some(&CHANGES) => ("a change", 0),
        Some(&MENTIONS) => ("a mention", 16),
        Some(&CHECKPOINT) => return "the checkpoint".to_owned(),
        Some(&ERASED) => return "the count of erasures".to_owned(),
        Some(&COMPACTED) => return "the count of merged erasures".to_owned(),
        _ => return "a row of no table".to_owned(),
    };
    match id_at(key, from) {
        Some(id) => format!("{what} of conversation {}", ConversationId::from_bytes(id)),
        None => format!("{what} with a short key"),
    }
}

impl From<fjall::Error> for RowError {
    fn from(error: fjall::Error) -> Self {
        match error {
            fjall::Error::Locked => Self::Locked,
            fjall::Error::Io(error) | fjall::Error::Storage(fjall::LsmError::Io(error)) => {
                match error.kind() {
                    // A file that is shorter or says other things than was written.
                    io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData => {
                        Self::Damaged(error.to_string())
                    }
                    _ => Self::Io(error),
                }
            }
            fjall::Error::Storage(fjall::LsmError::ChecksumMismatch { .. }) => {
                Self::Damaged("the checksum of a table does not match".to_owned())
            }
            other => Self::Damaged(other.to_string()),
        }
    }
}

impl RowError {
    pub(super) fn in_row(key: &[u8], error: RecordError) -> Self {
        Self::Damaged(format!("{}: {error}", name(key)))
    }
}

impl From<RowError> for StoreError {
    fn from(error: RowError) -> Self {
        match error {
            RowError::Damaged(what) => Self::Damaged(what),
            RowError::Io(_) | RowError::Locked => Self::Unavailable(error.to_string()),
        }
    }
}
