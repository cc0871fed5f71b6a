//! A check that the LSM leaves out: whether the lists of its tables, and the tables, are as it wrote them.
//!
//! It keeps beside each list the checksum of the list, and believes the list without looking: a changed byte there makes it ask for more
//! memory than there is, which ends the process. Layout of `current`: number of the list, its xxh3 in 128 bits, a zero; little-endian.
//! A list has the checksum of every table. The LSM compares parts of tables as it reads them, and does not say of which table.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use bytes::{Buf, TryGetError};
use xxhash_rust::xxh3::{Xxh3Default, xxh3_128};

use super::rows::RowError;

const CURRENT: &str = "current";
const CURRENT_SIZE: usize = 8 + 16 + 1;
const VERSION: &str = "version";
/// What the LSM of this version writes there.
const VERSION_BYTES: [u8; 4] = *b"FJL\x03";
/// The section of a list that has the tables.
const TABLES: &[u8] = b"tables";
const PIECE: usize = 1 << 20;

/// Checks the lists of every tree below `rows`. Trees that are not there yet are none.
pub(super) fn check(rows: &Path) -> Result<(), RowError> {
    let version = rows.join(VERSION);
    match std::fs::read(&version) {
        Ok(bytes) if bytes != VERSION_BYTES => {
            return damaged(&version, "names a format that this version does not write");
        }
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(RowError::Io(error)),
        _ => {}
    }
    trees(rows)?.iter().try_for_each(|tree| list(tree).map(drop))
}

/// Reads every table whole, and names those that are not as they were written. Trees whose lists cannot be believed are [`check`]'s.
pub(super) fn damaged_tables(rows: &Path) -> Result<Vec<(PathBuf, String)>, RowError> {
    let mut found = Vec::new();
    for tree in trees(rows)? {
        let Ok(Some(list)) = list(&tree) else { continue };
        for (table, checksum) in listed(&list)? {
            let path = tree.join("tables").join(table.to_string());
            match checksum_of(&path) {
                Ok(seen) if seen == checksum => {}
                Ok(_) => found.push((path, "the checksum of the table does not match".into())),
                Err(error) => found.push((path, format!("the table cannot be read: {error}"))),
            }
        }
    }
    Ok(found)
}

fn damaged<T>(file: &Path, why: &str) -> Result<T, RowError> {
    Err(RowError::Damaged(format!("{}: {why}", file.display())))
}

fn trees(rows: &Path) -> Result<Vec<PathBuf>, RowError> {
    let trees = match std::fs::read_dir(rows.join("keyspaces")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        trees => trees.map_err(RowError::Io)?,
    };
    trees.map(|tree| tree.map(|tree| tree.path()).map_err(RowError::Io)).collect()
}

/// The list of a tree, if it is as it was written. `None`: a tree in the making; the LSM makes it again.
fn list(tree: &Path) -> Result<Option<PathBuf>, RowError> {
    let current = tree.join(CURRENT);
    let bytes = match std::fs::read(&current) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        bytes => bytes.map_err(RowError::Io)?,
    };
    if bytes.len() != CURRENT_SIZE {
        return damaged(&current, "has another length than was written");
    }
    let mut fields = &bytes[..];
    let (number, checksum, kind) = (fields.get_u64_le(), fields.get_u128_le(), fields.get_u8());
    if kind != 0 {
        return damaged(&current, "names a kind of checksum that is not known");
    }
    let list = tree.join(format!("v{number}"));
    match std::fs::read(&list) {
        Ok(bytes) if xxh3_128(&bytes) == checksum => Ok(Some(list)),
        Ok(_) => {
            let why = format!("the list of tables has not the checksum in {}", current.display());
            damaged(&list, &why)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let why = format!("the list of tables is missing that {} names", current.display());
            damaged(&list, &why)
        }
        Err(error) => Err(RowError::Io(error)),
    }
}

/// The tables of a list, each with its checksum.
fn listed(list: &Path) -> Result<Vec<(u64, u128)>, RowError> {
    let unreadable =
        || RowError::Damaged(format!("{}: the list of tables is not readable", list.display()));
    let reader = sfa::Reader::new(list).map_err(|_| unreadable())?;
    let section = reader.toc().section(TABLES).ok_or_else(unreadable)?;
    let bytes = std::fs::read(list).map_err(RowError::Io)?;
    let place = usize::try_from(section.pos()).ok().zip(usize::try_from(section.len()).ok());
    let section = place.and_then(|(from, length)| bytes.get(from..)?.get(..length));
    tables(section.ok_or_else(unreadable)?).map_err(|_| unreadable())
}

/// Levels of runs of tables: number, kind of checksum, checksum, sequence number.
fn tables(mut section: &[u8]) -> Result<Vec<(u64, u128)>, TryGetError> {
    let mut tables = Vec::new();
    for _ in 0..section.try_get_u8()? {
        for _ in 0..section.try_get_u8()? {
            for _ in 0..section.try_get_u32_le()? {
                let number = section.try_get_u64_le()?;
                section.try_get_u8()?;
                tables.push((number, section.try_get_u128_le()?));
                section.try_get_u64_le()?;
            }
        }
    }
    Ok(tables)
}

fn checksum_of(path: &Path) -> io::Result<u128> {
    let mut file = File::open(path)?;
    let mut hasher = Xxh3Default::new();
    let mut piece = vec![0; PIECE];
    loop {
        match file.read(&mut piece) {
            Ok(0) => return Ok(hasher.digest128()),
            Ok(read) => hasher.update(&piece[..read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
