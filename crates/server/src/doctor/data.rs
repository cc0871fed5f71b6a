//! The data directory: who may write there, and whether this version can read what is in it.

use std::fs;
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use parlance_embedded::backup::is_unfinished;
use parlance_engine::accounts::KeyRing;
use rustix::fs::Access;

use super::Finding;
use crate::config::Config;

/// A file, the bytes that it begins with in every format that is read, and what it is.
const FORMATS: &[(&str, &[u8], &str)] = &[
    ("journal/MANIFEST", b"PARLJMF1", "journal 1"),
    ("rows/version", b"FJL\x03", "rows 3"),
    ("accounts.sqlite", b"SQLite format 3\0", "accounts 1"),
];

pub(super) fn directory(config: &Config) -> Finding {
    const CHECK: &str = "data directory";
    let data = &config.server.data;
    let name = data.display();
    if is_unfinished(data) {
        let found = format!("{name} is what a restoring left that was cut short");
        return Finding::wrong(CHECK, found, "remove what is in it, and restore again");
    }
    match data.metadata() {
        Ok(found) if !found.is_dir() => {
            Finding::wrong(CHECK, format!("{name} is no directory"), "name another with --data")
        }
        Ok(_) => match rustix::fs::access(data, Access::WRITE_OK | Access::EXEC_OK) {
            Ok(()) => Finding::good(CHECK, format!("{name} can be written")),
            Err(error) => {
                let remedy = "let this user write there (chown), or name another with --data";
                Finding::wrong(CHECK, format!("{name} cannot be written: {error}"), remedy)
            }
        },
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Finding::good(CHECK, format!("{name} is not there yet; the first start makes it"))
        }
        Err(error) => {
            let remedy = "let this user look there, or name another with --data";
            Finding::wrong(CHECK, format!("{name} cannot be looked at: {error}"), remedy)
        }
    }
}

pub(super) fn formats(config: &Config) -> Finding {
    const CHECK: &str = "formats";
    let mut known = Vec::new();
    for (file, begin, name) in FORMATS {
        let path = config.server.data.join(file);
        match begins_with(&path, begin) {
            Ok(true) => known.push(*name),
            Ok(false) => {
                let found = format!("{} is in no format that this version reads", path.display());
                let remedy = "start the version that wrote it; if that is this one, the file is damaged: `parlance verify` tells how far it goes";
                return Finding::wrong(CHECK, found, remedy);
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => {
                let found = format!("{} cannot be read: {error}", path.display());
                return Finding::wrong(CHECK, found, "let this user read it");
            }
        }
    }
    let version = env!("CARGO_PKG_VERSION");
    if known.is_empty() {
        return Finding::good(CHECK, format!("no data yet; this is version {version}"));
    }
    if known.len() < FORMATS.len() {
        let found = format!("only a part of the data is there: {}", known.join(", "));
        let remedy = "if no server was stopped in its very first start: restore a backup, or put back what is missing";
        return Finding::warning(CHECK, found, remedy);
    }
    Finding::good(CHECK, format!("version {version} reads what is there: {}", known.join(", ")))
}

fn begins_with(path: &Path, wanted: &[u8]) -> io::Result<bool> {
    let mut begin = Vec::new();
    fs::File::open(path)?.take(wanted.len() as u64).read_to_end(&mut begin)?;
    Ok(begin == wanted)
}

pub(super) fn keys(config: &Config) -> Finding {
    const CHECK: &str = "keys";
    let path = config.server.data.join("keys.json");
    let name = path.display();
    let read = fs::read(&path).and_then(|bytes| Ok((bytes, fs::metadata(&path)?)));
    match read {
        Ok((bytes, found)) => match KeyRing::from_bytes(&bytes) {
            Ok(_) if found.permissions().mode() & 0o077 != 0 => {
                let found = format!("others can read {name}");
                Finding::warning(CHECK, found, format!("chmod 600 {name}"))
            }
            Ok(_) => Finding::good(CHECK, format!("{name} can be used, and nobody else reads it")),
            Err(error) => {
                let remedy =
                    "put a copy of it back, or move it away: everybody then has to sign in again";
                Finding::wrong(CHECK, format!("{name}: {error}"), remedy)
            }
        },
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Finding::good(CHECK, "none yet; the first start makes them")
        }
        Err(error) => Finding::wrong(
            CHECK,
            format!("{name} cannot be read: {error}"),
            "let this user read it",
        ),
    }
}
