//! `stored`: a server with much in its store. What it takes on the disk and in memory, how long it takes to start, and whether it is as
//! fast as with an empty one. At the end everything is read back.

use std::time::{Duration, Instant};

use super::{Stage, files};
use crate::cli::Pace;
use crate::fleet::Fleet;
use crate::flood::{Dialect, Flood, Room};
use crate::history::Judge;
use crate::process::Process;
use crate::progress::Progress;
use crate::report::{Stored, median};
use crate::stock::{Stock, Work};
use crate::window::{Side, Window};
use crate::world::World;
use crate::{LoadError, Report, disk};

/// Connections that fill the store.
const WRITERS: usize = 50;
/// Starts of each kind; the median counts.
const STARTS: usize = 3;
/// Messages under way on each connection when the server is killed.
const WINDOW: usize = 16;
/// Messages a second into the active conversations, while memory is read.
const ACTIVE_PER_S: f64 = 2_000.0;
const PULSE: Duration = Duration::from_millis(2);
const PACE: Pace = Pace { window: 4, rate: None };

/// What is stored first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Store {
    pub(crate) messages: u64,
    pub(crate) conversations: usize,
    pub(crate) active: usize,
}

/// The server, what it holds, and the connections of those who wrote that.
struct Full {
    process: Process,
    stock: Stock,
    fleet: Fleet,
}

pub(crate) fn stored(stage: &Stage<'_>, store: Store, pairs: usize) -> Result<Report, LoadError> {
    files::raise(WRITERS + 4 * pairs)?;
    let progress = Progress::new("stored");
    progress.say("setting the scene");
    let mut full = Full::open(stage, store.conversations)?;
    let mut figures = Stored { messages: store.messages, ..Stored::default() };
    let start = Instant::now();
    full.stock.fill(&mut full.fleet, store.messages, &progress)?;
    figures.fill_per_s = store.messages as f64 / start.elapsed().as_secs_f64();
    figures.memory_filled_bytes = full.process.memory_bytes()?;
    progress.say("starting after a clean stop");
    figures.start_clean_ms = full.start_clean(&mut figures)?;
    progress.say("writing to a part of it");
    figures.memory_bytes = full.memory(store.active, stage.length())?;
    figures.active = store.active as u64;
    progress.say("starting after kill -9");
    figures.start_killed_ms = full.start_killed(stage.length())?;
    let Full { process, mut stock, mut fleet } = full;
    let mut sides = [side(stage, stage.another_server()?, pairs)?, side(stage, process, pairs)?];
    let mut windows: [Vec<Window>; 2] = [Vec::new(), Vec::new()];
    for _ in 0..stage.options.windows.unwrap_or(3).max(1) {
        for (side, windows) in sides.iter_mut().zip(&mut windows) {
            windows.push(side.window(PACE, stage.length(), &progress)?);
        }
    }
    let rate = |windows: &[Window]| median(windows.iter().map(Window::rate).collect());
    figures.empty_per_s = rate(&windows[0]).unwrap_or(f64::NAN);
    figures.full_per_s = rate(&windows[1]).unwrap_or(f64::NAN);
    figures.rate_ratio = figures.full_per_s / figures.empty_per_s;
    progress.say("reading everything back");
    stock.audit(&mut fleet, &progress)?;
    let mut report = report(&windows, figures, store);
    for side in sides {
        report.judge(side.flood.into_judge().finish()?);
    }
    stock.judgement(&mut report)?;
    Ok(report)
}

