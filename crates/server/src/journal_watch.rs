//! Hears of every group of the journal: measures it for the figures, and says when the disk is slow. People wait for it with every
//! message, and see nothing but that.

use std::time::{Duration, Instant};

use parking_lot::Mutex;
use parlance_engine::{Counter, Histogram};
use parlance_journal::{GroupFigures, Observer};

/// What a group may take without being spoken of.
const SLOW: Duration = Duration::from_millis(500);
/// Between two lines.
const PAUSE: Duration = Duration::from_secs(30);

/// Watches the groups of the journal; only its writer's thread calls it.
#[derive(Debug, Default)]
pub(crate) struct JournalWatch {
    watch: Mutex<Watch>,
    /// Microseconds that groups took.
    pub(crate) sync_micros: Histogram,
    pub(crate) records: Counter,
    pub(crate) written_bytes: Counter,
}

#[derive(Debug, Default)]
struct Watch {
    started: Option<Instant>,
    said: Option<Instant>,
    /// Slow ones since then.
    slow: u64,
}

impl Observer for JournalWatch {
    fn group_started(&self) {
        self.watch.lock().started = Some(Instant::now());
    }

    fn group_durable(&self, figures: GroupFigures) {
        let mut watch = self.watch.lock();
        let took = watch.started.take().map(|started| started.elapsed()).unwrap_or_default();
        self.sync_micros.record(took.as_micros() as u64);
        self.records.add(figures.records.into());
        self.written_bytes.add(figures.bytes as u64);
        if took < SLOW {
            return;
        }
        watch.slow += 1;
        if watch.said.is_some_and(|said| said.elapsed() < PAUSE) {
            return;
        }
        watch.said = Some(Instant::now());
        let (took_ms, groups) = (took.as_millis() as u64, std::mem::take(&mut watch.slow));
        tracing::warn!(
            took_ms,
            groups,
            records = figures.records,
            "the disk is slow: messages wait for it to sync; `parlance doctor` measures it"
        );
    }
}
