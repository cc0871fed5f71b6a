//! Time as an argument: nothing else in the engine asks the system what time it is.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use parlance_types::Micros;

/// Tells the time.
pub trait Clock: Send + Sync + 'static {
    fn now(&self) -> Micros;

    /// Microseconds of a clock that does not go back, for what is counted by time. It may be some milliseconds behind.
    fn steady(&self) -> u64 {
        self.now().get()
    }
}

/// The clock of the system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Micros {
        // A clock before 1970 is a broken one; it reads as 1970.
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Micros::new(u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
    }

    fn steady(&self) -> u64 {
        // Asked for each command, and nothing here is due to the millisecond.
        #[cfg(target_os = "linux")]
        let time = rustix::time::clock_gettime(rustix::time::ClockId::MonotonicCoarse);
        #[cfg(not(target_os = "linux"))]
        let time = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        time.tv_sec.unsigned_abs() * 1_000_000 + time.tv_nsec.unsigned_abs() / 1_000
    }
}

/// A clock that moves when it is told to.
#[derive(Debug, Default)]
pub struct ManualClock(AtomicU64);

impl ManualClock {
    pub fn new(now: Micros) -> Self {
        Self(AtomicU64::new(now.get()))
    }

    pub fn set(&self, now: Micros) {
        self.0.store(now.get(), Ordering::Release);
    }

    pub fn advance_ms(&self, ms: u64) {
        self.0.fetch_add(Micros::from_ms(ms).get(), Ordering::AcqRel);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Micros {
        Micros::new(self.0.load(Ordering::Acquire))
    }
}
