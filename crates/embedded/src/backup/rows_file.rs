//! The file of rows: all of them in the order of their keys, in pieces that are compressed each for itself.
//!
//! ```text
//! magic 8 · pieces · an empty piece
//! piece    length 4 · packed length 4 · packed (zstd): rows, each key length 2 · value length 4 · key · value
//! ```
//! All numbers are big-endian. It knows nothing of the LSM, so that any version of it can be filled from it. That it is whole says the list of
//! the backup; a reader believes no length beyond its maximum.

use std::io::{self, Read};

use bytes::{Buf, Bytes};

const MAGIC: &[u8; 8] = b"PARLBKR1";
/// A piece ends behind the row that brings it here.
const PIECE_BYTES: usize = 256 * 1024;
/// No row is as large as this less [`PIECE_BYTES`].
const PIECE_BYTES_MAX: usize = 64 << 20;
const LEVEL: i32 = 1;

/// Makes the bytes of the file. What is ready to be written is taken out with [`Writer::take`].
pub(super) struct Writer {
    piece: Vec<u8>,
    ready: Vec<u8>,
}

impl Writer {
    pub(super) fn new() -> Self {
        Self { piece: Vec::new(), ready: MAGIC.to_vec() }
    }

    pub(super) fn push(&mut self, key: &[u8], value: &[u8]) -> io::Result<()> {
        let too_large = |_| io::Error::other("a row is too large for a backup");
        let key_length =
            u16::try_from(key.len()).map_err(|_| io::Error::other("a key is too long"))?;
        let value_length = u32::try_from(value.len()).map_err(too_large)?;
        if key.len() + value.len() > PIECE_BYTES_MAX - PIECE_BYTES - 6 {
            return Err(io::Error::other("a row is too large for a backup"));
        }
        self.piece.extend_from_slice(&key_length.to_be_bytes());
        self.piece.extend_from_slice(&value_length.to_be_bytes());
        self.piece.extend_from_slice(key);
        self.piece.extend_from_slice(value);
        if self.piece.len() >= PIECE_BYTES { self.seal() } else { Ok(()) }
    }

    pub(super) fn finish(&mut self) -> io::Result<()> {
        if !self.piece.is_empty() {
            self.seal()?;
        }
        self.ready.extend_from_slice(&[0; 8]);
        Ok(())
    }

    pub(super) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.ready)
    }

    fn seal(&mut self) -> io::Result<()> {
        let packed = zstd::bulk::compress(&self.piece, LEVEL)?;
        self.ready.extend_from_slice(&(self.piece.len() as u32).to_be_bytes());
        self.ready.extend_from_slice(&(packed.len() as u32).to_be_bytes());
        self.ready.extend_from_slice(&packed);
        self.piece.clear();
        Ok(())
    }
}

/// The rows of a file, in their order. Ends after the first error.
pub(super) struct Reader<R> {
    input: R,
    piece: Bytes,
    state: State,
}

#[derive(PartialEq)]
enum State {
    Fresh,
    Open,
    Ended,
}

impl<R: Read> Reader<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input, piece: Bytes::new(), state: State::Fresh }
    }

    fn row(&mut self) -> io::Result<Option<(Bytes, Bytes)>> {
        if self.state == State::Fresh {
            let mut magic = [0; 8];
            self.input.read_exact(&mut magic)?;
            if magic != *MAGIC {
                return Err(invalid("is no file of rows"));
            }
            self.state = State::Open;
        }
        if self.piece.is_empty() && !self.next_piece()? {
            return Ok(None);
        }
        let short = |_| invalid("a row is cut off");
        let key = usize::from(self.piece.try_get_u16().map_err(short)?);
        let value = self.piece.try_get_u32().map_err(short)? as usize;
        if self.piece.len() < key + value {
            return Err(invalid("a row is cut off"));
        }
        Ok(Some((self.piece.split_to(key), self.piece.split_to(value))))
    }

    /// `false` at the end.
    fn next_piece(&mut self) -> io::Result<bool> {
        let mut lengths = [0; 8];
        self.input.read_exact(&mut lengths)?;
        let mut lengths = &lengths[..];
        let (length, packed) = (lengths.get_u32() as usize, lengths.get_u32() as usize);
        if length == 0 && packed == 0 {
            return Ok(false);
        }
        if length == 0 || length > PIECE_BYTES_MAX || packed > PIECE_BYTES_MAX {
            return Err(invalid("a piece has a length that none has"));
        }
        // Grows with what is there, not with what is claimed.
        let mut bytes = Vec::new();
        self.input.by_ref().take(packed as u64).read_to_end(&mut bytes)?;
        let piece = zstd::bulk::decompress(&bytes, length)?;
        if piece.len() != length {
            return Err(invalid("a piece has another length than it says"));
        }
        self.piece = piece.into();
        Ok(true)
    }
}

impl<R: Read> Iterator for Reader<R> {
    type Item = io::Result<(Bytes, Bytes)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.state == State::Ended {
            return None;
        }
        let row = self.row().transpose();
        if !matches!(row, Some(Ok(_))) {
            self.state = State::Ended;
        }
        row
    }
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// Whatever the bytes are, reading them ends, and what is read can be written and read again.
pub(super) fn fuzz(bytes: &[u8]) {
    let Ok(rows) = Reader::new(bytes).collect::<io::Result<Vec<_>>>() else { return };
    let mut writer = Writer::new();
    for (key, value) in &rows {
        writer.push(key, value).expect("what was in a piece fits into one");
    }
    writer.finish().expect("memory takes it");
    let again: io::Result<Vec<_>> = Reader::new(&writer.take()[..]).collect();
    assert!(again.is_ok_and(|again| again == rows), "rows survive");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(rows: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
        let mut writer = Writer::new();
        let mut bytes = Vec::new();
        for (key, value) in rows {
            writer.push(key, value).unwrap();
            bytes.extend(writer.take());
        }
        writer.finish().unwrap();
        bytes.extend(writer.take());
        bytes
    }

    #[test]
    fn rows_of_any_size_are_read_as_they_were_written() {
        let sizes = [0, 1, 300, PIECE_BYTES - 1, PIECE_BYTES * 3, 7];
        let rows: Vec<_> = sizes.map(|size| (vec![1; size % 999], vec![2; size])).into();
        let read: io::Result<Vec<_>> = Reader::new(&file(&rows)[..]).collect();
        let rows: Vec<_> =
            rows.into_iter().map(|(key, value)| (key.into(), value.into())).collect();
        assert_eq!(read.unwrap(), rows);
        assert_eq!(Reader::new(&file(&[])[..]).count(), 0);
        assert!(Writer::new().push(&[1], &vec![0; PIECE_BYTES_MAX]).is_err());
    }

    #[test]
    fn a_file_that_is_cut_off_anywhere_is_no_file() {
        let whole = file(&[(vec![1; 9], vec![2; 9]), (vec![2], vec![])]);
        for length in 0..whole.len() {
            let read: io::Result<Vec<_>> = Reader::new(&whole[..length]).collect();
            assert!(read.is_err(), "{length}");
        }
        let mut huge = whole;
        huge[8..16].fill(255);
        assert!(Reader::new(&huge[..]).any(|row| row.is_err()));
    }
}
