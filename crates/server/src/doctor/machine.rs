//! The machine: its clock, its limit of open files, its memory.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use indicatif::BinaryBytes;

use super::Finding;
use crate::config::Config;
use crate::files;

/// This version was written after this moment: a clock that is before it is wrong.
const WRITTEN_AFTER: Duration = Duration::from_hours(490_000);
/// What files may be ahead of the clock that is asked a moment later.
const AHEAD: Duration = Duration::from_secs(5);
/// Where systemd says that the clock follows others, once it does.
const FOLLOWS: &str = "/run/systemd/timesync";

pub(super) fn clock(config: &Config) -> Finding {
    const CHECK: &str = "clock";
    const REMEDY: &str =
        "set the clock, and let it follow others (NTP): times of messages come from it";
    let now = SystemTime::now();
    if now < UNIX_EPOCH + WRITTEN_AFTER {
        return Finding::wrong(CHECK, "is years behind", REMEDY);
    }
    if let Some(ahead) = newest(&config.server.data)
        .and_then(|newest| newest.duration_since(now).ok())
        .filter(|ahead| *ahead > AHEAD)
    {
        let found = format!("is {} s behind the newest of the data", ahead.as_secs());
        return Finding::wrong(CHECK, found, REMEDY);
    }
    let follows = Path::new(FOLLOWS);
    if follows.is_dir() && !follows.join("synchronized").exists() {
        let found = "follows no other clock (systemd-timesyncd has not reached one)";
        return Finding::warning(CHECK, found, "look with timedatectl");
    }
    Finding::good(CHECK, "is ahead of everything that was written")
}

/// When something in the data directory was written last.
fn newest(data: &Path) -> Option<SystemTime> {
    let folders = [data.to_owned(), data.join("journal")];
    let entries = folders.iter().filter_map(|folder| folder.read_dir().ok()).flatten();
    entries.filter_map(|entry| entry.ok()?.metadata().ok()?.modified().ok()).max()
}

pub(super) fn open_files(config: &Config) -> Finding {
    const CHECK: &str = "open files";
    let wanted = config.server.connections_max;
    let needed = files::needed(wanted);
    match files::limit() {
        Some(limit) if limit < needed => {
            let possible = files::connections(limit);
            let found =
                format!("at most {limit}: room for {possible} connections, not for {wanted}");
            let remedy = format!(
                "raise the limit to {needed} (LimitNOFILE= of the unit, ulimit -Hn), or lower server.connections_max"
            );
            Finding::warning(CHECK, found, remedy)
        }
        _ => Finding::good(CHECK, format!("enough for {wanted} connections")),
    }
}

pub(super) fn memory(config: &Config) -> Finding {
    const CHECK: &str = "memory";
    let workers = match config.server.workers {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        workers => workers,
    };
    let mib = (config.engine.memory_mib * workers + config.store.tails_mib) as u64;
    let caches = mib.saturating_mul(1 << 20);
    let Some(total) = total() else {
        return Finding::good(CHECK, format!("caches take up to {}", BinaryBytes(caches)));
    };
    let found = format!("caches take up to {} of {}", BinaryBytes(caches), BinaryBytes(total));
    if caches > total / 2 {
        let remedy = "lower engine.memory_mib (it counts for each worker) or store.tails_mib: connections and the page cache need the rest";
        return Finding::warning(CHECK, found, remedy);
    }
    Finding::good(CHECK, found)
}

/// Bytes of the machine.
fn total() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib << 10)
}
