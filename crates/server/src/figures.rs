//! The figures that only the process knows: itself, its disk, the journal and backups. Read when asked for, so they cost nothing else.
//!
//! What a system does not tell is left out.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parlance_engine::FigurePage;
use parlance_types::{Micros, figures};

use crate::journal_watch::JournalWatch;
use crate::open;

/// When the last backup was taken.
#[derive(Clone, Debug, Default)]
pub(crate) struct LastBackup(Arc<AtomicU64>);

impl LastBackup {
    pub(crate) fn taken(&self, at: Micros) {
        self.0.store(at.as_ms() / 1_000, Ordering::Relaxed);
    }

    /// Seconds since 1970; 0: none yet.
    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What adds these figures to those of the engine.
pub(crate) fn of_process(
    data: PathBuf,
    journal: Arc<JournalWatch>,
    backup: LastBackup,
    started: Micros,
) -> impl Fn(&mut FigurePage) + Send + Sync {
    move |page| {
        page.each(&figures::BUILD, [(env!("CARGO_PKG_VERSION"), 1)]);
        page.histogram(&figures::SYNC, &journal.sync_micros);
        page.one(&figures::JOURNAL_RECORDS, journal.records.get());
        page.one(&figures::JOURNAL_WRITTEN, journal.written_bytes.get());
        page.maybe(&figures::JOURNAL, bytes_in(&data.join("journal")));
        page.maybe(&figures::DISK_FREE, open::free_bytes(&data));
        page.one(&figures::BACKUP, backup.get());
        page.one(&figures::CPU, cpu_seconds());
        page.maybe(&figures::RESIDENT, resident_bytes());
        let entries = std::fs::read_dir("/proc/self/fd").ok();
        page.maybe(&figures::FDS, entries.map(Iterator::count));
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
        page.maybe(&figures::FDS_MAX, limit.current);
        page.one(&figures::STARTED, started.as_ms() / 1_000);
    }
}

/// What the files of a folder take on the disk.
fn bytes_in(folder: &Path) -> Option<u64> {
    let files = std::fs::read_dir(folder).ok()?.flatten();
    // One that is deleted meanwhile takes nothing.
    Some(files.filter_map(|file| file.metadata().ok()).map(|file| file.blocks() * 512).sum())
}

/// Of all threads, those that ended too.
fn cpu_seconds() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1_024)
}
