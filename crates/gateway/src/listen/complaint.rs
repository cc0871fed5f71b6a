//! What a listener has to say of connections that it cannot take, said seldom: it happens a thousand times a second or never.

use std::io;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// Between two lines about the same.
const PAUSE: Duration = Duration::from_secs(10);
/// After this time without it, it is over.
const QUIET: Duration = Duration::from_secs(1);
/// No more file descriptors for this process, and for the machine.
const FILES_OF_PROCESS: i32 = 24;
const FILES_OF_MACHINE: i32 = 23;

/// What all workers have to say.
#[derive(Debug, Default)]
pub(crate) struct Complaints {
    /// The system gives an error instead of a connection.
    pub(super) failing: Mutex<Complaint>,
    /// More are open than may be.
    pub(super) full: Mutex<Complaint>,
    /// Too many say nothing.
    pub(super) crowded: Mutex<Complaint>,
}

/// One thing that goes wrong again and again.
#[derive(Debug, Default)]
pub(super) struct Complaint {
    said: Option<Instant>,
    last: Option<Instant>,
    /// Times since it was said last.
    times: u64,
    /// It was said, and not yet that it is over.
    is_told: bool,
}

impl Complaint {
    /// It happened. How often since it was said last, if it is to be said now.
    pub(super) fn due(&mut self) -> Option<u64> {
        self.times += 1;
        self.last = Some(Instant::now());
        if self.said.is_some_and(|said| said.elapsed() < PAUSE) {
            return None;
        }
        self.said = self.last;
        self.is_told = true;
        Some(std::mem::take(&mut self.times))
    }

    /// It did not happen this time. True if it has not for a while, and that is worth a line.
    pub(super) fn is_over(&mut self) -> bool {
        let is_quiet = self.last.is_none_or(|last| last.elapsed() >= QUIET);
        is_quiet && std::mem::take(&mut self.is_told)
    }
}

/// What can be done about an accept that failed.
pub(super) fn remedy(error: &io::Error) -> &'static str {
    match error.raw_os_error() {
        Some(FILES_OF_PROCESS) => {
            "no file descriptor is left: raise the limit of open files (LimitNOFILE=, ulimit -n) or lower server.connections_max"
        }
        Some(FILES_OF_MACHINE) => {
            "this machine has no file descriptor left: raise fs.file-max, or look who holds them"
        }
        _ => "it is tried again",
    }
}
