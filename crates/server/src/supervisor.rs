//! What the process tells the one that supervises it (systemd's `sd_notify`): that it is ready, that it stops, that it still moves.
//!
//! A few lines over a datagram socket whose address comes with the environment. Without one it tells nobody. **Law**: a sign of life is only
//! given while every worker gives one: a supervisor that hears nothing starts the process again.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::config::Supervision;
use crate::workers::Pulses;

/// Who supervises this process, if somebody does.
pub(crate) struct Supervisor {
    place: Option<(UnixDatagram, SocketAddr)>,
    /// It expects a sign of life at least so often.
    patience: Option<Duration>,
}

impl Supervisor {
    /// An address that cannot be used is worth a line, and no more: serving matters more than telling of it.
    pub(crate) fn new(supervision: Supervision) -> Self {
        let Supervision { address, patience } = supervision;
        let place = address.and_then(|address| {
            let bytes = address.as_bytes();
            let found = match bytes.strip_prefix(b"@") {
                Some(name) => SocketAddr::from_abstract_name(name),
                None => SocketAddr::from_pathname(&address),
            };
            let socket = UnixDatagram::unbound().and_then(|socket| {
                socket.set_nonblocking(true)?;
                Ok((socket, found?))
            });
            socket.inspect_err(|error| tracing::warn!(%error, "NOTIFY_SOCKET cannot be used")).ok()
        });
        Self { place, patience }
    }

    /// How often it wants a sign of life. `None`: it wants none.
    pub(crate) fn patience(&self) -> Option<Duration> {
        self.patience.filter(|_| self.place.is_some())
    }

    pub(crate) fn ready(&self) {
        self.tell("READY=1");
    }

    pub(crate) fn stopping(&self) {
        self.tell("STOPPING=1");
    }

    /// Gives signs of life while all workers do, until `stop`.
    pub(crate) async fn keep_telling(&self, pulses: Pulses, stop: &CancellationToken) {
        let Some(patience) = self.patience() else { return };
        let mut was_alive = true;
        loop {
            let is_alive = pulses.oldest() < patience / 2;
            if is_alive {
                self.tell("WATCHDOG=1");
            } else if was_alive {
                tracing::error!(
                    "a worker does not move any more: the supervisor is told nothing until it does"
                );
            }
            was_alive = is_alive;
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(patience / 4) => {}
            }
        }
    }

    fn tell(&self, what: &str) {
        let Some((socket, address)) = &self.place else { return };
        if let Err(error) = socket.send_to_addr(what.as_bytes(), address) {
            tracing::warn!(%error, what, "could not tell the supervisor");
        }
    }
}
