//! Every figure that a node shows in `/metrics`, once: `docs/metrics.md`, what is rendered, dashboards and alerts are held against [`TABLE`].
//!
//! Names follow Prometheus: a base unit at the end, `_total` behind what only grows. Labels are bounded words, never ids.

use std::fmt;

/// How a figure moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FigureKind {
    /// Only grows, and begins at 0 when the server starts.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts by size.
    Histogram,
}

impl fmt::Display for FigureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        })
    }
}

/// A row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Figure {
    pub name: &'static str,
    pub kind: FigureKind,
    /// Of the values; empty: a count of things.
    pub unit: &'static str,
    /// Names of labels.
    pub labels: &'static [&'static str],
    pub help: &'static str,
    /// What to think when it is high, or rises.
    pub high: &'static str,
}

macro_rules! figures {
    ($($constant:ident $name:literal $kind:ident $unit:literal [$($label:literal),*] $help:literal $high:literal)*) => {
        $(
            #[doc = $help]
            pub const $constant: Figure = Figure {
                name: $name,
                kind: FigureKind::$kind,
                unit: $unit,
                labels: &[$($label),*],
                help: $help,
                high: $high,
            };
        )*

        /// Every figure, in the order in which they are shown.
        pub const TABLE: &[Figure] = &[$($constant),*];
    };
}

