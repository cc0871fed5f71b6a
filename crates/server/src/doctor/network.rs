//! What clients meet: the port, the queue before it, the certificate.

use std::io::ErrorKind;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;

use parlance_engine::clock::{Clock, SystemClock};

use super::Finding;
use crate::certificate::{self, RENEW_DAYS};
use crate::config::Config;
use crate::{admin, serve};

pub(super) fn port(config: &Config) -> Finding {
    const CHECK: &str = "port";
    let listen = config.server.listen;
    match TcpListener::bind(listen) {
        Ok(_) => Finding::good(CHECK, format!("{listen} can be listened on")),
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            if admin::is_served(&config.server.data) {
                let found =
                    format!("{listen} is in use while a server runs on this data directory");
                return Finding::good(CHECK, found);
            }
            let remedy = format!(
                "stop who listens there (`ss -ltnp 'sport = :{}'` names it), or set server.listen",
                listen.port()
            );
            Finding::wrong(CHECK, format!("{listen} is in use"), remedy)
        }
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            let remedy = "take a port from 1024 on, or give the right to (AmbientCapabilities=CAP_NET_BIND_SERVICE in the unit)";
            Finding::wrong(CHECK, format!("this user may not listen on {listen}"), remedy)
        }
        Err(error) => {
            let remedy = "set server.listen to an address of this machine";
            Finding::wrong(CHECK, format!("{listen} cannot be listened on: {error}"), remedy)
        }
    }
}

pub(super) fn queue(_: &Config) -> Finding {
    const CHECK: &str = "accept queue";
    const FILE: &str = "/proc/sys/net/core/somaxconn";
    let wanted = serve::BACKLOG;
    let text = std::fs::read_to_string(FILE).unwrap_or_default();
    match text.trim().parse::<i32>() {
        Ok(found) if found < wanted => {
            let remedy = format!(
                "sysctl net.core.somaxconn={wanted}: when all clients come back at once, the rest waits for a second and more"
            );
            Finding::warning(CHECK, format!("at most {found} connections wait in it"), remedy)
        }
        Ok(found) => {
            Finding::good(CHECK, format!("{} connections may wait in it", found.min(wanted)))
        }
        Err(_) => Finding::good(CHECK, "the system does not say how long it may be"),
    }
}

pub(super) fn certificate(config: &Config) -> Finding {
    const CHECK: &str = "certificate";
    let Some(files) = certificate::files(config) else {
        if certificate::is_served_plainly(config) {
            let listen = config.server.listen;
            let remedy = "set [tls], or put a proxy before it and name that in proxies.networks";
            return Finding::warning(
                CHECK,
                format!("none: plain HTTP for strangers on {listen}"),
                remedy,
            );
        }
        return Finding::good(CHECK, "none, and none is needed: strangers do not reach the port");
    };
    let validity = match files.validity() {
        Ok(validity) => validity,
        Err(error) => {
            return Finding::wrong(
                CHECK,
                error.to_string(),
                "put both files right: [tls] names them",
            );
        }
    };
    let now = (SystemClock.now().as_ms() / 1_000).cast_signed();
    let (from, until) = (validity.from_text(), validity.until_text());
    let remedy = format!(
        "put a new one in {}: a server takes it without a restart",
        files.certificate.display()
    );
    if validity.is_over(now) {
        return Finding::wrong(CHECK, format!("expired {until}"), remedy);
    }
    if validity.is_invalid(now) {
        return Finding::wrong(
            CHECK,
            format!("holds from {from} on"),
            "look at the clock, or put another",
        );
    }
    let mode = std::fs::metadata(&files.key).map(|found| found.permissions().mode());
    if mode.is_ok_and(|mode| mode & 0o007 != 0) {
        let name = files.key.display();
        let found = format!("holds until {until}, but everybody can read {name}");
        return Finding::warning(CHECK, found, format!("chmod o= {name}"));
    }
    let days = validity.days_left(now);
    if days < RENEW_DAYS {
        return Finding::warning(CHECK, format!("holds until {until}: {days} days"), remedy);
    }
    Finding::good(CHECK, format!("holds until {until}, and the key is its own"))
}
