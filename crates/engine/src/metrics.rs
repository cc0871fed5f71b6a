//! Figures of a running node: relaxed counters and log-linear histograms that cost a few nanoseconds to record.
//!
//! Names, kinds and labels are in one table ([`Metrics::render`] walks it), in the text format of Prometheus. Labels are bounded
//! enums, never ids.

use std::fmt::Write;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use parlance_types::{Code, Micros};

/// Only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    pub fn increment(&self) {
        self.add(1);
    }

    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Goes up and down.
#[derive(Debug, Default)]
pub struct Gauge(AtomicI64);

impl Gauge {
    pub fn add(&self, count: i64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    pub fn set(&self, value: i64) {
        self.0.store(value, Ordering::Relaxed);
    }

    pub fn get(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Powers of two, each in this many steps.
const STEPS: u64 = 4;
/// Up to 2^32 of the unit.
const BUCKETS: usize = 33 * STEPS as usize;

/// Counts by size: every bucket is at most a quarter wider than the one before.
#[derive(Debug)]
pub struct Histogram {
    buckets: Box<[AtomicU64]>,
    sum: AtomicU64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { buckets: (0..BUCKETS).map(|_| AtomicU64::new(0)).collect(), sum: AtomicU64::new(0) }
    }
}

impl Histogram {
    pub fn record(&self, value: u64) {
        let bucket = bucket(value).min(BUCKETS - 1);
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        self.sum.fetch_add(value, Ordering::Relaxed);
    }

    pub fn count(&self) -> u64 {
        self.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed)).sum()
    }

    fn render(&self, name: &str, scale: f64, out: &mut String) {
        let mut total = 0;
        for power in 0..33 {
            for step in 0..STEPS {
                total += self.buckets[(power * STEPS + step) as usize].load(Ordering::Relaxed);
            }
            if power % 2 == 1 && (5..=27).contains(&power) {
                let bound = (2u64 << power) as f64 * scale;
                line(out, format_args!("{name}_bucket{{le=\"{bound}\"}} {total}"));
            }
        }
        line(out, format_args!("{name}_bucket{{le=\"+Inf\"}} {total}"));
        line(out, format_args!("{name}_sum {}", self.sum.load(Ordering::Relaxed) as f64 * scale));
        line(out, format_args!("{name}_count {total}"));
    }
}

/// Bucket `power * STEPS + step` holds `2^power * (1 + step / STEPS)` and what is above up to the next.
fn bucket(value: u64) -> usize {
    let value = value.max(1);
    let power = u64::from(value.ilog2());
    let step = if power >= 2 {
        (value >> (power - 2)) & (STEPS - 1)
    } else {
        ((value << 2) >> power) & (STEPS - 1)
    };
    (power * STEPS + step) as usize
}

