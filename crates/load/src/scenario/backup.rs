//! `backup`: conversations at a steady rate on a server with much in its store, alone and while backup after backup is taken of it: how much
//! later do messages come? The last backup is restored and verified.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use super::{Stage, files};
use crate::cli::Pace;
use crate::fleet::Fleet;
use crate::flood::{Dialect, Flood, Room};
use crate::history::Judge;
use crate::process::Process;
use crate::progress::Progress;
use crate::report::{Backup, latencies, median, quantile_ms};
use crate::stock::Stock;
use crate::window::{Side, Window};
use crate::world::World;
use crate::{LoadError, Report, disk};

/// Connections that fill the store.
const WRITERS: usize = 50;

/// What is stored first, and what goes on meanwhile.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) messages: u64,
    pub(crate) conversations: usize,
    pub(crate) pairs: usize,
    pub(crate) rate: f64,
}

pub(crate) fn backup(stage: &Stage<'_>, plan: Plan) -> Result<Report, LoadError> {
    files::raise(WRITERS + 2 * plan.pairs)?;
    let progress = Progress::new("backup");
    progress.say("setting the scene");
    let process = stage.own_server("backup reads the server's data: it has to be a child")?;
    let data = process.data();
    fill(stage, &process, plan, &progress)?;
    let mut side = side(stage, process, plan.pairs)?;
    let taker = Taker {
        executable: stage.executable.clone(),
        data,
        place: tempfile::TempDir::with_prefix("parlance-backup-")?,
    };
    let pace = Pace { window: 4, rate: Some(plan.rate) };
    let mut windows: [Vec<Window>; 2] = [Vec::new(), Vec::new()];
    let mut sum = Taken::default();
    for _ in 0..stage.options.windows.unwrap_or(3).max(1) {
        windows[0].push(side.window(pace, stage.length(), &progress)?);
        let stop = AtomicBool::new(false);
        let (window, more) = std::thread::scope(|scope| {
            let taking = scope.spawn(|| taker.take_until(&stop));
            let window = side.window(pace, stage.length(), &progress);
            stop.store(true, Ordering::Relaxed);
            let more = taking.join().unwrap_or(Err(LoadError::Broken("panicked".to_owned())));
            (window, more)
        });
        windows[1].push(window?);
        sum.add(&more?);
    }
    progress.say("restoring and verifying");
    taker.restore()?;
    let mut report = report(&windows, &sum);
    report.judge(side.flood.into_judge().finish()?);
    Ok(report)
}

fn fill(
    stage: &Stage<'_>,
    process: &Process,
    plan: Plan,
    progress: &Progress,
) -> Result<(), LoadError> {
    let mut world = World::new(process.address())?;
    let judge = Judge::new(None)?;
    let seed = stage.options.seed;
    let mut stock = Stock::found(&mut world, WRITERS, plan.conversations, judge, seed)?;
    let mut fleet = Fleet::new(process.address(), seed)?;
    stock.connect(&mut fleet)?;
    stock.fill(&mut fleet, plan.messages, progress)
}

fn side(stage: &Stage<'_>, process: Process, pairs: usize) -> Result<Side, LoadError> {
    let mut world = World::new(process.address())?;
    let seats = world.sign_up(pairs * 2)?;
    let couples: Vec<_> = seats.chunks_exact(2).map(|two| (&two[0], &two[1])).collect();
    let places = world.directs(&couples)?;
    let rooms: Vec<Room> =
        places.iter().zip(&couples).map(|(place, (a, b))| Room::of(*place, [*a, *b])).collect();
    let mut side = Side {
        fleet: Fleet::new(process.address(), stage.options.seed)?,
        flood: Flood::new(Dialect::Parlance, &rooms, Judge::new(stage.options.record.as_deref())?),
        process: Some(process),
    };
    side.connect()?;
    Ok(side)
}

fn report(windows: &[Vec<Window>; 2], taken: &Taken) -> Report {
    let mut report = Report::new("backup");
    let mut all = latencies();
    for window in windows.iter().flatten() {
        report.sent += window.tally.sent;
        report.delivered += window.tally.delivered;
        report.generator_saturated |= window.saturated();
        // Histograms of the same bounds always add up.
        let _ = all.add(&window.tally.latencies);
    }
    report.time(&all);
    let quantile = |windows: &[Window], q| {
        let values = windows.iter().filter_map(|w| quantile_ms(&w.tally.latencies, q)).collect();
        median(values).unwrap_or(f64::NAN)
    };
    let [alone, beside] = windows;
    let (p99_alone_ms, p99_beside_ms) = (quantile(alone, 0.99), quantile(beside, 0.99));
    report.backup = Some(Backup {
        p50_alone_ms: quantile(alone, 0.50),
        p99_alone_ms,
        p50_beside_ms: quantile(beside, 0.50),
        p99_beside_ms,
        p99_ratio: p99_beside_ms / p99_alone_ms,
        backups: taken.seconds.len() as u64,
        seconds: median(taken.seconds.clone()).unwrap_or(f64::NAN),
        bytes: taken.bytes,
    });
    report.check(!taken.seconds.is_empty(), || "no backup was taken".to_owned());
    for (name, windows) in ["alone", "beside"].iter().zip(windows) {
        let surroundings: Vec<&str> = windows.iter().map(|w| w.surroundings.as_str()).collect();
        report.notes.push(format!("{name}: {}", surroundings.join("; ")));
    }
    report.notes.push("p99 of both are medians of the windows".to_owned());
    report.notes.push("the last backup was restored, and verify found nothing".to_owned());
    report
}

/// How long backups took, and how large the last one is.
#[derive(Debug, Default)]
struct Taken {
    seconds: Vec<f64>,
    bytes: u64,
}

impl Taken {
    fn add(&mut self, other: &Self) {
        self.seconds.extend(&other.seconds);
        self.bytes = other.bytes;
    }
}

/// Who takes backups, as an operator would.
#[derive(Debug)]
struct Taker {
    executable: PathBuf,
    data: PathBuf,
    place: tempfile::TempDir,
}

impl Taker {
    /// One after the other; the last one stays.
    fn take_until(&self, stop: &AtomicBool) -> Result<Taken, LoadError> {
        let mut taken = Taken::default();
        let mut places = Vec::new();
        while !stop.load(Ordering::Relaxed) {
            let into = self.place.path().join(places.len().to_string());
            let start = Instant::now();
            self.run("backup", &[&into, Path::new("--data"), &self.data])?;
            taken.seconds.push(start.elapsed().as_secs_f64());
            taken.bytes = disk::bytes(&into)?;
            places.push(into);
        }
        // Not before: removing is work for the disk as well.
        if let Some(last) = places.pop() {
            if self.last().exists() {
                std::fs::remove_dir_all(self.last())?;
            }
            std::fs::rename(last, self.last())?;
        }
        places.iter().try_for_each(std::fs::remove_dir_all)?;
        Ok(taken)
    }

    fn restore(&self) -> Result<(), LoadError> {
        let again = self.place.path().join("again");
        self.run("restore", &[&self.last(), Path::new("--data"), &again])?;
        self.run("verify", &[Path::new("--data"), &again])
    }

    fn last(&self) -> PathBuf {
        self.place.path().join("last")
    }

    fn run(&self, command: &str, arguments: &[&Path]) -> Result<(), LoadError> {
        let mut process = Command::new(&self.executable);
        let output = process.arg(command).args(arguments).stdin(Stdio::null()).output()?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        Err(LoadError::Broken(format!("parlance {command}: {}", said.trim())))
    }
}
