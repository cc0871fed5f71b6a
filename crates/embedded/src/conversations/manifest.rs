//! A check that the LSM leaves out: whether the lists of its tables are as it wrote them.
//!
//! It keeps beside each list the checksum of the list, and believes the list without looking: a changed byte there makes it ask for more
//! memory than there is, which ends the process. Layout of `current`: number of the list, its xxh3 in 128 bits, a zero; little-endian.

use std::io;
use std::path::Path;

use bytes::Buf;
use xxhash_rust::xxh3::xxh3_128;

use super::rows::RowError;

const CURRENT: &str = "current";
const CURRENT_SIZE: usize = 8 + 16 + 1;

/// Checks the lists of every tree below `rows`. Trees that are not there yet are none.
pub(super) fn check(rows: &Path) -> Result<(), RowError> {
    let trees = match std::fs::read_dir(rows.join("keyspaces")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        trees => trees.map_err(RowError::Io)?,
    };
    for tree in trees {
        check_tree(&tree.map_err(RowError::Io)?.path())?;
    }
    Ok(())
}

fn check_tree(tree: &Path) -> Result<(), RowError> {
    let current = match std::fs::read(tree.join(CURRENT)) {
        // A tree in the making; the LSM makes it again.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        current => current.map_err(RowError::Io)?,
    };
    let damaged =
        |file: &Path, why: &str| Err(RowError::Damaged(format!("{}: {why}", file.display())));
    if current.len() != CURRENT_SIZE {
        return damaged(&tree.join(CURRENT), "has another length than was written");
    }
    let mut fields = &current[..];
    let (number, checksum, kind) = (fields.get_u64_le(), fields.get_u128_le(), fields.get_u8());
    if kind != 0 {
        return damaged(&tree.join(CURRENT), "names a kind of checksum that is not known");
    }
    let list = tree.join(format!("v{number}"));
    match std::fs::read(&list) {
        Ok(bytes) if xxh3_128(&bytes) == checksum => Ok(()),
        Ok(_) => damaged(&list, "the checksum of the list of tables does not match"),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            damaged(&list, "the list of tables is missing")
        }
        Err(error) => Err(RowError::Io(error)),
    }
}
