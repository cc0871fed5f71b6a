//! The same on a real directory.

use std::fs;

use super::{append, contents, options};
use crate::{Directory, Journal, OpenError, Position, Trim, verify};

#[test]
fn a_real_directory_keeps_everything_over_kills_and_stops() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("journal");
    let mut expected = Vec::new();
    for round in 0..6_u8 {
        let (journal, recovery) = Journal::open_directory(&path, options()).unwrap();
        assert_eq!(recovery.clean, round == 0 || round % 2 == 1, "{round}: {recovery:?}");
        assert!(matches!(Journal::open_directory(&path, options()), Err(OpenError::Locked)));
        for _ in 0..10 {
            append(&journal, &[&[round; 200]]).unwrap();
            expected.push(vec![round; 200]);
        }
        assert_eq!(contents(&journal), expected);
        if round % 2 == 0 {
            journal.close().unwrap();
        }
    }
    let reading = Directory::read_only(&path).unwrap();
    let mut seen = Vec::new();
    let mut progress = Vec::new();
    let report =
        verify(&reading, &mut |_, content| seen.push(content.to_vec()), &mut |p| progress.push(p))
            .unwrap();
    assert_eq!(report.damages, []);
    assert_eq!(seen, expected);
    assert_eq!(progress.last().map(|p| p.bytes_done), progress.last().map(|p| p.bytes_total));

    let (journal, _) = Journal::open_directory(&path, options()).unwrap();
    append(&journal, &[b"last"]).unwrap();
    let before = fs::read_dir(&path).unwrap().count();
    assert!(journal.trim(&Trim::everything_before(journal.durable())).unwrap().segments > 0);
    assert!(fs::read_dir(&path).unwrap().count() < before);
    assert!(journal.reader(Position::START).is_err());
}

#[test]
fn a_missing_directory_cannot_be_verified() {
    let home = tempfile::tempdir().unwrap();
    assert!(Directory::read_only(home.path().join("nothing")).is_err());
}
