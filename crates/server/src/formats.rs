//! What is in a data directory, by format and version, without opening it.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

use parlance_embedded::accounts::{self, Versions};

/// A file, the bytes that it begins with in every format that is read, and what it is.
const FILES: &[(&str, &[u8], &str)] =
    &[("journal/MANIFEST", b"PARLJMF1", "journal 1"), ("rows/version", b"FJL\x03", "rows 3")];
const ACCOUNTS: &str = "accounts.sqlite";

/// What a directory holds.
pub(crate) struct Formats {
    /// What this version reads as it is.
    pub(crate) known: Vec<&'static str>,
    pub(crate) missing: Vec<PathBuf>,
    /// What this version does not read.
    pub(crate) unknown: Vec<PathBuf>,
    pub(crate) accounts: Versions,
}

impl Formats {
    /// Nothing is there yet.
    pub(crate) fn are_none(&self) -> bool {
        self.known.is_empty() && self.unknown.is_empty() && self.accounts.found == 0
    }

    /// A newer version than this one made it.
    pub(crate) fn are_newer(&self) -> bool {
        self.accounts.found > self.accounts.wanted
    }
}

/// Looks at the directory. `Err`: something could not be read.
pub(crate) fn look(data: &Path) -> Result<Formats, String> {
    let (mut known, mut missing, mut unknown) = (Vec::new(), Vec::new(), Vec::new());
    for (file, begin, name) in FILES {
        let path = data.join(file);
        match begins_with(&path, begin) {
            Ok(true) => known.push(*name),
            Ok(false) => unknown.push(path),
            Err(error) if error.kind() == ErrorKind::NotFound => missing.push(path),
            Err(error) => return Err(format!("{} cannot be read: {error}", path.display())),
        }
    }
    let path = data.join(ACCOUNTS);
    if !path.exists() {
        missing.push(path.clone());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let accounts = runtime.block_on(accounts::versions(&path));
    let accounts = accounts.map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(Formats { known, missing, unknown, accounts })
}

fn begins_with(path: &Path, wanted: &[u8]) -> io::Result<bool> {
    let mut begin = Vec::new();
    File::open(path)?.take(wanted.len() as u64).read_to_end(&mut begin)?;
    Ok(begin == wanted)
}
