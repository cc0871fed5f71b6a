//! Time for the machines of connections: milliseconds of a clock that does not go back.
//!
//! It is asked several times for each message and nothing here is due to the millisecond, so where there is a coarse clock it is that one.

use std::sync::LazyLock;

use tokio::time::{Duration, Instant};

/// What [`now_ms`] may be behind: ticks of a hundredth of a second, and some.
const BEHIND: Duration = Duration::from_millis(20);

static BEGIN: LazyLock<(Instant, Duration)> = LazyLock::new(|| (Instant::now(), since_boot()));

pub(crate) fn now_ms() -> u64 {
    since_boot().saturating_sub(BEGIN.1).as_millis() as u64
}

/// A moment at which `now_ms` is `ms` or later.
pub(crate) fn instant(ms: u64) -> Instant {
    BEGIN.0 + Duration::from_millis(ms) + BEHIND
}

#[cfg(target_os = "linux")]
fn since_boot() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::MonotonicCoarse);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default())
}

#[cfg(not(target_os = "linux"))]
fn since_boot() -> Duration {
    static FIRST: LazyLock<Instant> = LazyLock::new(Instant::now);
    FIRST.elapsed()
}