figures! {
    READY "parlance_ready" Gauge "" [] "Whether the node should get traffic." "0 is bad: `/ready` says why"
    BUILD "parlance_build_info" Gauge "" ["version"] "Always 1; the version that runs." "-"
    CONNECTIONS "parlance_connections" Gauge "" ["door"] "Open connections, by door." "near `server.connections_max` new ones are turned away"
    OPENED "parlance_connections_opened_total" Counter "" ["door"] "Connections that were opened, by door." "without more people: clients come back again and again, look for a proxy that cuts them off"
    LAGGING "parlance_connections_lagging" Gauge "" [] "Connections that lag: pushes have stopped until their client has caught up." "clients or their network are too slow for what they get"
    LAGS "parlance_lags_total" Counter "" [] "Times that a connection began to lag." "as above; each costs the client a listing"
    QUEUED "parlance_connection_queue_bytes" Gauge "bytes" [] "Bytes queued to connections that did not take them at once." "slow clients take memory; each is bounded"
    FRAMES "parlance_frames_total" Counter "" [] "Frames taken from clients." "load"
    SOCKET_READS "parlance_socket_reads_total" Counter "" [] "Reads from sockets." "load; reads per frame above 1 are small frames split"
    SOCKET_WRITES "parlance_socket_writes_total" Counter "" [] "Writes to sockets." "most of the cost of a message; writes per delivery fall under load"
    SOCKET_READ_BYTES "parlance_socket_read_bytes_total" Counter "bytes" [] "Bytes read from sockets." "load"
    SOCKET_WRITTEN_BYTES "parlance_socket_written_bytes_total" Counter "bytes" [] "Bytes written to sockets." "load"
    HTTP_ANSWERS "parlance_http_answers_total" Counter "" ["class"] "Answers to HTTP requests, by class of status." "5xx: look at the log; 4xx: a client does something wrong"
    OKS "parlance_ok_total" Counter "" [] "Commands acknowledged: they are durable." "load"
    ERRORS "parlance_errors_total" Counter "" ["code"] "Refusals, by code of `docs/protocol.md`." "`internal`, `unavailable`, `outcome_unknown`, `storage_full`: the server; `unauthenticated`, `token_expired`, `session_revoked`: tokens refused; others: clients"
    LIMITED "parlance_rate_limited_total" Counter "" ["bucket"] "Refusals because a bucket of `docs/limits.md` was empty, by bucket." "`sign_in_…`: somebody guesses passwords; `commands_…`: a client loops, or the limit is too low"
    ACK "parlance_ack_seconds" Histogram "seconds" [] "From a command's arrival to its acknowledgement, and to its pushes." "people wait; compare with `parlance_group_seconds` and `parlance_sync_seconds`"
    GROUP "parlance_group_seconds" Histogram "seconds" [] "From a group's submission to its durability: the commit." "the disk is slow, or groups are large"
    GROUP_EVENTS "parlance_group_events" Histogram "" [] "Events in a group." "load: more messages share a sync"
    GROUPS_FAILED "parlance_groups_failed_total" Counter "" [] "Groups that were not committed." "anything but 0: the disk is full or broken"
    SYNC "parlance_sync_seconds" Histogram "seconds" [] "Writing and syncing one group of the journal." "the disk is slow: `parlance doctor` measures it"
    JOURNAL_RECORDS "parlance_journal_records_total" Counter "" [] "Records written to the journal." "load"
    JOURNAL_WRITTEN "parlance_journal_written_bytes_total" Counter "bytes" [] "Bytes written to the journal." "load; by records it is the size of a message on disk"
    JOURNAL "parlance_journal_bytes" Gauge "bytes" [] "What the journal takes on the disk." "bounded by `store.journal_mib`; beyond, the flusher does not get on"
    DISK_FREE "parlance_disk_free_bytes" Gauge "bytes" [] "What is free on the disk of the data directory." "low is bad: below `store.reserve_mib` and a segment sends are refused"
    DELIVERIES "parlance_deliveries_total" Counter "" [] "Events queued to connections: the fan-out." "load: large groups with many people online"
    MAILBOX "parlance_commands_queued" Gauge "" ["shard"] "Commands that wait in the mailbox of a shard." "the shard does not keep up: the processor or the disk is the limit"
    MAILBOX_MAX "parlance_commands_queued_max" Gauge "" [] "Commands that a mailbox takes; beyond, `unavailable`." "-"
    WAKES "parlance_shard_wakes_total" Counter "" [] "Times that a shard took commands." "by acknowledgements near 1: little load, nothing is shared"
    LOADED "parlance_conversations_loaded" Gauge "" ["shard"] "Conversations in memory." "bounded by `engine.memory_mib`"
    LOADED_BYTES "parlance_conversations_loaded_bytes" Gauge "bytes" ["shard"] "Bytes of the conversations in memory." "near `engine.memory_mib`: idle ones are dropped"
    LOADS "parlance_loads_total" Counter "" [] "Conversations loaded from the store: cold." "against cache hits: more memory would help"
    HITS "parlance_cache_hits_total" Counter "" ["shard"] "Commands and questions whose conversation was in memory." "good"
    PANICS "parlance_panics_total" Counter "" [] "Panics that were caught: one command was refused." "anything but 0 is a bug; the log names the conversation"
    BACKUP "parlance_backup_timestamp_seconds" Gauge "seconds" [] "When this server took its last backup, in seconds since 1970; 0: not since it started." "old is bad: the backups do not run"
    CERTIFICATE "parlance_certificate_expiry_timestamp_seconds" Gauge "seconds" [] "When the certificate ends, in seconds since 1970. Only where there is one." "near is bad: renew it; the files are reloaded by themselves"
    CPU "process_cpu_seconds_total" Counter "seconds" [] "Processor time of the process." "at the number of cores there is no more"
    RESIDENT "process_resident_memory_bytes" Gauge "bytes" [] "Memory of the process." "rising without more connections or conversations: a leak"
    FDS "process_open_fds" Gauge "" [] "Open file descriptors." "near the maximum no connection can be accepted"
    FDS_MAX "process_max_fds" Gauge "" [] "File descriptors that the process may have." "-"
    STARTED "process_start_time_seconds" Gauge "seconds" [] "When the process started, in seconds since 1970." "it changes often: it crashes, or somebody restarts it"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_rules_of_prometheus() {
        for (index, figure) in TABLE.iter().enumerate() {
            let Figure { name, kind, unit, .. } = figure;
            assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{name}");
            assert!(name.starts_with("parlance_") || name.starts_with("process_"), "{name}");
            assert_eq!(name.ends_with("_total"), *kind == FigureKind::Counter, "{name}");
            let base = name.strip_suffix("_total").unwrap_or(name);
            for base_unit in ["seconds", "bytes"] {
                assert_eq!(base.ends_with(base_unit), *unit == base_unit, "{name}: {unit}");
            }
            assert!(["_bucket", "_sum", "_count"].iter().all(|end| !name.ends_with(end)), "{name}");
            assert!(TABLE[..index].iter().all(|other| other.name != *name), "{name} twice");
        }
    }
}
