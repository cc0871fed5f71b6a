//! The life of a server: open, listen, serve on one thread per core, and leave in stages.
//!
//! Each worker is a thread with a runtime of its own, its shard and its share of the connections: measurement says that this is faster than
//! one runtime over all cores.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use parlance_engine::shard::Shard;
use parlance_engine::{Engine, MailboxSource};
use parlance_gateway::{Gateway, GatewayConfig, serve};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::cli::Failure;
use crate::config::Config;
use crate::open::{self, Opened};
use crate::telemetry;

/// The whole shutdown, after which the process ends whatever is left.
const SHUTDOWN_MAX: Duration = Duration::from_secs(30);

/// Serves until SIGTERM or SIGINT.
pub(crate) fn run(config: Config) -> Result<(), Failure> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(serve_until_stopped(config))
}

async fn serve_until_stopped(config: Config) -> Result<(), Failure> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let listen = config.server.listen;
    // Before the stores: a port in use must not cost a recovery.
    let listener = std::net::TcpListener::bind(listen).map_err(|error| {
        format!("cannot listen on {listen}: {error}; choose another with --listen")
    })?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let workers = match config.server.workers {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        workers => workers,
    };

    let Opened { engine, shards, stores } = open::open(&config, workers).await?;
    let gateway = Gateway::new(engine.clone(), gateway_config(&config));
    let stop = CancellationToken::new();
    let workers = start(&gateway, &listener, shards, &stop)?;
    drop(listener);
    telemetry::print(&format!("parlance is ready at http://{address}"));
    tracing::info!(%address, data = %config.server.data.display(), workers = workers.len(), "ready");

    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    let shutdown = shut_down(&engine, &gateway, stop, workers, stores);
    match tokio::time::timeout(SHUTDOWN_MAX, shutdown).await {
        Ok(result) => result,
        Err(_) => Err("the shutdown took longer than 30 s and was cut short".into()),
    }
}

/// Readiness off, no new connections, clients told to move, shards flushed, stores closed.
async fn shut_down(
    engine: &Arc<Engine>,
    gateway: &Gateway,
    stop: CancellationToken,
    workers: Vec<Worker>,
    stores: open::OpenStores,
) -> Result<(), Failure> {
    tracing::info!("shutting down");
    gateway.not_ready();
    stop.cancel();
    gateway.drain().await;
    engine.close();
    tokio::task::spawn_blocking(move || workers.into_iter().try_for_each(Worker::join)).await??;
    stores.close().await?;
    tracing::info!("everything is stored");
    Ok(())
}

fn gateway_config(config: &Config) -> GatewayConfig {
    GatewayConfig {
        node: config.server.node.as_str().into(),
        connections_max: config.server.connections_max,
        drain: Duration::from_secs(config.server.drain_seconds),
        ..GatewayConfig::default()
    }
}

/// A thread that serves.
struct Worker {
    thread: JoinHandle<()>,
}

impl Worker {
    fn join(self) -> Result<(), Failure> {
        self.thread.join().map_err(|_| "a worker panicked".into())
    }
}

fn start(
    gateway: &Gateway,
    listener: &std::net::TcpListener,
    shards: Vec<Shard<MailboxSource>>,
    stop: &CancellationToken,
) -> Result<Vec<Worker>, Failure> {
    let mut workers = Vec::with_capacity(shards.len());
    for (index, shard) in shards.into_iter().enumerate() {
        let (gateway, stop, listener) = (gateway.clone(), stop.clone(), listener.try_clone()?);
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let thread = std::thread::Builder::new()
            .name(format!("worker-{index}"))
            .spawn(move || work(&runtime, shard, gateway, listener, stop))?;
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
        tokio::join!(shard.run(), serve(gateway, listener, stop));
    });
}
