//! The data directory: who may write there, and whether this version can read what is in it.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;

use parlance_embedded::accounts::Versions;
use parlance_embedded::backup::is_unfinished;
use parlance_engine::accounts::KeyRing;
use rustix::fs::Access;

use super::Finding;
use crate::config::Config;
use crate::formats;

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
    const REMEDY: &str = "start the version that wrote it; if that is this one, the file is damaged: `parlance verify` tells how far it goes";
    let version = env!("CARGO_PKG_VERSION");
    let formats = match formats::look(&config.server.data) {
        Ok(formats) => formats,
        Err(why) => return Finding::wrong(CHECK, why, REMEDY),
    };
    if let Some(path) = formats.unknown.first() {
        let found = format!("{} is in no format that this version reads", path.display());
        return Finding::wrong(CHECK, found, REMEDY);
    }
    let Versions { found, wanted, .. } = formats.accounts;
    if formats.are_newer() {
        let found =
            format!("the accounts are of a newer version ({found}, this one knows {wanted})");
        return Finding::wrong(
            CHECK,
            found,
            "start that version, or go back with its `parlance rollback`",
        );
    }
    if formats.are_none() {
        return Finding::good(CHECK, format!("no data yet; this is version {version}"));
    }
    if let Some(missing) = formats.missing.first() {
        let found = format!("{} is missing beside the rest", missing.display());
        let remedy = "if no server was stopped in its very first start: restore a backup, or put back what is missing";
        return Finding::warning(CHECK, found, remedy);
    }
    let known = formats.known.join(", ");
    if found < wanted {
        let found =
            format!("{known}, accounts {found}: the next start brings the accounts to {wanted}");
        return Finding::warning(
            CHECK,
            found,
            "make a backup with the old version before; `parlance upgrade --check` says what is changed",
        );
    }
    Finding::good(
        CHECK,
        format!("version {version} reads what is there: {known}, accounts {found}"),
    )
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
