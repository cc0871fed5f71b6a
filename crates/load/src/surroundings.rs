//! What the machine does beside the measurement: how much others take of it, and what its cheapest costly step costs. Without these a
//! figure cannot be compared with one of another day.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use crate::LoadError;

/// Processor time of the whole machine since it started, in ticks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Machine {
    busy: u64,
    steal: u64,
    total: u64,
}

impl Machine {
    pub(crate) fn now() -> Result<Self, LoadError> {
        let stat = fs::read_to_string("/proc/stat")?;
        // user nice system idle iowait irq softirq steal …
        let first = stat.lines().next().and_then(|line| line.strip_prefix("cpu "));
        let fields: Vec<u64> = first
            .ok_or(LoadError::Proc("/proc/stat"))?
            .split_ascii_whitespace()
            .take(8)
            .filter_map(|field| field.parse().ok())
            .collect();
        let [user, nice, system, idle, wait, irq, soft, steal] = fields[..] else {
            return Err(LoadError::Proc("/proc/stat"));
        };
        let busy = user + nice + system + irq + soft;
        Ok(Self { busy, steal, total: busy + steal + idle + wait })
    }

    /// In words: what others took since `start`, of which `ours` was the measurement's own.
    pub(crate) fn since(self, start: Self, ours: Duration) -> String {
        let hz = rustix::param::clock_ticks_per_second() as f64;
        let total = ((self.total - start.total) as f64 / hz).max(f64::MIN_POSITIVE);
        let busy = (self.busy - start.busy) as f64 / hz;
        let steal = (self.steal - start.steal) as f64 / hz;
        let others = (busy - ours.as_secs_f64()).max(0.0);
        format!(
            "others used {:.0} % of the machine, the hypervisor took {:.0} %",
            100.0 * others / total,
            100.0 * steal / total
        )
    }
}

/// What one write of 400 bytes to a socket costs here: it explains most of the difference between machines.
pub(crate) fn write_us() -> io::Result<f64> {
    const WRITES: u32 = 4_000;
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let mut from = TcpStream::connect(listener.local_addr()?)?;
    let (mut to, _) = listener.accept()?;
    from.set_nodelay(true)?;
    let (frame, mut sink) = ([0; 400], [0; 400]);
    let mut spent = Duration::ZERO;
    for _ in 0..WRITES {
        let start = Instant::now();
        from.write_all(&frame)?;
        spent += start.elapsed();
        to.read_exact(&mut sink)?;
    }
    Ok(spent.as_secs_f64() * 1e6 / f64::from(WRITES))
}

/// Processor time of this process.
pub(crate) fn own_cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(
        u64::try_from(time.tv_sec).unwrap_or_default(),
        u32::try_from(time.tv_nsec).unwrap_or_default(),
    )
}
