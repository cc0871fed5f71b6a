//! Notices what no request shows: that the process stood still, or that the clock of the machine jumped. It says so and does nothing, since
//! everything else is made to bear it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parlance_engine::clock::Clock;
use tokio_util::sync::CancellationToken;

const TICK: Duration = Duration::from_secs(1);
/// Longer than a busy machine keeps a thread waiting.
const STILL: Duration = Duration::from_secs(5);
/// More than a clock is corrected by that follows others.
const JUMP_MS: i64 = 2_000;

/// Looks every second until `stop`.
pub(crate) async fn watch(clock: Arc<dyn Clock>, stop: CancellationToken) {
    let mut last = Seen::now(&*clock);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(TICK) => {}
        }
        let seen = Seen::now(&*clock);
        let passed = seen.at.duration_since(last.at);
        if passed > TICK + STILL {
            let seconds = passed.as_secs();
            tracing::warn!(
                seconds,
                "the process stood still: it was stopped, or the machine was; it goes on where it was"
            );
        }
        let jump_ms = seen.clock_ms - last.clock_ms - passed.as_millis() as i64;
        if jump_ms.abs() > JUMP_MS {
            let (direction, seconds) =
                (if jump_ms > 0 { "ahead" } else { "back" }, jump_ms.unsigned_abs() / 1_000);
            tracing::warn!(
                seconds,
                "the clock of this machine jumped {direction}: messages keep their order, sessions may end early or late; let it follow others (NTP)"
            );
        }
        last = seen;
    }
}

/// The clock beside one that does not jump.
struct Seen {
    at: Instant,
    clock_ms: i64,
}

impl Seen {
    fn now(clock: &dyn Clock) -> Self {
        Self { at: Instant::now(), clock_ms: clock.now().as_ms().cast_signed() }
    }
}
