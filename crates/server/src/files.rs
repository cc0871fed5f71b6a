//! How many files may be open, and how many of them may be connections.
//!
//! **Law**: connections never take the files that stores need: a server that has no file left for its journal refuses sends.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files beside the connections: segments, tables, accounts, sockets of operators and of the workers.
const OTHERS: u64 = 1_024;
/// Fewer connections than this are worth a warning.
const AMPLE: usize = 10_000;

/// How many connections this limit of open files leaves room for.
pub(crate) fn connections(limit: u64) -> u64 {
    limit.saturating_sub(OTHERS).max(limit / 4)
}

/// The limit that `connections` need.
pub(crate) fn needed(connections: usize) -> u64 {
    connections as u64 + OTHERS
}

/// The limit that this process can raise itself to. `None`: there is none.
pub(crate) fn limit() -> Option<u64> {
    getrlimit(Resource::Nofile).maximum
}

/// Raises the limit as far as `wanted` connections need and it may be. How many there can be.
pub(crate) fn raise(wanted: usize) -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let needed = needed(wanted);
    let mut limit = current;
    if current.is_some_and(|current| current < needed) {
        let raised = Some(maximum.map_or(needed, |maximum| maximum.min(needed)));
        match setrlimit(Resource::Nofile, Rlimit { current: raised, maximum }) {
            Ok(()) => limit = raised,
            Err(error) => tracing::warn!(%error, "could not raise the limit of open files"),
        }
    }
    let Some(limit) = limit.filter(|limit| *limit < needed) else { return wanted };
    let possible = usize::try_from(connections(limit)).unwrap_or(wanted).min(wanted);
    let line = format!(
        "the limit of open files ({limit}) leaves room for {possible} connections, not for {wanted}: raise it (LimitNOFILE=, ulimit -n), or lower server.connections_max"
    );
    // Every desktop has a limit below the default, and few people look for more connections than this there.
    if possible < AMPLE {
        tracing::warn!("{line}");
    } else {
        tracing::info!("{line}");
    }
    possible
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_low_limit_is_shared_and_a_high_one_is_not() {
        assert_eq!(connections(256), 64);
        assert_eq!(connections(2_048), 1_024);
        assert_eq!(connections(needed(200_000)), 200_000);
    }
}
