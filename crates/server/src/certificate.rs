//! The certificate of a running server: its files are looked at now and then, and what is found is said.
//!
//! A new certificate is shown to new connections and disturbs none that is open. What cannot be used changes nothing. It decides when to look
//! and what to say; how a certificate is read and shown is the gateway's.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parlance_engine::clock::Clock;
use parlance_gateway::{CertificateFiles, Look, Tls, Validity};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::cli::Failure;
use crate::config::Config;

/// Days before the end of a certificate from which on it is spoken of.
pub(crate) const RENEW_DAYS: i64 = 14;
/// Between two lines about the same.
const AGAIN: Duration = Duration::from_hours(24);

/// The files that the configuration names. `None`: connections are plain.
pub(crate) fn files(config: &Config) -> Option<CertificateFiles> {
    let tls = &config.tls;
    let named = !tls.certificate.as_os_str().is_empty();
    named.then(|| CertificateFiles { certificate: tls.certificate.clone(), key: tls.key.clone() })
}

/// Reads the certificate. What cannot be used stops the start; one that has expired does not, since that helps nobody.
pub(crate) fn open(config: &Config) -> Result<Option<Tls>, Failure> {
    let Some(files) = files(config) else {
        warn_of_plain(config);
        return Ok(None);
    };
    let tls = Tls::open(files).map_err(|error| format!("[tls]: {error}"))?;
    Ok(Some(tls))
}

/// Whether strangers are served without TLS. Behind a proxy it is the proxy that speaks it.
pub(crate) fn is_served_plainly(config: &Config) -> bool {
    files(config).is_none()
        && is_public(config.server.listen.ip())
        && config.proxies.networks.is_empty()
}

fn warn_of_plain(config: &Config) {
    if is_served_plainly(config) {
        let listen = config.server.listen;
        tracing::warn!(
            "whoever sits between clients and {listen} can read everything: serving plain HTTP on a public address; set [tls], or put a proxy before it and name that in proxies.networks"
        );
    }
}

/// Whether strangers may reach it: all addresses of a machine, or one that is neither its own nor of a private network.
fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(it) => !(it.is_loopback() || it.is_private() || it.is_link_local()),
        IpAddr::V6(it) => !(it.is_loopback() || it.is_unique_local() || it.is_unicast_link_local()),
    }
}

/// Looks at the files until `stop`: every so often, and at once after SIGHUP.
pub(crate) async fn watch(
    tls: Tls,
    config: Config,
    clock: Arc<dyn Clock>,
    stop: CancellationToken,
) {
    let pause = Duration::from_secs(config.tls.reload_seconds);
    let mut reminder = Reminder::default();
    let mut hangup = match signal(SignalKind::hangup()) {
        Ok(hangup) => Some(hangup),
        Err(error) => {
            tracing::warn!(%error, "cannot listen to SIGHUP; the certificate is looked at all the same");
            None
        }
    };
    loop {
        reminder.speak(tls.validity(), seconds(&*clock), &config);
        tokio::select! {
            () = stop.cancelled() => return,
            () = hung_up(&mut hangup) => {}
            () = tokio::time::sleep(pause) => {}
        }
        match tls.look(seconds(&*clock)) {
            Look::Unchanged => {}
            Look::Renewed(validity) => {
                let until = validity.until_text();
                tracing::info!(%until, "new connections get the new certificate");
                reminder = Reminder::default();
            }
            Look::Kept(error) => {
                tracing::error!(%error, "the certificate stays as it is: the new files cannot be used");
            }
        }
    }
}

async fn hung_up(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => {
            signal.recv().await;
        }
        None => std::future::pending().await,
    }
}

fn seconds(clock: &dyn Clock) -> i64 {
    (clock.now().as_ms() / 1_000).cast_signed()
}

/// What is the matter with the time of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Matter {
    Over,
    NotYet,
    Soon,
}

/// Says it once a day, and when it changes.
#[derive(Debug, Default)]
struct Reminder {
    said: Option<(Matter, Instant)>,
}

impl Reminder {
    fn speak(&mut self, validity: Validity, now: i64, config: &Config) {
        let matter = if validity.is_over(now) {
            Matter::Over
        } else if validity.is_invalid(now) {
            Matter::NotYet
        } else if validity.days_left(now) < RENEW_DAYS {
            Matter::Soon
        } else {
            return;
        };
        if self.said.is_some_and(|(said, when)| said == matter && when.elapsed() < AGAIN) {
            return;
        }
        self.said = Some((matter, Instant::now()));
        let (from, until) = (validity.from_text(), validity.until_text());
        let file = config.tls.certificate.display();
        match matter {
            Matter::Over => tracing::error!(
                "the certificate expired {until} and clients refuse it: put a new one in {file}, it is taken without a restart"
            ),
            Matter::NotYet => tracing::error!(
                "the certificate holds from {from} on and clients refuse it until then: look at the clock of this machine, or put another in {file}"
            ),
            Matter::Soon => tracing::warn!(
                "the certificate expires {until}: put a new one in {file}, it is taken without a restart"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_strangers_may_reach_is_public() {
        let public = |text: &str| is_public(text.parse().expect("an address"));
        for text in ["0.0.0.0", "::", "203.0.113.9", "2001:db8::1", "::ffff:203.0.113.9"] {
            assert!(public(text), "{text}");
        }
        for text in ["127.0.0.1", "::1", "10.1.2.3", "192.168.0.1", "fd00::1", "::ffff:127.0.0.1"] {
            assert!(!public(text), "{text}");
        }
    }
}
