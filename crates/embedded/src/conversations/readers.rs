//! The threads that read rows for those who must not wait for a disk.
//!
//! Whoever needs a read leaves a job, and what a thread has read it hands back in batches: a storm of cold conversations then costs
//! reads, and hardly any switches between threads.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, MutexGuard};

use super::priority;

/// Jobs that a thread takes at a time.
const BATCH_MAX: usize = 32;
/// How long the first answer of a batch is held back for the others.
const HOLD: Duration = Duration::from_micros(250);

/// Reads, and answers what hands the result over.
pub(super) type Job = Box<dyn FnOnce() -> HandOver + Send>;
pub(super) type HandOver = Box<dyn FnOnce() + Send>;

/// The jobs and the threads, which end when this is dropped.
pub(super) struct Readers {
    shared: Arc<Shared>,
}

struct Shared {
    threads: usize,
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    /// Threads that wait.
    idle: usize,
    closed: bool,
}

impl Readers {
    pub(super) fn start(threads: usize) -> io::Result<Self> {
        let threads = threads.max(1);
        let shared = Shared { threads, queue: Mutex::default(), changed: Condvar::new() };
        let readers = Self { shared: Arc::new(shared) };
        for _ in 0..threads {
            let shared = Arc::clone(&readers.shared);
            let thread = std::thread::Builder::new().name("conversation-read".to_owned());
            thread.spawn(move || {
                priority::step_back();
                shared.run();
            })?;
        }
        Ok(readers)
    }

    pub(super) fn push(&self, job: Job) {
        let mut queue = self.shared.queue.lock();
        queue.jobs.push_back(job);
        // Whoever was woken for the first job takes those that come before it is there.
        let wake = queue.idle > 0 && queue.jobs.len() % BATCH_MAX == 1;
        drop(queue);
        if wake {
            self.shared.changed.notify_one();
        }
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        // Not joined: the last to let go of the store may be a reader.
        self.shared.queue.lock().closed = true;
        self.shared.changed.notify_all();
    }
}

impl Shared {
    fn run(&self) {
        while let Some(batch) = self.take() {
            let mut begin = Instant::now();
            let mut done: Vec<HandOver> = Vec::with_capacity(batch.len());
            for job in batch {
                done.push(job());
                if begin.elapsed() >= HOLD {
                    for hand_over in done.drain(..) {
                        hand_over();
                    }
                    begin = Instant::now();
                }
            }
            for hand_over in done {
                hand_over();
            }
        }
    }

    /// The next jobs, a fair share of them. `None`: there will be no more.
    fn take(&self) -> Option<Vec<Job>> {
        let mut queue = self.queue.lock();
        while queue.jobs.is_empty() {
            if queue.closed {
                return None;
            }
            queue.idle += 1;
            self.changed.wait(&mut queue);
            queue.idle -= 1;
            // Where there is one core for both, who woke this thread has more for it.
            MutexGuard::unlocked(&mut queue, std::thread::yield_now);
        }
        let share = queue.jobs.len().div_ceil(self.threads).min(BATCH_MAX);
        let batch = queue.jobs.drain(..share).collect();
        if !queue.jobs.is_empty() && queue.idle > 0 {
            self.changed.notify_one();
        }
        Some(batch)
    }
}
