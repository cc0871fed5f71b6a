//! What a directory takes on the disk: what was allocated, not what files claim.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// `st_blocks` are of this size whatever the file system's are.
const BLOCK_BYTES: u64 = 512;

/// Bytes of everything in a directory and below it.
pub(crate) fn bytes(directory: &Path) -> io::Result<u64> {
    let mut sum = 0;
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let found = entry.metadata()?;
        sum += if found.is_dir() { bytes(&entry.path())? } else { found.blocks() * BLOCK_BYTES };
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_below_counts_and_holes_do_not() {
        let directory = tempfile::tempdir().unwrap();
        let below = directory.path().join("a/b");
        fs::create_dir_all(&below).unwrap();
        fs::write(below.join("full"), vec![1; 1 << 20]).unwrap();
        fs::File::create(directory.path().join("hole")).unwrap().set_len(1 << 30).unwrap();
        fs::File::open(below.join("full")).unwrap().sync_all().unwrap();
        let found = bytes(directory.path()).unwrap();
        assert!((1 << 20..2 << 20).contains(&found), "{found}");
    }
}
