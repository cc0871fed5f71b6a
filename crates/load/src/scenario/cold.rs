//! `cold`: a busy group beside a storm of visits to conversations that are not in memory. What does the storm do to its neighbours?
//!
//! The storm runs on a thread of its own that takes only what the measuring one leaves, so that the figures show the server's delays and
//! not the generator's.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::{Stage, files};
use crate::cli::Pace;
use crate::fleet::Fleet;
use crate::flood::{Dialect, Flood, Room};
use crate::history::Judge;
use crate::progress::Progress;
use crate::report::{Cold, median, quantile_ms};
use crate::stock::{Stock, Tally, Work};
use crate::window::{Side, Window};
use crate::world::World;
use crate::{LoadError, Report, cores};

/// Messages of each conversation before the storm.
const DEPTH: u64 = 20;
/// How often the storm looks whether it is over, and sends what is due.
const PULSE: Duration = Duration::from_millis(2);
/// A server that keeps next to nothing loaded: whatever the storm comes to is cold.
const FORGETFUL: &str = "[engine]\nmemory_mib = 1\n[store]\ntails_mib = 8\n";

/// What comes down beside the group.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Storm {
    pub(crate) conversations: usize,
    pub(crate) readers: usize,
    /// Visits a second; `None`: each answer triggers the next.
    pub(crate) rate: Option<f64>,
}

pub(crate) fn cold(
    stage: &Stage<'_>,
    size: usize,
    rate: f64,
    storm: Storm,
) -> Result<Report, LoadError> {
    if size < 2 || storm.readers == 0 {
        return Err(LoadError::Usage("cold needs 2 members of the group and a reader"));
    }
    files::raise(size + storm.readers)?;
    let progress = Progress::new("cold");
    progress.say("setting the scene");
    let seed = stage.options.seed;
    let mut process =
        stage.own_server("what is cold is known only of a server that is our child")?;
    let mut world = World::new(process.address())?;
    let seats = world.sign_up(size)?;
    let place = world.groups(&[seats.iter().collect()], Some("cold"))?[0];
    let mut stock =
        Stock::found(&mut world, storm.readers, storm.conversations, Judge::new(None)?, seed)?;
    let mut fleet = Fleet::new(process.address(), seed)?;
    stock.connect(&mut fleet)?;
    stock.fill(&mut fleet, stock.conversations() as u64 * DEPTH, &progress)?;
    fleet.drop_all();
    process.stop()?;
    process.configure(FORGETFUL);
    process.restart()?;
    fleet.retarget(process.address());
    stock.connect(&mut fleet)?;
    let judge = Judge::new(stage.options.record.as_deref())?;
    let mut group = Side {
        fleet: Fleet::new(process.address(), seed)?,
        flood: Flood::new(Dialect::Parlance, &[Room::of(place, &seats)], judge),
        process: Some(process),
    };
    group.connect()?;
    let mut found = Found::default();
    for _ in 0..stage.windows() {
        found.alone.push(group.window(pace(rate), stage.length(), &progress)?);
        let mut hail = Hail { stock: &mut stock, fleet: &mut fleet, rate: storm.rate };
        let (window, visits, length) = beside(&mut group, &mut hail, rate, stage, &progress)?;
        found.beside.push(window);
        found.visits.push((visits, length));
    }
    progress.say("reading everything back");
    stock.audit(&mut fleet, &progress)?;
    let mut report = found.report();
    report.notes.push(format!(
        "{size} members, {rate} messages a second; {} cold conversations of {DEPTH} messages, {} connections that go through them in turn",
        stock.conversations(),
        stock.writers()
    ));
    report.judge(group.flood.into_judge().finish()?);
    stock.judgement(&mut report)?;
    Ok(report)
}

const fn pace(rate: f64) -> Pace {
    Pace { window: 0, rate: Some(rate) }
}

