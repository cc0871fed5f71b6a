//! What every door shares.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parlance_core::Refusal;
use parlance_engine::{Engine, FigurePage};
use parlance_types::{Code, figures, limits};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::listen::Complaints;
use crate::poll::Polls;
use crate::proxy::Proxies;
use crate::stream::StreamTickets;
use crate::tls::Tls;

/// When to look again whether there is room.
const ROOM_RETRY_MS: u64 = 5_000;

/// The settings of the doors.
#[derive(Clone, Debug)]
pub struct GatewayConfig {
    /// The name of this node in `ready`.
    pub node: Box<str>,
    /// Connections that are open at a time; beyond, new ones are turned away.
    pub connections_max: usize,
    /// Of those, how many of one worker may have asked for nothing yet; beyond, the oldest of them is closed.
    pub openings_max: usize,
    /// From the connection to the end of its handshake, if it is secure.
    pub handshake_timeout: Duration,
    /// From there to the head of a request.
    pub head_timeout: Duration,
    /// Who is believed when they say whom they speak for.
    pub proxies: Proxies,
    /// Between two pings of a client.
    pub heartbeat: Duration,
    /// How long clients have to leave when the server goes down; `bye` spreads them over it.
    pub drain: Duration,
}

impl Default for GatewayConfig {
    fn default() -> Self {
        Self {
            node: "local".into(),
            connections_max: 200_000,
            openings_max: 4_096,
            handshake_timeout: Duration::from_secs(10),
            head_timeout: Duration::from_secs(10),
            proxies: Proxies::default(),
            heartbeat: Duration::from_millis(limits::HEARTBEAT_MS),
            drain: Duration::from_secs(10),
        }
    }
}

/// Asks whether something is wrong.
#[derive(Clone)]
struct Health(Arc<dyn Fn() -> Option<String> + Send + Sync>);

impl fmt::Debug for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Health(…)")
    }
}

/// Adds figures of its own.
#[derive(Clone)]
struct Figures(Arc<dyn Fn(&mut FigurePage) + Send + Sync>);

impl fmt::Debug for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Figures(…)")
    }
}

/// The doors of a node. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Gateway {
    pub(crate) engine: Arc<Engine>,
    pub(crate) config: Arc<GatewayConfig>,
    ready: Arc<AtomicBool>,
    health: Health,
    more: Figures,
    pub(crate) complaints: Arc<Complaints>,
    /// `None`: connections are plain.
    pub(crate) tls: Option<Tls>,
    /// Cancelled when connections are to say `bye`.
    pub(crate) leave: CancellationToken,
    /// Every connection's task.
    pub(crate) tasks: TaskTracker,
    pub(crate) tickets: Arc<StreamTickets>,
    pub(crate) polls: Arc<Polls>,
}

impl Gateway {
    pub fn new(engine: Arc<Engine>, config: GatewayConfig) -> Self {
        Self {
            engine,
            config: Arc::new(config),
            ready: Arc::new(AtomicBool::new(true)),
            health: Health(Arc::new(|| None)),
            more: Figures(Arc::new(|_| {})),
            complaints: Arc::default(),
            tls: None,
            leave: CancellationToken::new(),
            tasks: TaskTracker::new(),
            tickets: Arc::default(),
            polls: Arc::default(),
        }
    }

    /// Whether there is room for one more connection.
    pub(crate) fn has_room(&self) -> Result<(), Refusal> {
        if self.leave.is_cancelled() {
            return Err(Refusal::new(Code::ShuttingDown));
        }
        if self.tasks.len() < self.config.connections_max {
            return Ok(());
        }
        Err(Refusal { retry_after_ms: Some(ROOM_RETRY_MS), ..Refusal::new(Code::Unavailable) })
    }

    /// What `/ready` asks from now on: why the node should get no traffic, or `None`.
    #[must_use]
    pub fn with_health(mut self, ask: impl Fn() -> Option<String> + Send + Sync + 'static) -> Self {
        self.health = Health(Arc::new(ask));
        self
    }

    /// What `/metrics` shows besides the figures of the engine and the doors.
    #[must_use]
    pub fn with_figures(mut self, add: impl Fn(&mut FigurePage) + Send + Sync + 'static) -> Self {
        self.more = Figures(Arc::new(add));
        self
    }

    /// All figures of the node, in the text format of Prometheus.
    pub fn figures(&self) -> String {
        let mut page = self.engine.figures();
        page.one(&figures::READY, u8::from(self.ailment().is_none()));
        let until = self.tls.as_ref().map(|tls| tls.validity().until);
        page.maybe(&figures::CERTIFICATE, until);
        (self.more.0)(&mut page);
        page.into_text()
    }

    /// Connections are secure from now on.
    #[must_use]
    pub fn with_tls(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Why the node should get no traffic; `None`: it should.
    pub fn ailment(&self) -> Option<String> {
        if !self.ready.load(Ordering::Relaxed) {
            return Some("going down".to_owned());
        }
        (self.health.0)()
    }

    /// First stage of a shutdown: load balancers look elsewhere.
    pub fn not_ready(&self) {
        self.ready.store(false, Ordering::Relaxed);
    }

    /// Third stage, after accepting has stopped: clients are told to come back after a random part of the drain time. Waits until
    /// every connection is gone, at most as long as the drain time.
    pub async fn drain(&self) {
        self.leave.cancel();
        self.tasks.close();
        if tokio::time::timeout(self.config.drain, self.tasks.wait()).await.is_err() {
            tracing::warn!(connections = self.tasks.len(), "connections did not leave in time");
        }
    }
}