/// No count of things in memory comes near the bound.
fn signed(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Writing to a string cannot fail.
fn line(out: &mut String, arguments: std::fmt::Arguments<'_>) {
    out.write_fmt(arguments).expect("a string takes what is written");
    out.push('\n');
}

/// All figures of a node.
#[derive(Debug, Default)]
pub struct Metrics {
    /// Open connections.
    pub connections: Gauge,
    /// Connections that lag now.
    pub lagging: Gauge,
    /// Times that a connection began to lag.
    pub lags: Counter,
    /// Frames taken from clients.
    pub frames: Counter,
    /// Reads from and writes to sockets: the cost of a message is mostly these.
    pub socket_reads: Counter,
    pub socket_writes: Counter,
    /// Times that a shard took commands.
    pub wakes: Counter,
    pub panics: Counter,
    pub loads: Counter,
    pub failed_groups: Counter,
    groups: Histogram,
    group_micros: Histogram,
    oks: Counter,
    deliveries: Counter,
    ack_micros: Histogram,
    deliver_micros: Histogram,
    errors: Errors,
    /// Of the shards together, each at its last count.
    loaded: parking_lot::Mutex<Vec<(usize, usize)>>,
}

#[derive(Debug)]
struct Errors(Box<[Counter]>);

impl Default for Errors {
    fn default() -> Self {
        Self(Code::ALL.iter().map(|_| Counter::default()).collect())
    }
}

impl Metrics {
    /// Something was refused with this code.
    pub fn refused(&self, code: Code) {
        if let Some(index) = Code::ALL.iter().position(|known| *known == code) {
            self.errors.0[index].increment();
        }
    }

    pub(crate) fn group(&self, events: usize) {
        self.groups.record(events as u64);
    }

    pub(crate) fn group_time(&self, now: Micros, submitted: Micros) {
        self.group_micros.record(now.get().saturating_sub(submitted.get()));
    }

    pub(crate) fn acknowledged(&self, now: Micros, since: Micros) {
        self.oks.increment();
        let micros = now.get().saturating_sub(since.get());
        self.ack_micros.record(micros);
        // Pushes of a group are queued in the same turn as its acknowledgements.
        self.deliver_micros.record(micros);
    }

    pub(crate) fn delivered(&self, connections: u64) {
        self.deliveries.add(connections);
    }

    pub(crate) fn loaded(&self, shard: usize, conversations: usize, bytes: usize) {
        let mut loaded = self.loaded.lock();
        if loaded.len() <= shard {
            loaded.resize(shard + 1, (0, 0));
        }
        loaded[shard] = (conversations, bytes);
    }

    /// The figures in the text format of Prometheus. `queued`: commands in mailboxes, and their bound.
    pub fn render(&self, queued: (usize, usize)) -> String {
        let mut out = String::with_capacity(8 * 1024);
        let gauges: [(&str, &str, i64); 6] = [
            ("parlance_connections", "Open connections.", self.connections.get()),
            ("parlance_connections_lagging", "Connections that lag.", self.lagging.get()),
            ("parlance_commands_queued", "Commands that wait in mailboxes.", signed(queued.0)),
            ("parlance_commands_queued_max", "Commands that mailboxes take.", signed(queued.1)),
            ("parlance_conversations_loaded", "Conversations in memory.", self.sum_loaded().0),
            ("parlance_conversations_loaded_bytes", "Their bytes.", self.sum_loaded().1),
        ];
        for (name, help, value) in gauges {
            line(
                &mut out,
                format_args!("# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}"),
            );
        }
        let counters: [(&str, &str, &Counter); 10] = [
            ("parlance_ok_total", "Commands acknowledged.", &self.oks),
            ("parlance_deliveries_total", "Events queued to connections.", &self.deliveries),
            ("parlance_lags_total", "Times that a connection began to lag.", &self.lags),
            ("parlance_frames_total", "Frames taken from clients.", &self.frames),
            ("parlance_socket_reads_total", "Reads from sockets.", &self.socket_reads),
            ("parlance_socket_writes_total", "Writes to sockets.", &self.socket_writes),
            ("parlance_shard_wakes_total", "Times that a shard took commands.", &self.wakes),
            ("parlance_loads_total", "Conversations loaded.", &self.loads),
            (
                "parlance_groups_failed_total",
                "Groups that were not committed.",
                &self.failed_groups,
            ),
            ("parlance_panics_total", "Panics that were caught.", &self.panics),
        ];
        for (name, help, counter) in counters {
            line(
                &mut out,
                format_args!(
                    "# HELP {name} {help}\n# TYPE {name} counter\n{name} {}",
                    counter.get()
                ),
            );
        }
        self.render_errors(&mut out);
        let histograms: [(&str, &str, &Histogram, f64); 4] = [
            ("parlance_ack_seconds", "From a command's arrival to its ok.", &self.ack_micros, 1e-6),
            (
                "parlance_deliver_seconds",
                "From a command's arrival to its pushes.",
                &self.deliver_micros,
                1e-6,
            ),
            (
                "parlance_group_seconds",
                "From a group's submission to its durability.",
                &self.group_micros,
                1e-6,
            ),
            ("parlance_group_events", "Events in a group.", &self.groups, 1.0),
        ];
        for (name, help, histogram, scale) in histograms {
            line(&mut out, format_args!("# HELP {name} {help}\n# TYPE {name} histogram"));
            histogram.render(name, scale, &mut out);
        }
        out
    }

    fn render_errors(&self, out: &mut String) {
        let name = "parlance_errors_total";
        line(out, format_args!("# HELP {name} Refusals by code.\n# TYPE {name} counter"));
        for (code, counter) in Code::ALL.iter().zip(&self.errors.0) {
            if counter.get() > 0 {
                line(out, format_args!("{name}{{code=\"{code}\"}} {}", counter.get()));
            }
        }
    }

    fn sum_loaded(&self) -> (i64, i64) {
        let loaded = self.loaded.lock();
        loaded.iter().fold((0, 0), |sum, shard| (sum.0 + signed(shard.0), sum.1 + signed(shard.1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_in_order_and_at_most_a_quarter_wide() {
        let mut last = 0;
        for value in 1..100_000u64 {
            let bucket = bucket(value);
            assert!(
                bucket == last || bucket == last + 1 || value <= 4,
                "{value}: {last} then {bucket}"
            );
            last = bucket;
        }
        assert_eq!(bucket(0), bucket(1));
        assert_eq!(bucket(u64::MAX).min(BUCKETS - 1), BUCKETS - 1);
    }

    #[test]
    fn what_is_recorded_is_rendered() {
        let metrics = Metrics::default();
        metrics.refused(Code::NotFound);
        metrics.acknowledged(Micros::new(1_500), Micros::new(500));
        let text = metrics.render((3, 10));
        for line in [
            "parlance_errors_total{code=\"not_found\"} 1",
            "parlance_ok_total 1",
            "parlance_ack_seconds_count 1",
            "parlance_ack_seconds_sum 0.001",
            "parlance_commands_queued 3",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
        }
    }
}
