//! Figures that only one scenario has, because a budget asks for them.

use serde::Serialize;

/// `cold`: a busy group without and with a storm of conversations that are not in memory beside it.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Cold {
    /// Of the group alone, from sending to delivery.
    pub p50_alone_ms: f64,
    /// See `p50_alone_ms`.
    pub p99_alone_ms: f64,
    /// Of the group while the storm goes on.
    pub p50_beside_ms: f64,
    /// See `p50_beside_ms`.
    pub p99_beside_ms: f64,
    /// `p99_beside_ms` over `p99_alone_ms`.
    pub p99_ratio: f64,
    /// Cold conversations that the storm read or wrote to, a second.
    pub visits_per_s: f64,
    /// From asking to the answer, for the storm.
    pub visit_p99_ms: f64,
}

/// `backup`: conversations without and with backups beside them.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Backup {
    /// From sending to delivery, while no backup is taken.
    pub p50_alone_ms: f64,
    /// See `p50_alone_ms`.
    pub p99_alone_ms: f64,
    /// The same while backups are taken, one after the other.
    pub p50_beside_ms: f64,
    /// See `p50_beside_ms`.
    pub p99_beside_ms: f64,
    /// `p99_beside_ms` over `p99_alone_ms`.
    pub p99_ratio: f64,
    /// Backups that were taken.
    pub backups: u64,
    /// How long one took.
    pub seconds: f64,
    /// What it takes of the disk.
    pub bytes: u64,
}

/// `doors`: devices that change their door.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Doors {
    /// Changes of door.
    pub changes: u64,
    /// Of those who moved, over a WebSocket with JSON.
    pub socket: DoorFigures,
    /// Over a WebSocket with Protocol Buffers.
    pub protobuf: DoorFigures,
    /// Over an event stream.
    pub stream: DoorFigures,
    /// By long polling.
    pub poll: DoorFigures,
    /// Messages that were sent and not acknowledged in the end.
    pub unacknowledged: u64,
}

/// What came through one door.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct DoorFigures {
    /// Connections.
    pub connections: u64,
    /// Events.
    pub events: u64,
}

/// `stored`: a server with much in its store.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Stored {
    /// Messages that were stored before anything was measured.
    pub messages: u64,
    /// They were written at this rate.
    pub fill_per_s: f64,
    /// On the disk, everything but the journal, for each message.
    pub bytes_per_message: f64,
    /// The journal beside it, as its retention has it.
    pub journal_bytes: u64,
    /// From the start of the process to `/ready`, after a clean stop.
    pub start_clean_ms: f64,
    /// The same after a kill -9 under load.
    pub start_killed_ms: f64,
    /// Resident memory of the server that has just stored all this.
    pub memory_filled_bytes: u64,
    /// Conversations that are written to while the memory is read.
    pub active: u64,
    /// Resident memory of the server meanwhile.
    pub memory_bytes: u64,
    /// `pairs` on an empty store, messages a second.
    pub empty_per_s: f64,
    /// The same on the full store.
    pub full_per_s: f64,
    /// `full_per_s` over `empty_per_s`.
    pub rate_ratio: f64,
}

/// `slow`: the same flood with and without slow readers.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Slow {
    /// How long the flood with slow readers took.
    pub flood_s: f64,
    /// Resident memory of the server at rest after the flood, while the slow readers are still slow.
    pub memory_bytes: u64,
    /// The same after the floods without slow readers, before and after: what two equal runs differ by is noise.
    pub memory_without_bytes: [u64; 2],
    /// `memory_bytes` over the mean of `memory_without_bytes`.
    pub memory_ratio: f64,
    /// The same ratio of the most that was seen during the floods.
    pub memory_peak_ratio: f64,
    /// How often a slow reader was told that it lags.
    pub lags: u64,
    /// From reading at full speed to having everything.
    pub caught_up_s: f64,
}