fn report(windows: &[Vec<Window>; 2], figures: Stored, store: Store) -> Report {
    let mut report = Report::new("stored");
    for window in windows.iter().flatten() {
        report.sent += window.tally.sent;
        report.delivered += window.tally.delivered;
        report.generator_saturated |= window.saturated();
    }
    report.sent += store.messages;
    report.rate_per_s = Some(figures.full_per_s);
    report.server_cpu_us_per_message =
        median(windows[1].iter().filter_map(Window::cpu_us).collect());
    report.per_server_cpu_second = report.server_cpu_us_per_message.map(|us| 1e6 / us);
    for (name, windows) in ["empty", "full"].iter().zip(windows) {
        let cpu = median(windows.iter().filter_map(Window::cpu_us).collect()).unwrap_or(f64::NAN);
        let surroundings: Vec<&str> = windows.iter().map(|w| w.surroundings.as_str()).collect();
        report.notes.push(format!("{name}: {cpu:.1} us per message; {}", surroundings.join("; ")));
    }
    report.notes.push(format!(
        "{} conversations of two; memory while {} of them get {ACTIVE_PER_S} messages a second after a start; times to /ready are medians of {STARTS}",
        store.conversations, store.active
    ));
    report.stored = Some(figures);
    report
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
        flood: Flood::new(Dialect::Parlance, &rooms, Judge::new(None)?),
        process: Some(process),
    };
    side.connect()?;
    Ok(side)
}

impl Full {
    fn open(stage: &Stage<'_>, conversations: usize) -> Result<Self, LoadError> {
        let process =
            stage.own_server("stored stops and kills the server: it has to be a child")?;
        let mut world = World::new(process.address())?;
        let judge = Judge::new(stage.options.record.as_deref())?;
        let seed = stage.options.seed;
        let mut stock = Stock::found(&mut world, WRITERS, conversations, judge, seed)?;
        let mut fleet = Fleet::new(process.address(), seed)?;
        stock.connect(&mut fleet)?;
        Ok(Self { process, stock, fleet })
    }

    /// Milliseconds to `/ready` after a clean stop, and what lies on the disk meanwhile.
    fn start_clean(&mut self, figures: &mut Stored) -> Result<f64, LoadError> {
        let mut times = Vec::new();
        for _ in 0..STARTS {
            self.fleet.drop_all();
            self.process.stop()?;
            let data = self.process.data();
            figures.journal_bytes = disk::bytes(&data.join("journal"))?;
            let rest = disk::bytes(&data)?.saturating_sub(figures.journal_bytes);
            figures.bytes_per_message = rest as f64 / figures.messages.max(1) as f64;
            times.push(self.process.restart_timed()?.as_secs_f64() * 1e3);
        }
        self.fleet.retarget(self.process.address());
        self.stock.connect(&mut self.fleet)?;
        Ok(median(times).unwrap_or(f64::NAN))
    }

    /// Bytes of memory while some of the conversations are active.
    fn memory(&mut self, active: usize, length: Duration) -> Result<u64, LoadError> {
        let places = active.div_ceil(self.stock.writers()).max(1);
        let work = Work::Write { left: 1, window: 1, places };
        let (start, mut sent) = (Instant::now(), 0u64);
        while start.elapsed() < length {
            let due = start.elapsed().as_secs_f64() * ACTIVE_PER_S;
            while (sent as f64) < due && self.stock.one(work, &mut self.fleet)? {
                sent += 1;
            }
            self.stock.run(&mut self.fleet, PULSE)?;
        }
        let memory = self.process.memory_bytes()?;
        self.stock.settle(&mut self.fleet)?;
        Ok(memory)
    }

    /// Milliseconds to `/ready` after a kill while messages go to all conversations.
    fn start_killed(&mut self, length: Duration) -> Result<f64, LoadError> {
        let mut times = Vec::new();
        for _ in 0..STARTS {
            let work = Work::Write { left: u64::MAX, window: WINDOW, places: usize::MAX };
            self.stock.begin(work, &mut self.fleet)?;
            self.stock.run(&mut self.fleet, length)?;
            self.process.kill()?;
            self.fleet.drop_all();
            times.push(self.process.restart_timed()?.as_secs_f64() * 1e3);
            self.fleet.retarget(self.process.address());
            self.stock.connect(&mut self.fleet)?;
            self.stock.settle(&mut self.fleet)?;
        }
        Ok(median(times).unwrap_or(f64::NAN))
    }
}
