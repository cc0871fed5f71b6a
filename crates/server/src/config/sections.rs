//! The sections of the configuration with their defaults.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use ipnet::IpNet;
use parlance_types::limits;
use serde::Serialize;

use super::limits::Limits;
use super::log::Log;
use super::read::Section;

/// More than a machine has: beyond, bytes could not be counted.
const MIB_MAX: u64 = 1 << 30;

/// Everything that can be configured.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Config {
    pub(crate) server: Server,
    pub(crate) tls: Tls,
    pub(crate) proxies: Proxies,
    pub(crate) accounts: Accounts,
    pub(crate) limits: Limits,
    pub(crate) engine: Engine,
    pub(crate) store: Store,
    pub(crate) log: Log,
}

/// `[server]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Server {
    /// The address and port to listen on.
    pub(crate) listen: SocketAddr,
    /// The data directory.
    pub(crate) data: PathBuf,
    /// The name of this node in `ready`.
    pub(crate) node: String,
    /// Threads that serve, each with a shard of its own. 0: one for each core.
    pub(crate) workers: usize,
    /// Connections that are open at a time.
    pub(crate) connections_max: usize,
    /// Of those, how many of each worker may have asked for nothing yet.
    pub(crate) openings_max: usize,
    /// Seconds between two pings of a client: it is told, and silence that is 10 s longer ends its connection.
    pub(crate) heartbeat_seconds: u64,
    /// Seconds that clients have to leave when the server goes down.
    pub(crate) drain_seconds: u64,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            data: PathBuf::from("parlance-data"),
            node: "local".to_owned(),
            workers: 0,
            connections_max: 200_000,
            openings_max: 4_096,
            heartbeat_seconds: limits::HEARTBEAT_MS / 1_000,
            drain_seconds: 10,
        }
    }
}

/// `[tls]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Tls {
    /// The file with the certificate and those that lead to one that clients know, in PEM. Empty: connections are plain.
    pub(crate) certificate: PathBuf,
    /// The file with its key, in PEM.
    pub(crate) key: PathBuf,
    /// Seconds after which the files are looked at again.
    pub(crate) reload_seconds: u64,
    /// Seconds that a client has for its handshake.
    pub(crate) handshake_seconds: u64,
}

impl Default for Tls {
    fn default() -> Self {
        Self {
            certificate: PathBuf::new(),
            key: PathBuf::new(),
            reload_seconds: 10,
            handshake_seconds: 10,
        }
    }
}

/// `[proxies]`: who is believed when they say whom they speak for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Proxies {
    /// Where they speak from. Nobody else's `X-Forwarded-For` counts.
    pub(crate) networks: Vec<IpNet>,
    /// Their connections begin with a header of the PROXY protocol, version 1 or 2.
    pub(crate) proxy_protocol: bool,
}

/// `[accounts]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Accounts {
    /// Seconds that an access token lives.
    pub(crate) access_seconds: u64,
    /// Days after which a session that was not used ends.
    pub(crate) session_days: u64,
    pub argon2: Argon2,
}

impl Default for Accounts {
    fn default() -> Self {
        Self { access_seconds: 15 * 60, session_days: 90, argon2: Argon2::default() }
    }
}

/// `[accounts.argon2]`: the cost of a password (argon2id, RFC 9106).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Argon2 {
    pub(crate) memory_kib: u32,
    pub(crate) iterations: u32,
    pub(crate) lanes: u32,
}

impl Default for Argon2 {
    fn default() -> Self {
        Self { memory_kib: 19 * 1024, iterations: 2, lanes: 1 }
    }
}

/// `[engine]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Engine {
    /// MiB of conversations that each worker keeps loaded.
    pub(crate) memory_mib: usize,
}

impl Default for Engine {
    fn default() -> Self {
        Self { memory_mib: 64 }
    }
}

/// `[store]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Store {
    /// MiB of events in memory that blocks do not hold yet.
    pub(crate) tails_mib: usize,
    /// MiB of a segment of the journal.
    pub(crate) segment_mib: u64,
    /// MiB of the disk that the journal leaves free: with less than this and a segment, sends are refused with `storage_full`.
    pub(crate) reserve_mib: u64,
    /// Hours that the journal is kept beyond what recovery needs.
    pub(crate) journal_hours: u64,
    /// MiB of the journal that are kept at most beyond what recovery needs.
    pub(crate) journal_mib: u64,
}

impl Default for Store {
    fn default() -> Self {
        Self {
            tails_mib: 64,
            segment_mib: 64,
            reserve_mib: 64,
            journal_hours: 24,
            journal_mib: 8 * 1024,
        }
    }
}

impl Config {
    pub(super) fn read(root: &mut Section<'_>) -> Self {
        let config = Self {
            server: root.section("server", Server::read),
            tls: root.section("tls", Tls::read),
            proxies: root.section("proxies", Proxies::read),
            accounts: root.section("accounts", Accounts::read),
            limits: root.section("limits", Limits::read),
            engine: root.section("engine", Engine::read),
            store: root.section("store", Store::read),
            log: root.section("log", Log::read),
        };
        root.finish();
        config
    }

