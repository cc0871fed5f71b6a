//! How long the journal keeps what the rows hold: at most an age, a size and a share of the disk, and never less than the last two
//! checkpoints.
//!
//! Whole segments go. So that a record does not outlive its age in a segment that fills slowly, a segment is left after an eighth of that
//! age, and goes when its last record is seven eighths old.

use std::time::{Duration, SystemTime};

use parlance_journal::{Journal, Position, Trim};

use super::Options;

/// The journal takes one part of so many of the disk.
const DISK_PARTS: u64 = 10;
/// Segments that an age is spread over.
const AGE_PARTS: u32 = 8;

/// The segment that is being written, and since when that is known.
#[derive(Default)]
pub(super) struct Retention {
    segment: Option<(Position, SystemTime)>,
}

impl Retention {
    /// Leaves the segment in use if it is old enough, and deletes what is older than it may be. Nothing from `before` on goes.
    pub(super) fn turn(&mut self, journal: &Journal, options: &Options, before: Position) {
        if self.is_old(journal.begun(), options.journal_age_max / AGE_PARTS) {
            journal.turn_over();
        }
        let trim = Trim {
            before,
            bytes_max: bytes_max(options.journal_bytes_max, journal.disk_bytes()),
            written_before: written_before(SystemTime::now(), options.journal_age_max),
        };
        if let Err(error) = journal.trim(&trim) {
            tracing::warn!(%error, "could not delete old segments of the journal");
        }
    }

    /// Of a segment that an earlier process began the age is not known: it is as if that was long ago.
    fn is_old(&mut self, begun: Position, age: Duration) -> bool {
        match self.segment {
            Some((segment, since)) if segment == begun => {
                // A clock that went back says nothing.
                since.elapsed().map_or(true, |elapsed| elapsed >= age)
            }
            Some(_) => {
                self.segment = Some((begun, SystemTime::now()));
                false
            }
            None => {
                self.segment = Some((begun, SystemTime::UNIX_EPOCH));
                true
            }
        }
    }
}

fn bytes_max(configured: u64, disk_bytes: std::io::Result<u64>) -> u64 {
    match disk_bytes {
        Ok(disk) => configured.min(disk / DISK_PARTS),
        Err(error) => {
            tracing::warn!(%error, "could not tell how large the disk is");
            configured
        }
    }
}

/// Segments that were last written before this time go.
fn written_before(now: SystemTime, age_max: Duration) -> Option<SystemTime> {
    now.checked_sub(age_max / AGE_PARTS * (AGE_PARTS - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_of_size_and_share_counts() {
        assert_eq!(bytes_max(8 << 30, Ok(500 << 30)), 8 << 30);
        assert_eq!(bytes_max(8 << 30, Ok(20 << 30)), 2 << 30);
        assert_eq!(bytes_max(8 << 30, Err(std::io::ErrorKind::Other.into())), 8 << 30);
    }

    #[test]
    fn a_record_is_never_kept_longer_than_its_age() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_hours(100);
        let limit = written_before(now, Duration::from_hours(24)).expect("it is later than 1970");
        // Written first in a segment that was then in use for three hours.
        assert_eq!(now.duration_since(limit).ok(), Some(Duration::from_hours(21)));
    }

    #[test]
    fn a_segment_is_left_after_a_while() {
        let (begun, next) = (Position::new(64), Position::new(4096));
        let mut retention = Retention::default();
        assert!(retention.is_old(begun, Duration::from_hours(3)), "nobody knows since when");
        assert!(!retention.is_old(next, Duration::from_hours(3)));
        assert!(!retention.is_old(next, Duration::from_hours(3)));
        assert!(retention.is_old(next, Duration::ZERO));
    }
}
