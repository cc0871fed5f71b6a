//! One side of a measurement: a process, the connections to it and their minds; and the windows in which it is measured.

use std::time::{Duration, Instant};

use crate::LoadError;
use crate::cli::Pace;
use crate::fleet::Fleet;
use crate::flood::{Flood, Tally};
use crate::process::Process;
use crate::progress::Progress;
use crate::surroundings::{Machine, own_cpu};

const WARM_UP: Duration = Duration::from_millis(700);
const MARKS: Duration = Duration::from_secs(1);
const SETTLE_MAX: Duration = Duration::from_mins(1);
/// A generator that is busier than this has no time left to wait for the server.
const SATURATED: f64 = 0.93;

/// A server or a yardstick under load.
#[derive(Debug)]
pub(crate) struct Side {
    /// `None`: it was there before us.
    pub(crate) process: Option<Process>,
    pub(crate) fleet: Fleet,
    pub(crate) flood: Flood,
}

/// What one window showed.
#[derive(Debug)]
pub(crate) struct Window {
    pub(crate) tally: Tally,
    pub(crate) wall: Duration,
    pub(crate) cpu: Option<Duration>,
    /// The share of the time in which the generator had something to do.
    pub(crate) busy: f64,
    /// What else the machine did, in words.
    pub(crate) surroundings: String,
}

impl Window {
    pub(crate) fn rate(&self) -> f64 {
        self.tally.delivered as f64 / self.wall.as_secs_f64()
    }

    pub(crate) fn cpu_us(&self) -> Option<f64> {
        let delivered = self.tally.delivered;
        self.cpu.filter(|_| delivered > 0).map(|cpu| cpu.as_secs_f64() * 1e6 / delivered as f64)
    }

    pub(crate) fn saturated(&self) -> bool {
        self.busy > SATURATED
    }
}

impl Side {
    /// Opens all connections and waits until each is ready.
    pub(crate) fn connect(&mut self) -> Result<(), LoadError> {
        let deadline = Instant::now() + SETTLE_MAX;
        for index in 0..self.flood.connections() {
            self.fleet.connect(index)?;
            // Not all at once: the queue of connections that wait to be accepted is finite.
            if index % 100 == 99 {
                self.until_ready(index + 1, deadline)?;
            }
        }
        self.until_ready(self.flood.connections(), deadline)
    }

    fn until_ready(&mut self, count: usize, deadline: Instant) -> Result<(), LoadError> {
        while self.flood.ready() < count {
            self.turn(Duration::from_millis(100))?;
            if Instant::now() > deadline {
                return Err(LoadError::Timeout("connections to be ready"));
            }
        }
        Ok(())
    }

    /// Warms up, measures, lets everything in flight arrive.
    pub(crate) fn window(
        &mut self,
        pace: Pace,
        length: Duration,
        progress: &Progress,
    ) -> Result<Window, LoadError> {
        if pace.rate.is_none() {
            self.flood.set_window(Some(pace.window));
            for room in 0..self.flood.rooms() {
                for _ in 0..pace.window {
                    self.flood.send(room, &mut self.fleet);
                }
                self.fleet.flush(self.flood.sender(room))?;
            }
        }
        self.run(pace.rate, WARM_UP, progress)?;
        self.flood.reset();
        let (machine, own) = (Machine::now()?, own_cpu());
        let (cpu, busy, start) = (self.cpu()?, self.fleet.busy(), Instant::now());
        self.run(pace.rate, length, progress)?;
        let wall = start.elapsed();
        let cpu = self.cpu()?.zip(cpu).map(|(after, before)| after.saturating_sub(before));
        let busy = self.fleet.busy().saturating_sub(busy).as_secs_f64() / wall.as_secs_f64();
        let ours = own_cpu().saturating_sub(own) + cpu.unwrap_or_default();
        let surroundings = Machine::now()?.since(machine, ours);
        let tally = self.flood.reset();
        self.flood.set_window(None);
        self.settle()?;
        Ok(Window { tally, wall, cpu, busy, surroundings })
    }

    /// Waits until nothing is in flight; what is still missing then is the judge's affair.
    pub(crate) fn settle(&mut self) -> Result<(), LoadError> {
        let deadline = Instant::now() + SETTLE_MAX;
        while !self.flood.is_quiet() && Instant::now() < deadline {
            let before = self.flood.tally().delivered;
            self.turn(Duration::from_millis(50))?;
            if self.flood.tally().delivered == before && self.flood.is_quiet() {
                break;
            }
        }
        self.flood.mark(&mut self.fleet)?;
        Ok(())
    }

    fn cpu(&self) -> Result<Option<Duration>, LoadError> {
        self.process.as_ref().map(Process::cpu).transpose()
    }

    fn run(
        &mut self,
        rate: Option<f64>,
        length: Duration,
        progress: &Progress,
    ) -> Result<(), LoadError> {
        let start = Instant::now();
        let (mut sent, mut marks, mut room) = (0u64, start + MARKS, 0);
        loop {
            let now = Instant::now();
            let elapsed = now - start;
            if elapsed >= length {
                return Ok(());
            }
            let mut timeout = length.saturating_sub(elapsed).min(Duration::from_millis(100));
            if let Some(rate) = rate {
                while (sent as f64) < elapsed.as_secs_f64() * rate {
                    self.flood.send(room, &mut self.fleet);
                    self.fleet.flush(self.flood.sender(room))?;
                    room = (room + 1) % self.flood.rooms();
                    sent += 1;
                }
                let due = Duration::from_secs_f64(sent as f64 / rate);
                timeout = timeout.min(due.saturating_sub(elapsed));
            }
            self.turn(timeout)?;
            if now >= marks {
                marks = now + MARKS;
                self.flood.mark(&mut self.fleet)?;
                progress.show(self.flood.tally().delivered, "delivered");
            }
        }
    }

    fn turn(&mut self, timeout: Duration) -> Result<(), LoadError> {
        self.fleet.turn(timeout, &mut self.flood)?;
        match self.flood.broken() {
            Some(what) => Err(LoadError::Broken(what.to_owned())),
            None => Ok(()),
        }
    }
}