    pub(super) fn validate(&self, problems: &mut Vec<String>) {
        let Self { server, tls, proxies, accounts, limits: _, engine, store, log } = self;
        let Argon2 { memory_kib, iterations, lanes } = accounts.argon2;
        let memory_least = u64::from(lanes.max(1)) * 8;
        // Every value that is multiplied or allocated has an end, so that none is found out in the middle of the work.
        for (name, value, least, most) in [
            ("server.workers", server.workers as u64, 0, 1_024),
            ("server.connections_max", server.connections_max as u64, 1, 100_000_000),
            ("server.openings_max", server.openings_max as u64, 1, 1_000_000),
            ("server.heartbeat_seconds", server.heartbeat_seconds, 1, 600),
            // A shutdown ends within 30 s.
            ("server.drain_seconds", server.drain_seconds, 0, 25),
            ("tls.reload_seconds", tls.reload_seconds, 1, 24 * 60 * 60),
            ("tls.handshake_seconds", tls.handshake_seconds, 1, 600),
            ("accounts.access_seconds", accounts.access_seconds, 1, 24 * 60 * 60),
            ("accounts.session_days", accounts.session_days, 1, 10 * 366),
            ("accounts.argon2.memory_kib", memory_kib.into(), memory_least, 4 << 20),
            ("accounts.argon2.iterations", iterations.into(), 1, 1_000),
            ("accounts.argon2.lanes", lanes.into(), 1, 255),
            ("engine.memory_mib", engine.memory_mib as u64, 1, MIB_MAX),
            ("store.tails_mib", store.tails_mib as u64, 1, MIB_MAX),
            ("store.segment_mib", store.segment_mib, 1, 4 * 1024),
            ("store.reserve_mib", store.reserve_mib, 0, MIB_MAX),
            ("store.journal_hours", store.journal_hours, 0, 100 * 366 * 24),
            ("store.journal_mib", store.journal_mib, 0, MIB_MAX),
        ] {
            if !(least..=most).contains(&value) {
                problems.push(format!("{name}: must be from {least} to {most}"));
            }
        }
        log.validate(problems);
        let named = [&tls.certificate, &tls.key].map(|file| !file.as_os_str().is_empty());
        if let [true, false] | [false, true] = named {
            problems.push("tls: certificate and key are both needed, or neither".to_owned());
        }
        if proxies.proxy_protocol && proxies.networks.is_empty() {
            problems.push(
                "proxies.proxy_protocol: needs proxies.networks, since only proxies are believed"
                    .to_owned(),
            );
        }
    }
}

impl Server {
    fn read(section: &mut Section<'_>) -> Self {
        let default = Self::default();
        Self {
            listen: section.value("listen", default.listen),
            data: section.value("data", default.data),
            node: section.value("node", default.node),
            workers: section.value("workers", default.workers),
            connections_max: section.value("connections_max", default.connections_max),
            openings_max: section.value("openings_max", default.openings_max),
            heartbeat_seconds: section.value("heartbeat_seconds", default.heartbeat_seconds),
            drain_seconds: section.value("drain_seconds", default.drain_seconds),
        }
    }
}

impl Tls {
    fn read(section: &mut Section<'_>) -> Self {
        let default = Self::default();
        Self {
            certificate: section.value("certificate", default.certificate),
            key: section.value("key", default.key),
            reload_seconds: section.value("reload_seconds", default.reload_seconds),
            handshake_seconds: section.value("handshake_seconds", default.handshake_seconds),
        }
    }
}

impl Proxies {
    fn read(section: &mut Section<'_>) -> Self {
        let network =
            |text: &str| text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
        Self {
            networks: section.list("networks", "a network such as 10.0.0.0/8", network),
            proxy_protocol: section.value("proxy_protocol", false),
        }
    }
}

impl Accounts {
    fn read(section: &mut Section<'_>) -> Self {
        let default = Self::default();
        Self {
            access_seconds: section.value("access_seconds", default.access_seconds),
            session_days: section.value("session_days", default.session_days),
            argon2: section.section("argon2", Argon2::read),
        }
    }
}

impl Argon2 {
    fn read(section: &mut Section<'_>) -> Self {
        let default = Self::default();
        Self {
            memory_kib: section.value("memory_kib", default.memory_kib),
            iterations: section.value("iterations", default.iterations),
            lanes: section.value("lanes", default.lanes),
        }
    }
}

impl Engine {
    fn read(section: &mut Section<'_>) -> Self {
        Self { memory_mib: section.value("memory_mib", Self::default().memory_mib) }
    }
}

impl Store {
    fn read(section: &mut Section<'_>) -> Self {
        let default = Self::default();
        Self {
            tails_mib: section.value("tails_mib", default.tails_mib),
            segment_mib: section.value("segment_mib", default.segment_mib),
            reserve_mib: section.value("reserve_mib", default.reserve_mib),
            journal_hours: section.value("journal_hours", default.journal_hours),
            journal_mib: section.value("journal_mib", default.journal_mib),
        }
    }
}
