//! How a stock is driven: connected, set to work, waited for. Owns patience: how long answers may take, and when what was refused for
//! now is sent again.

use std::time::{Duration, Instant};

use super::{Stock, Work, Writer};
use crate::LoadError;
use crate::fleet::Fleet;
use crate::progress::Progress;

/// Messages of a writer under way while a stock is filled.
const WINDOW: usize = 64;
/// What has not come after so long without anything coming will not come.
const SILENCE_MAX: Duration = Duration::from_mins(1);
/// How long a writer waits that was told to send again.
const PATIENCE: Duration = Duration::from_millis(100);

impl Stock {
    /// Connects every writer and waits until all are ready. What they sent and was not acknowledged they send again.
    pub(crate) fn connect(&mut self, fleet: &mut Fleet) -> Result<(), LoadError> {
        self.work = Work::Rest;
        self.ready = 0;
        for index in 0..self.writers.len() {
            self.writers[index].asked = None;
            fleet.connect(index)?;
            if index % 64 == 63 {
                self.until(fleet, |stock| stock.ready > index, |_| ())?;
            }
        }
        self.until(fleet, |stock| stock.ready == stock.writers.len(), |_| ())
    }

    /// From now on this is done.
    pub(crate) fn begin(&mut self, work: Work, fleet: &mut Fleet) -> Result<(), LoadError> {
        self.work = work;
        if work == Work::Audit {
            self.begin_audit();
        }
        for index in 0..self.writers.len() {
            if let Some(out) = fleet.out(index) {
                self.step(index, out);
            }
            fleet.flush(index)?;
        }
        Ok(())
    }

    /// One piece of work, by the next writer in turn who has nothing under way. `false`: all of them are waiting.
    pub(crate) fn one(&mut self, work: Work, fleet: &mut Fleet) -> Result<bool, LoadError> {
        for _ in 0..self.writers.len() {
            self.latest = (self.latest + 1) % self.writers.len();
            let index = self.latest;
            if self.writers[index].is_idle()
                && let Some(out) = fleet.out(index)
            {
                self.work = work;
                self.step(index, out);
                self.work = Work::Rest;
                fleet.flush(index)?;
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Goes on for a while.
    pub(crate) fn run(&mut self, fleet: &mut Fleet, length: Duration) -> Result<(), LoadError> {
        let end = Instant::now() + length;
        while Instant::now() < end {
            self.turn(fleet, Duration::from_millis(50))?;
        }
        Ok(())
    }

    /// Writes `messages` in turn into all conversations, with large windows.
    pub(crate) fn fill(
        &mut self,
        fleet: &mut Fleet,
        messages: u64,
        progress: &Progress,
    ) -> Result<(), LoadError> {
        let work = Work::Write { left: messages, window: WINDOW, places: usize::MAX };
        self.begin(work, fleet)?;
        let done =
            |stock: &Self| matches!(stock.work, Work::Write { left: 0, .. }) && stock.is_answered();
        self.until(fleet, done, |stock| progress.show(stock.tally.acked, "written"))?;
        self.work = Work::Rest;
        Ok(())
    }

    /// Nothing new; waits for the answers to what is under way.
    pub(crate) fn settle(&mut self, fleet: &mut Fleet) -> Result<(), LoadError> {
        self.work = Work::Rest;
        self.until(fleet, Self::is_answered, |_| ())
    }

    /// Reads everything back.
    pub(crate) fn audit(
        &mut self,
        fleet: &mut Fleet,
        progress: &Progress,
    ) -> Result<(), LoadError> {
        self.reset();
        self.begin(Work::Audit, fleet)?;
        self.until(
            fleet,
            |stock| stock.writers.iter().all(Writer::is_audited) && stock.is_answered(),
            |stock| progress.show(stock.tally.pages, "pages read back"),
        )?;
        self.work = Work::Rest;
        Ok(())
    }

    fn is_answered(&self) -> bool {
        self.writers.iter().all(Writer::is_idle)
    }

    fn until(
        &mut self,
        fleet: &mut Fleet,
        done: impl Fn(&Self) -> bool,
        show: impl Fn(&Self),
    ) -> Result<(), LoadError> {
        let state = |stock: &Self| (stock.ready, stock.tally.acked, stock.tally.pages);
        let (mut moved, mut last, mut shown) = (Instant::now(), state(self), Instant::now());
        while !done(self) {
            self.turn(fleet, Duration::from_millis(20))?;
            if state(self) != last {
                (moved, last) = (Instant::now(), state(self));
            } else if moved.elapsed() > SILENCE_MAX {
                return Err(LoadError::Timeout("answers"));
            }
            if shown.elapsed() > Duration::from_secs(1) {
                shown = Instant::now();
                show(self);
            }
        }
        Ok(())
    }

    fn turn(&mut self, fleet: &mut Fleet, timeout: Duration) -> Result<(), LoadError> {
        fleet.turn(timeout, self)?;
        for index in 0..self.writers.len() {
            let writer = &mut self.writers[index];
            if writer.refused.is_some_and(|at| at.elapsed() > PATIENCE) {
                if let Some(out) = fleet.out(index) {
                    writer.again(out);
                }
                fleet.flush(index)?;
            }
        }
        self.broken.take().map_or(Ok(()), |what| Err(LoadError::Broken(what)))
    }
}
