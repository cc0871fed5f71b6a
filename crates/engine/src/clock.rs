//! Time as an argument: nothing else in the engine asks the system what time it is.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use parlance_types::Micros;

/// Tells the time.
pub trait Clock: Send + Sync + 'static {
    fn now(&self) -> Micros;
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