/// What one line of text says: a name, a figure and its unit.
pub(super) type Line = (&'static str, f64, &'static str);

const MIB: f64 = 1_048_576.0;

impl Cold {
    pub(super) const fn lines(&self) -> [Line; 7] {
        [
            ("p50 alone", self.p50_alone_ms, "ms"),
            ("p50 beside the storm", self.p50_beside_ms, "ms"),
            ("p99 alone", self.p99_alone_ms, "ms"),
            ("p99 beside the storm", self.p99_beside_ms, "ms"),
            ("ratio of p99", self.p99_ratio, ""),
            ("cold visits", self.visits_per_s, "per second"),
            ("p99 of a visit", self.visit_p99_ms, "ms"),
        ]
    }
}

impl Doors {
    pub(crate) fn at(&mut self, door: parlance_client::Door) -> &mut DoorFigures {
        match door {
            parlance_client::Door::Socket => &mut self.socket,
            parlance_client::Door::Protobuf => &mut self.protobuf,
            parlance_client::Door::Stream => &mut self.stream,
            parlance_client::Door::Poll => &mut self.poll,
        }
    }

    pub(super) const fn lines(&self) -> [Line; 9] {
        [
            ("changes of door", self.changes as f64, ""),
            ("by WebSocket", self.socket.connections as f64, "connections"),
            ("by WebSocket", self.socket.events as f64, "events"),
            ("by Protocol Buffers", self.protobuf.connections as f64, "connections"),
            ("by Protocol Buffers", self.protobuf.events as f64, "events"),
            ("by event stream", self.stream.connections as f64, "connections"),
            ("by event stream", self.stream.events as f64, "events"),
            ("by long polling", self.poll.connections as f64, "connections"),
            ("by long polling", self.poll.events as f64, "events"),
        ]
    }
}

impl Backup {
    pub(super) const fn lines(&self) -> [Line; 8] {
        [
            ("p50 alone", self.p50_alone_ms, "ms"),
            ("p50 beside backups", self.p50_beside_ms, "ms"),
            ("p99 alone", self.p99_alone_ms, "ms"),
            ("p99 beside backups", self.p99_beside_ms, "ms"),
            ("ratio of p99", self.p99_ratio, ""),
            ("backups", self.backups as f64, ""),
            ("a backup takes", self.seconds, "s"),
            ("and of the disk", self.bytes as f64 / MIB, "MiB"),
        ]
    }
}

impl Stored {
    pub(super) const fn lines(&self) -> [Line; 11] {
        [
            ("messages stored", self.messages as f64, ""),
            ("stored at", self.fill_per_s, "per second"),
            ("on disk", self.bytes_per_message, "bytes per message"),
            ("journal beside it", self.journal_bytes as f64 / MIB, "MiB"),
            ("start after a clean stop", self.start_clean_ms, "ms"),
            ("start after kill -9", self.start_killed_ms, "ms"),
            ("memory after filling", self.memory_filled_bytes as f64 / MIB, "MiB"),
            ("memory", self.memory_bytes as f64 / MIB, "MiB"),
            ("pairs on an empty store", self.empty_per_s, "per second"),
            ("pairs on the full store", self.full_per_s, "per second"),
            ("ratio of these", self.rate_ratio, ""),
        ]
    }
}

impl Slow {
    pub(super) const fn lines(&self) -> [Line; 7] {
        let [before, after] = self.memory_without_bytes;
        [
            ("the flood took", self.flood_s, "s"),
            ("memory with slow readers", self.memory_bytes as f64 / MIB, "MiB"),
            ("memory without, before", before as f64 / MIB, "MiB"),
            ("memory without, after", after as f64 / MIB, "MiB"),
            ("ratio of memory", self.memory_ratio, ""),
            ("ratio of its peaks", self.memory_peak_ratio, ""),
            ("caught up in", self.caught_up_s, "s"),
        ]
    }
}
