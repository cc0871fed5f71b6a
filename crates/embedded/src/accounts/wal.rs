//! The write-ahead log of SQLite, read as bytes.
//!
//! SQLite takes a frame that does not match its checksum for the end of the log and says nothing. That is right for a transaction that
//! a power cut left unfinished, and wrong for bytes that changed later: then answered writes would be gone without a word.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use parlance_ports::AccountError;

const HEADER: usize = 32;
const FRAME_HEADER: usize = 24;
/// The last bit says in which order the checksum reads its words.
const MAGIC: u32 = 0x377f_0682;

/// What the bytes of a log say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Every frame of the last writer is whole.
    Whole,
    /// A frame of the last transaction is not: a power cut while it was written, or damage to it.
    Unfinished { frame: usize },
    /// A frame is not whole, and a later transaction is: bytes changed after they were written.
    Damaged { what: String },
}

/// Refuses a log in which answered writes would be lost. One that a power cut left unfinished is not refused.
pub(super) fn check_before_opening(database: &Path) -> Result<(), AccountError> {
    let path = path_of(database);
    match read(&path) {
        Ok(State::Damaged { what }) => {
            Err(AccountError::Damaged(format!("accounts: {}: {what}", path.display())))
        }
        Ok(State::Unfinished { frame }) => {
            tracing::warn!(path = %path.display(), frame, "the write-ahead log ends in an unfinished transaction");
            Ok(())
        }
        Ok(State::Whole) => Ok(()),
        Err(error) => Err(AccountError::Unavailable(format!("{}: {error}", path.display()))),
    }
}

/// The log of a database.
pub(super) fn path_of(database: &Path) -> PathBuf {
    let mut path = database.as_os_str().to_owned();
    path.push("-wal");
    path.into()
}

pub(super) fn read(path: &Path) -> std::io::Result<State> {
    match fs::read(path) {
        Ok(bytes) => Ok(judge(&bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(State::Whole),
        Err(error) => Err(error),
    }
}

fn judge(bytes: &[u8]) -> State {
    if bytes.is_empty() {
        return State::Whole;
    }
    let Some(log) = Log::of(bytes) else {
        return State::Damaged {
            what: "the header of the write-ahead log is not as it was written".into(),
        };
    };
    let mut sums = log.start;
    // The first frame that is not whole, and the commits found behind it.
    let mut broken = None;
    let mut commits = 0;
    for (index, frame) in log.frames.chunks_exact(log.frame_size).enumerate() {
        let ours = (word(frame, 8) == log.salts.0, word(frame, 12) == log.salts.1);
        if ours == (false, false) {
            // From before the log was last begun anew.
            break;
        }
        let stored = (word(frame, 16), word(frame, 20));
        let whole = ours == (true, true) && log.sum(sums, frame) == stored;
        // Behind a damaged frame the chain goes on from what that frame says, if that part of it is right.
        sums = stored;
        if !whole {
            broken.get_or_insert(index + 1);
        } else if broken.is_some() && word(frame, 4) != 0 {
            commits += 1;
        }
    }
    match broken {
        None => State::Whole,
        // One commit may be that of the transaction with the broken frame itself; a second one came later.
        Some(frame) if commits < 2 => State::Unfinished { frame },
        Some(frame) => State::Damaged {
            what: format!("frame {frame} of the write-ahead log is not as it was written"),
        },
    }
}

/// A log whose header is right.
struct Log<'a> {
    frames: &'a [u8],
    frame_size: usize,
    salts: (u32, u32),
    start: (u32, u32),
    big_endian: bool,
}

impl<'a> Log<'a> {
    fn of(bytes: &'a [u8]) -> Option<Self> {
        let (header, frames) = bytes.split_at_checked(HEADER)?;
        let magic = word(header, 0);
        let page = word(header, 8) as usize;
        if magic & !1 != MAGIC || !page.is_power_of_two() || !(512..=65_536).contains(&page) {
            return None;
        }
        let big_endian = magic & 1 == 1;
        let start = (word(header, 24), word(header, 28));
        let salts = (word(header, 16), word(header, 20));
        let right = sum((0, 0), &header[..24], big_endian) == start;
        right.then_some(Self { frames, frame_size: FRAME_HEADER + page, salts, start, big_endian })
    }

    /// The checksum of a frame behind one whose checksum is `sums`.
    fn sum(&self, sums: (u32, u32), frame: &[u8]) -> (u32, u32) {
        let head = sum(sums, &frame[..8], self.big_endian);
        sum(head, &frame[FRAME_HEADER..], self.big_endian)
    }
}

/// Takes a multiple of 8 bytes.
fn sum((mut a, mut b): (u32, u32), bytes: &[u8], big_endian: bool) -> (u32, u32) {
    let read = if big_endian { u32::from_be_bytes } else { u32::from_le_bytes };
    for [p, q, r, s, t, u, v, w] in bytes.as_chunks::<8>().0 {
        a = a.wrapping_add(read([*p, *q, *r, *s])).wrapping_add(b);
        b = b.wrapping_add(read([*t, *u, *v, *w])).wrapping_add(a);
    }
    (a, b)
}

/// The big-endian number at `offset` of a header, which has it.
fn word(bytes: &[u8], offset: usize) -> u32 {
    bytes[offset..offset + 4].iter().fold(0, |word, byte| word << 8 | u32::from(*byte))
}
