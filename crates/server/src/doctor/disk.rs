//! The disk under the data directory: how much room, what kind, how fast it syncs.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use indicatif::BinaryBytes;

use super::Finding;
use crate::config::Config;
use crate::open::{free_bytes, room_needed};

/// Room for so many times what is needed is not spoken of.
const AMPLE: u64 = 8;
const SYNCS: usize = 24;
/// A group of messages waits for one sync; people notice from here on.
const SLOW: Duration = Duration::from_millis(20);
/// File systems by the number in `statfs`, with what is the matter with them.
const TMPFS: u32 = 0x0102_1994;
const RAMFS: u32 = 0x8584_58f6;
const NETWORKED: &[(u32, &str)] =
    &[(0x6969, "NFS"), (0xff53_4d42, "CIFS"), (0xfe53_4d42, "SMB"), (0x6573_5546, "FUSE")];

/// The data directory, or what it will be made in.
fn place(config: &Config) -> PathBuf {
    let data = std::path::absolute(&config.server.data).unwrap_or_default();
    let there = data.ancestors().find(|path| path.is_dir());
    there.unwrap_or(Path::new("/")).to_owned()
}

pub(super) fn room(config: &Config) -> Finding {
    const CHECK: &str = "disk room";
    let place = place(config);
    let needed = room_needed(config);
    let Some(free) = free_bytes(&place) else {
        let found = format!("the disk of {} does not say how much is free", place.display());
        return Finding::warning(CHECK, found, "look with df");
    };
    let (free_text, needed_text) = (BinaryBytes(free), BinaryBytes(needed));
    let found = format!("{free_text} are free in {}", place.display());
    if free < needed {
        let remedy = format!(
            "make room: with less than {needed_text} (a segment and store.reserve_mib) sends are refused with storage_full"
        );
        return Finding::wrong(CHECK, found, remedy);
    }
    if free < needed.saturating_mul(AMPLE) {
        let remedy = format!("make room soon: from {needed_text} on sends are refused");
        return Finding::warning(CHECK, found, remedy);
    }
    Finding::good(CHECK, found)
}

pub(super) fn kind(config: &Config) -> Finding {
    const CHECK: &str = "file system";
    let place = place(config);
    let name = place.display();
    #[expect(
        clippy::cast_sign_loss,
        reason = "the numbers of file systems have 32 bits, and a sign on some machines only"
    )]
    let kind = match rustix::fs::statfs(&place) {
        Ok(found) => found.f_type as u32,
        Err(error) => {
            return Finding::warning(CHECK, format!("{name}: {error}"), "look with stat -f");
        }
    };
    if kind == TMPFS || kind == RAMFS {
        let found = format!("{name} is in memory");
        return Finding::warning(
            CHECK,
            found,
            "put the data on a disk: a restart of the machine loses it",
        );
    }
    if let Some((_, network)) = NETWORKED.iter().find(|(number, _)| *number == kind) {
        let found = format!("{name} is on {network}");
        return Finding::warning(
            CHECK,
            found,
            "put the data on a disk of this machine: locks and syncs over a network are not what they promise",
        );
    }
    Finding::good(CHECK, format!("{name} is on a disk"))
}

pub(super) fn sync(config: &Config) -> Finding {
    const CHECK: &str = "disk sync";
    let place = place(config);
    let mut times = match measure(&place) {
        Ok(times) => times,
        Err(error) => {
            let found = format!("cannot be measured in {}: {error}", place.display());
            return Finding::warning(CHECK, found, "let this user write there");
        }
    };
    times.sort_unstable();
    let median = times[times.len() / 2];
    let worst = times.last().copied().unwrap_or_default();
    let found = format!(
        "a sync takes {:.1} ms, {:.1} ms at worst of {SYNCS}",
        median.as_secs_f64() * 1_000.0,
        worst.as_secs_f64() * 1_000.0
    );
    if median >= SLOW {
        let remedy = "a faster disk (or one with a protected cache) makes sends faster: every message waits for a sync";
        return Finding::warning(CHECK, found, remedy);
    }
    Finding::good(CHECK, found)
}

/// As the journal writes: into a file that has its size already.
fn measure(place: &Path) -> io::Result<Vec<Duration>> {
    let path = place.join(format!(".parlance-doctor-{}", std::process::id()));
    let measured = sync_again_and_again(&path);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => measured,
    }
}

fn sync_again_and_again(path: &Path) -> io::Result<Vec<Duration>> {
    let piece = [0x5a; 4_096];
    let mut file = File::options().write(true).create_new(true).open(path)?;
    for _ in 0..SYNCS {
        file.write_all(&piece)?;
    }
    file.sync_all()?;
    let mut times = Vec::with_capacity(SYNCS);
    io::Seek::rewind(&mut file)?;
    for _ in 0..SYNCS {
        let begin = Instant::now();
        file.write_all(&piece)?;
        file.sync_data()?;
        times.push(begin.elapsed());
    }
    Ok(times)
}
