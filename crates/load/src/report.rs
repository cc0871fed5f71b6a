//! What a drill found, for people and for machines.

mod budget;

use std::fmt;

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::Verdict;
pub use budget::{Backup, Cold, DoorFigures, Doors, Slow, Stored};

/// The result of one drill. A figure that a scenario does not have is `null`.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// Its name.
    pub scenario: &'static str,
    /// Every check held.
    pub passed: bool,
    /// Acknowledged but not there, or there and not seen.
    pub lost: u64,
    /// Seen twice or written twice.
    pub duplicated: u64,
    /// Out of order, or different for different observers.
    pub reordered: u64,
    /// Messages sent (requests in `history`, connections in `idle` and `storm`).
    pub sent: u64,
    /// Messages delivered, each to each receiver.
    pub delivered: u64,
    /// Deliveries a second (requests in `history`).
    pub rate_per_s: Option<f64>,
    /// From sending to delivery (to the answer in `history`, to `ready` in `storm`).
    pub p50_ms: Option<f64>,
    /// See `p50_ms`.
    pub p95_ms: Option<f64>,
    /// See `p50_ms`.
    pub p99_ms: Option<f64>,
    /// See `p50_ms`.
    pub max_ms: Option<f64>,
    /// Processor time of the server, in the kernel and out of it, for each delivery.
    pub server_cpu_us_per_message: Option<f64>,
    /// Resident memory of the server for each open connection.
    pub bytes_per_connection: Option<f64>,
    /// The relay in the same run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub yardstick: Option<Figures>,
    /// Server over relay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ratio: Option<Ratio>,
    /// What only `cold` shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cold: Option<Cold>,
    /// What only `stored` shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stored: Option<Stored>,
    /// What only `slow` shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slow: Option<Slow>,
    /// What only `backup` shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backup: Option<Backup>,
    /// What only `doors` shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub doors: Option<Doors>,
    /// The generator was as busy as its core allows: the wall rate is its limit, not the server's.
    pub generator_saturated: bool,
    /// Deliveries for each second of the server's processor time: its own limit on one core.
    pub per_server_cpu_second: Option<f64>,
    /// Anything else worth saying, and the first faults.
    pub notes: Vec<String>,
}

/// One side's figures.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Figures {
    /// Deliveries a second.
    pub rate_per_s: f64,
    /// Processor time for each delivery.
    pub server_cpu_us_per_message: f64,
    /// From sending to delivery.
    pub p50_ms: f64,
    /// From sending to delivery.
    pub p99_ms: f64,
}

/// Server over yardstick.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Ratio {
    /// More is better.
    pub rate: f64,
    /// Less is better.
    pub cpu: f64,
    /// Less is better.
    pub p50: f64,
    /// Less is better.
    pub p99: f64,
}

/// Latencies in microseconds.
pub(crate) type Latencies = Histogram<u64>;

/// A histogram from a microsecond to ten minutes with three digits.
pub(crate) fn latencies() -> Latencies {
    Histogram::new_with_bounds(1, 600_000_000, 3).expect("these bounds are valid")
}

/// Latencies as milliseconds at a quantile; `None` if there are none.
pub(crate) fn quantile_ms(latencies: &Latencies, quantile: f64) -> Option<f64> {
    (!latencies.is_empty()).then(|| latencies.value_at_quantile(quantile) as f64 / 1000.0)
}

/// The middle one; of an even number the lower middle.
pub(crate) fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len().checked_sub(1)? / 2).copied()
}

impl Report {
    pub(crate) fn new(scenario: &'static str) -> Self {
        Self { scenario, passed: true, ..Self::default() }
    }

    pub(crate) fn judge(&mut self, (verdict, faults): (Verdict, Vec<String>)) {
        self.lost += verdict.lost;
        self.duplicated += verdict.duplicated;
        self.reordered += verdict.reordered;
        self.passed &= verdict.passed();
        self.notes.extend(faults);
    }

    /// A check of the scenario's own.
    pub(crate) fn check(&mut self, holds: bool, otherwise: impl FnOnce() -> String) {
        if !holds {
            self.passed = false;
            self.notes.push(otherwise());
        }
    }

    pub(crate) fn time(&mut self, latencies: &Latencies) {
        self.p50_ms = quantile_ms(latencies, 0.50);
        self.p95_ms = quantile_ms(latencies, 0.95);
        self.p99_ms = quantile_ms(latencies, 0.99);
        self.max_ms = quantile_ms(latencies, 1.0);
    }

    pub(crate) fn compare(&mut self, yardstick: Figures) {
        self.yardstick = Some(yardstick);
        let over = |own: Option<f64>, other: f64| own.unwrap_or(f64::NAN) / other;
        self.ratio = Some(Ratio {
            rate: over(self.rate_per_s, yardstick.rate_per_s),
            cpu: over(self.server_cpu_us_per_message, yardstick.server_cpu_us_per_message),
            p50: over(self.p50_ms, yardstick.p50_ms),
            p99: over(self.p99_ms, yardstick.p99_ms),
        });
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.passed { "passed" } else { "FAILED" };
        writeln!(f, "{}: {verdict}", self.scenario)?;
        writeln!(
            f,
            "  lost {}, duplicated {}, reordered {}; sent {}, delivered {}",
            self.lost, self.duplicated, self.reordered, self.sent, self.delivered
        )?;
        let mut line = |name: &str, value: Option<f64>, unit: &str| match value {
            Some(value) => writeln!(f, "  {name:<28} {value:>12.3} {unit}"),
            None => Ok(()),
        };
        line("rate", self.rate_per_s, "per second")?;
        line("p50", self.p50_ms, "ms")?;
        line("p95", self.p95_ms, "ms")?;
        line("p99", self.p99_ms, "ms")?;
        line("max", self.max_ms, "ms")?;
        line("server cpu", self.server_cpu_us_per_message, "us per delivery")?;
        line("per server cpu second", self.per_server_cpu_second, "")?;
        line("memory", self.bytes_per_connection, "bytes per connection")?;
        if let (Some(yardstick), Some(ratio)) = (self.yardstick, self.ratio) {
            line("yardstick rate", Some(yardstick.rate_per_s), "per second")?;
            line("yardstick cpu", Some(yardstick.server_cpu_us_per_message), "us per delivery")?;
            line("yardstick p50", Some(yardstick.p50_ms), "ms")?;
            line("yardstick p99", Some(yardstick.p99_ms), "ms")?;
            line("ratio of rates", Some(ratio.rate), "")?;
            line("ratio of cpu", Some(ratio.cpu), "")?;
            line("ratio of p50", Some(ratio.p50), "")?;
            line("ratio of p99", Some(ratio.p99), "")?;
        }
        let own = self.cold.iter().flat_map(Cold::lines);
        let own = own.chain(self.stored.iter().flat_map(Stored::lines));
        let own = own.chain(self.backup.iter().flat_map(Backup::lines));
        let own = own.chain(self.doors.iter().flat_map(Doors::lines));
        for (name, value, unit) in own.chain(self.slow.iter().flat_map(Slow::lines)) {
            line(name, Some(value), unit)?;
        }
        if self.generator_saturated {
            writeln!(
                f,
                "  the generator saturates first: read cpu and per server cpu second, not the rate"
            )?;
        }
        for note in &self.notes {
            writeln!(f, "  {note}")?;
        }
        Ok(())
    }
}
