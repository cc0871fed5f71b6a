//! The threads that serve: each with a runtime, a shard and its share of the connections.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parlance_engine::MailboxSource;
use parlance_engine::shard::Shard;
use parlance_gateway::{Gateway, serve};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio_util::sync::CancellationToken;

use crate::cli::Failure;

/// A thread that serves.
pub(crate) struct Worker {
    thread: JoinHandle<()>,
}

impl Worker {
    pub(crate) fn join(self) -> Result<(), Failure> {
        self.thread.join().map_err(|_| "a worker panicked".into())
    }
}

/// When each worker moved last.
#[derive(Clone)]
pub(crate) struct Pulses {
    begin: Instant,
    every: Duration,
    last_ms: Arc<[AtomicU64]>,
}

impl Pulses {
    pub(crate) fn new(workers: usize, every: Duration) -> Self {
        let last_ms = (0..workers).map(|_| AtomicU64::new(0)).collect();
        Self { begin: Instant::now(), every, last_ms }
    }

    /// How long ago the worker moved that has not for longest.
    pub(crate) fn oldest(&self) -> Duration {
        let last = self.last_ms.iter().map(|ms| ms.load(Ordering::Relaxed)).min();
        self.begin.elapsed().saturating_sub(Duration::from_millis(last.unwrap_or(0)))
    }

    async fn beat(self, worker: usize, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let now = self.begin.elapsed().as_millis() as u64;
            self.last_ms[worker].store(now, Ordering::Relaxed);
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(self.every) => {}
            }
        }
    }
}

/// Starts a thread for each shard. They accept until `stop` and end when their shard does.
pub(crate) fn start(
    gateway: &Gateway,
    listener: &std::net::TcpListener,
    shards: Vec<Shard<MailboxSource>>,
    pulses: Option<&Pulses>,
    stop: &CancellationToken,
) -> Result<Vec<Worker>, Failure> {
    let mut workers = Vec::with_capacity(shards.len());
    for (index, shard) in shards.into_iter().enumerate() {
        let (gateway, stop, listener) = (gateway.clone(), stop.clone(), listener.try_clone()?);
        let pulse = pulses.map(|pulses| pulses.clone().beat(index, stop.clone()));
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let thread = std::thread::Builder::new()
            .name(format!("worker-{index}"))
            .spawn(move || work(&runtime, shard, gateway, listener, pulse, stop))?;
        workers.push(Worker { thread });
    }
    Ok(workers)
}

/// Connections are tasks of this runtime: they end before the shard does, because the shard is closed after the drain.
fn work(
    runtime: &Runtime,
    shard: Shard<MailboxSource>,
    gateway: Gateway,
    listener: std::net::TcpListener,
    pulse: Option<impl Future<Output = ()>>,
    stop: CancellationToken,
) {
    runtime.block_on(async {
        let listener = match TcpListener::from_std(listener) {
            Ok(listener) => listener,
            Err(error) => {
                tracing::error!(%error, "could not use the listener");
                return;
            }
        };
        let pulse = async {
            if let Some(pulse) = pulse {
                pulse.await;
            }
        };
        tokio::join!(shard.run(), serve(gateway, listener, stop), pulse);
    });
}
