//! The life of a server: open, listen, serve on one thread per core, and leave in stages.
//!
//! Each worker is a thread with a runtime of its own, its shard and its share of the connections: measurement says that this is faster than
//! one runtime over all cores.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parlance_engine::Engine;
use parlance_engine::clock::{Clock, SystemClock};
use parlance_gateway::{Gateway, GatewayConfig, Proxies};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::runtime::Builder;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::admin::{Door, Operator};
use crate::certificate;
use crate::cli::Failure;
use crate::config::{self, Config};
use crate::figures::{self, LastBackup};
use crate::files;
use crate::open::{self, Opened};
use crate::supervisor::Supervisor;
use crate::telemetry;
use crate::timekeeper;
use crate::workers::{self, Pulses, Worker};

/// Connections that may wait to be accepted; the kernel may allow fewer.
pub(crate) const BACKLOG: i32 = 4_096;
/// The whole shutdown, after which the process ends whatever is left.
const SHUTDOWN_MAX: Duration = Duration::from_secs(30);

/// Signals that come so soon after the first are the same wish.
const ECHO: Duration = Duration::from_millis(250);

/// Serves until SIGTERM or SIGINT.
pub(crate) fn run(config: Config) -> Result<(), Failure> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let result = runtime.block_on(serve_until_stopped(config));
    // What a shutdown that took too long left behind is not waited for.
    runtime.shutdown_background();
    result
}

/// What asks the process to stop.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> Result<Self, Failure> {
        let terminate = signal(SignalKind::terminate())?;
        Ok(Self { terminate, interrupt: signal(SignalKind::interrupt())? })
    }

    /// One that is not the echo of the first: some send it to a process and then to its group.
    async fn again(&mut self) -> i32 {
        let first = Instant::now();
        loop {
            let code = self.next().await;
            if first.elapsed() > ECHO {
                return code;
            }
        }
    }

    /// The next one, as the exit code that a shell gives to whoever it ends.
    async fn next(&mut self) -> i32 {
        tokio::select! {
            _ = self.terminate.recv() => 128 + SignalKind::terminate().as_raw_value(),
            _ = self.interrupt.recv() => 128 + SignalKind::interrupt().as_raw_value(),
        }
    }
}

async fn serve_until_stopped(config: Config) -> Result<(), Failure> {
    let mut signals = Signals::listen()?;
    let started = SystemClock.now();
    let supervisor = Supervisor::new(config::supervision());
    let listen = config.server.listen;
    // Before the stores: a port in use must not cost a recovery.
    let listener = bind(listen).map_err(|error| {
        format!("cannot listen on {listen}: {error}; choose another with --listen")
    })?;
    let address = listener.local_addr()?;
    let tls = certificate::open(&config)?;
    let workers = match config.server.workers {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        workers => workers,
    };

    let Opened { engine, shards, stores } = open::open(&config, workers).await?;
    let mut gateway =
        Gateway::new(engine.clone(), gateway_config(&config)).with_health(stores.ailment(&config));
    let last_backup = LastBackup::default();
    gateway = gateway.with_figures(figures::of_process(
        config.server.data.clone(),
        stores.journal().clone(),
        last_backup.clone(),
        started,
    ));
    if let Some(tls) = &tls {
        gateway = gateway.with_tls(tls.clone());
    }
    let stop = CancellationToken::new();
    let pulses = supervisor.patience().map(|patience| Pulses::new(shards.len(), patience / 4));
    let workers = workers::start(&gateway, &listener, shards, pulses.as_ref(), &stop)?;
    drop(listener);
    let tasks = TaskTracker::new();
    let scheme = if tls.is_some() { "https" } else { "http" };
    if let Some(tls) = tls {
        let (clock, stop) = (engine.clock().clone(), stop.clone());
        tasks.spawn(certificate::watch(tls, config.clone(), clock, stop));
    }
    tasks.spawn(timekeeper::watch(engine.clock().clone(), stop.clone()));
    let operator = Operator::new(&config, &engine, &stores, stop.clone(), (true, last_backup));
    listen_to_operators(&config, operator, &tasks);
    let (keeper, stopped) = (engine.clone(), stop.clone());
    tasks.spawn(async move { stopped.run_until_cancelled(keeper.keep_presence()).await });
    telemetry::print(&format!("parlance is ready at {scheme}://{address}"));
    tracing::info!(%address, data = %config.server.data.display(), workers = workers.len(), "ready");

    supervisor.ready();
    let asked = async {
        signals.next().await;
        supervisor.stopping();
    };
    match pulses {
        None => asked.await,
        Some(pulses) => tokio::select! {
            () = asked => {}
            () = supervisor.keep_telling(pulses, &stop) => {}
        },
    }
    let shutdown = shut_down(&engine, &gateway, stop, tasks, workers, stores);
    tokio::select! {
        ended = tokio::time::timeout(SHUTDOWN_MAX, shutdown) => match ended {
            Ok(result) => result,
            Err(_) => Err("the shutdown took longer than 30 s and was cut short".into()),
        },
        code = signals.again() => {
            // Whoever asks twice does not want to wait. What was acknowledged is in the journal, and the next start replays it.
            tracing::warn!("asked to stop again: ending at once");
            std::process::exit(code);
        }
    }
}

/// Without the socket the server serves all the same: an operator can stop it and ask then.
fn listen_to_operators(config: &Config, operator: Operator, tasks: &TaskTracker) {
    match Door::open(&config.server.data) {
        Ok(door) => {
            tasks.spawn(door.serve(operator));
        }
        Err(error) => {
            tracing::warn!(%error, "there is no admin socket: `parlance account` and `backup` work only while the server is stopped");
        }
    }
}

/// The standard library's listener keeps 128 connections waiting. When everybody comes back at once the others would be dropped, and
/// try again only after a second.
fn bind(address: SocketAddr) -> std::io::Result<std::net::TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Readiness off, no new connections, clients told to move, shards flushed, stores closed.
async fn shut_down(
    engine: &Arc<Engine>,
    gateway: &Gateway,
    stop: CancellationToken,
    tasks: TaskTracker,
    workers: Vec<Worker>,
    stores: open::OpenStores,
) -> Result<(), Failure> {
    tracing::info!("shutting down");
    gateway.not_ready();
    stop.cancel();
    gateway.drain().await;
    tasks.close();
    tasks.wait().await;
    engine.save_seen().await;
    engine.close();
    tokio::task::spawn_blocking(move || workers.into_iter().try_for_each(Worker::join)).await??;
    stores.close().await?;
    tracing::info!("everything is stored");
    Ok(())
}

fn gateway_config(config: &Config) -> GatewayConfig {
    GatewayConfig {
        node: config.server.node.as_str().into(),
        connections_max: files::raise(config.server.connections_max),
        handshake_timeout: Duration::from_secs(config.tls.handshake_seconds),
        openings_max: config.server.openings_max,
        proxies: Proxies {
            networks: config.proxies.networks.clone(),
            header: config.proxies.proxy_protocol,
        },
        heartbeat: Duration::from_secs(config.server.heartbeat_seconds),
        drain: Duration::from_secs(config.server.drain_seconds),
        ..GatewayConfig::default()
    }
}