/// The storm and its connections.
struct Hail<'s> {
    stock: &'s mut Stock,
    fleet: &'s mut Fleet,
    rate: Option<f64>,
}

/// A window of the group while the storm goes on; how much the storm did, and for how long.
fn beside(
    group: &mut Side,
    hail: &mut Hail<'_>,
    rate: f64,
    stage: &Stage<'_>,
    progress: &Progress,
) -> Result<(Window, Tally, Duration), LoadError> {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let storm = scope.spawn(|| hail.fall(&over));
        let window = group.window(pace(rate), stage.length(), progress);
        over.store(true, Ordering::Relaxed);
        let (visits, length) =
            storm.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        Ok((window?, visits, length))
    })
}

impl Hail<'_> {
    fn fall(&mut self, over: &AtomicBool) -> Result<(Tally, Duration), LoadError> {
        cores::stand_back()?;
        self.fleet.give_way();
        self.stock.reset();
        let (start, mut visits) = (Instant::now(), 0u64);
        if self.rate.is_none() {
            self.stock.begin(Work::Visit, self.fleet)?;
        }
        while !over.load(Ordering::Relaxed) {
            let due = self.rate.map_or(0.0, |rate| start.elapsed().as_secs_f64() * rate);
            while (visits as f64) < due && self.stock.one(Work::Visit, self.fleet)? {
                visits += 1;
            }
            self.stock.run(self.fleet, PULSE)?;
        }
        let length = start.elapsed();
        let visits = self.stock.reset();
        self.stock.settle(self.fleet)?;
        Ok((visits, length))
    }
}

#[derive(Default)]
struct Found {
    alone: Vec<Window>,
    beside: Vec<Window>,
    visits: Vec<(Tally, Duration)>,
}

impl Found {
    fn report(&self) -> Report {
        let mut report = Report::new("cold");
        let quantile = |windows: &[Window], q| {
            median(windows.iter().filter_map(|w| quantile_ms(&w.tally.latencies, q)).collect())
        };
        let or_nan = |figure: Option<f64>| figure.unwrap_or(f64::NAN);
        let visits = |tally: &Tally| (tally.acked + tally.pages) as f64;
        let rates = self.visits.iter().map(|(tally, length)| visits(tally) / length.as_secs_f64());
        let waits = self.visits.iter().filter_map(|(tally, _)| quantile_ms(&tally.times, 0.99));
        let p99_alone_ms = or_nan(quantile(&self.alone, 0.99));
        let p99_beside_ms = or_nan(quantile(&self.beside, 0.99));
        report.cold = Some(Cold {
            p50_alone_ms: or_nan(quantile(&self.alone, 0.50)),
            p99_alone_ms,
            p50_beside_ms: or_nan(quantile(&self.beside, 0.50)),
            p99_beside_ms,
            p99_ratio: p99_beside_ms / p99_alone_ms,
            visits_per_s: or_nan(median(rates.collect())),
            visit_p99_ms: or_nan(median(waits.collect())),
        });
        for window in self.alone.iter().chain(&self.beside) {
            report.sent += window.tally.sent;
            report.delivered += window.tally.delivered;
        }
        report.p50_ms = quantile(&self.beside, 0.50);
        report.p95_ms = quantile(&self.beside, 0.95);
        report.p99_ms = quantile(&self.beside, 0.99);
        report.max_ms = quantile(&self.beside, 1.0);
        report.rate_per_s = median(self.beside.iter().map(Window::rate).collect());
        report.generator_saturated = self.alone.iter().chain(&self.beside).any(Window::saturated);
        for (name, windows) in [("alone", &self.alone), ("beside", &self.beside)] {
            let each = windows.iter().map(|window| {
                let p99 = or_nan(quantile_ms(&window.tally.latencies, 0.99));
                format!("p99 {p99:.1} ms while {}", window.surroundings)
            });
            report.notes.push(format!("{name}: {}", each.collect::<Vec<_>>().join("; ")));
        }
        report
    }
}
