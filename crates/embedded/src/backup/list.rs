//! `backup.json`: what a backup is of and which files it has, with their hashes.

use std::path::Path;

use parlance_journal::is_name_in_copy;
use parlance_types::{Epoch, Micros};
use serde::{Deserialize, Serialize};

use super::error::BackupError;
use super::{ACCOUNTS, ROWS};
use crate::conversations::JOURNAL;

pub(super) const LIST: &str = "backup.json";
const FORMAT: u32 = 1;
/// Larger than a list of many thousand files.
const BYTES_MAX: u64 = 64 << 20;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct List {
    pub(super) format: u32,
    /// The version that made it.
    pub(super) parlance: String,
    /// Microseconds since 1970.
    pub(super) made_at: Micros,
    /// Of the installation.
    pub(super) epoch: Epoch,
    /// Everything acknowledged before this position is there.
    pub(super) end: u64,
    pub(super) files: Vec<Listed>,
    /// Over all that stands before it.
    pub(super) checksum: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Listed {
    pub(super) name: String,
    pub(super) bytes: u64,
    pub(super) blake3: String,
}

impl List {
    pub(super) fn new(
        parlance: &str,
        made_at: Micros,
        epoch: Epoch,
        end: u64,
        files: Vec<Listed>,
    ) -> Self {
        let parlance = parlance.to_owned();
        let mut list =
            Self { format: FORMAT, parlance, made_at, epoch, end, files, checksum: String::new() };
        list.checksum = list.sum();
        list
    }

    pub(super) fn bytes(&self) -> u64 {
        self.files.iter().fold(0, |sum, file| sum.saturating_add(file.bytes))
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        serde_json::to_vec_pretty(self).expect("text and numbers can be written as JSON")
    }

    pub(super) fn read(folder: &Path) -> Result<Self, BackupError> {
        let path = folder.join(LIST);
        let size = match std::fs::metadata(&path) {
            Ok(metadata) => metadata.len(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(BackupError::NotABackup(folder.to_owned()));
            }
            Err(error) => return Err(BackupError::io(&path)(error)),
        };
        if size > BYTES_MAX {
            return Err(BackupError::damaged(&path, "is larger than any that was written"));
        }
        let bytes = std::fs::read(&path).map_err(BackupError::io(&path))?;
        Self::decode(&bytes).map_err(|error| match error {
            Wrong::Newer(format) => BackupError::Newer(format),
            Wrong::Damaged(what) => BackupError::damaged(&path, what),
        })
    }

    fn decode(bytes: &[u8]) -> Result<Self, Wrong> {
        #[derive(Deserialize)]
        struct Any {
            format: u32,
        }
        let not_json = |_| Wrong::Damaged("is not as it was written");
        let Any { format } = serde_json::from_slice(bytes).map_err(not_json)?;
        if format > FORMAT {
            return Err(Wrong::Newer(format));
        }
        let list: Self = serde_json::from_slice(bytes).map_err(not_json)?;
        if list.checksum != list.sum() {
            return Err(Wrong::Damaged("is not as it was written: its checksum differs"));
        }
        // The names become paths.
        if !list.files.iter().all(|file| is_name(&file.name)) {
            return Err(Wrong::Damaged("names a file that no backup has"));
        }
        if ![ROWS, ACCOUNTS].iter().all(|name| list.files.iter().any(|file| file.name == *name)) {
            return Err(Wrong::Damaged("does not name all files of a backup"));
        }
        Ok(list)
    }

    fn sum(&self) -> String {
        let unsigned = Self { checksum: String::new(), ..self.clone() };
        blake3::hash(&unsigned.encode()).to_hex().to_string()
    }
}

#[derive(Debug, PartialEq)]
enum Wrong {
    Newer(u32),
    Damaged(&'static str),
}

fn is_name(name: &str) -> bool {
    match name.split_once('/') {
        None => [ROWS, ACCOUNTS].contains(&name),
        Some((folder, name)) => folder == JOURNAL && is_name_in_copy(name),
    }
}

/// Any bytes are a list that encodes to what it was read from, or are refused.
pub(super) fn fuzz(bytes: &[u8]) {
    if let Ok(list) = List::decode(bytes) {
        assert_eq!(List::decode(&list.encode()), Ok(list));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(names: &[&str]) -> List {
        let one = |name: &&str| Listed { name: (*name).to_owned(), bytes: 7, blake3: "00".into() };
        let files = names.iter().map(one).collect();
        List::new("0.0.0", Micros::new(9), Epoch::from_bytes([1; 16]), 64, files)
    }

    #[test]
    fn a_list_is_read_as_it_was_written_and_no_byte_can_change() {
        let whole =
            list(&["rows", "journal/MANIFEST", "journal/0000000001.segment", "accounts.sqlite"]);
        let bytes = whole.encode();
        assert_eq!(List::decode(&bytes), Ok(whole.clone()));
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            // White space means nothing.
            assert!(
                List::decode(&changed).is_ok_and(|list| list == whole)
                    || List::decode(&changed).is_err(),
                "{at}"
            );
        }
    }

    #[test]
    fn only_names_of_a_backup_become_paths() {
        for name in [
            "../rows",
            "/etc/passwd",
            "journal/../x",
            "journal/x",
            "keys.json",
            "journal/1.segment",
        ] {
            let bytes = list(&["rows", "accounts.sqlite", name]).encode();
            assert!(matches!(List::decode(&bytes), Err(Wrong::Damaged(_))), "{name}");
        }
        assert!(matches!(List::decode(&list(&["rows"]).encode()), Err(Wrong::Damaged(_))));
        let newer = String::from_utf8(list(&[]).encode())
            .unwrap()
            .replace("\"format\": 1", "\"format\": 2");
        assert_eq!(List::decode(newer.as_bytes()), Err(Wrong::Newer(2)));
    }
}
