//! The command line of `parlance drill`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// Puts load on a server, breaks it, and checks that nothing acknowledged is lost, nothing comes twice and everybody sees one order.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Example: parlance drill pairs --seconds 5 --yardstick --format json")]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub scenario: Scenario,
    /// How it is done.
    #[command(flatten)]
    pub options: Options,
}

/// What holds for every scenario.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// A server that runs already (plain http://); otherwise a temporary one is started as a child process.
    #[arg(long, global = true, value_name = "URL")]
    pub address: Option<String>,
    /// Length of one measured window.
    #[arg(long, global = true, default_value_t = 5.0)]
    pub seconds: f64,
    /// Measured windows; the median counts. 1 by default, 3 with --yardstick.
    #[arg(long, global = true)]
    pub windows: Option<usize>,
    /// How the result is written.
    #[arg(long, global = true, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Measure a bare relay (WebSocket in, fsync, out) in the same run, window by window, and compare.
    #[arg(long, global = true)]
    pub yardstick: bool,
    /// Write what every observer saw as JSON lines, for verify-order.
    #[arg(long, global = true, value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// Keep the server's data in this directory, and use what is there.
    #[arg(long, global = true, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Repeat a run: the same seed makes the same choices.
    #[arg(long, global = true, default_value_t = 1)]
    pub seed: u64,
    /// Measure the relay alone: what this machine and this generator can do at all.
    #[arg(long, global = true, hide = true)]
    pub yardstick_only: bool,
    /// The program to run as server and yardstick, instead of this one.
    #[arg(long, global = true, hide = true, value_name = "FILE")]
    pub executable: Option<PathBuf>,
}

/// How a result is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// One object.
    Json,
}

/// The scenarios.
#[derive(Clone, Debug, Subcommand)]
pub enum Scenario {
    /// One sends and one receives, in each of many 1:1 conversations.
    Pairs {
        /// Conversations.
        #[arg(long, default_value_t = 100)]
        pairs: usize,
        #[command(flatten)]
        pace: Pace,
    },
    /// One sends to a group whose members are all online.
    Group {
        /// Members, the sender included.
        #[arg(long, default_value_t = 250)]
        size: usize,
        #[command(flatten)]
        pace: Pace,
    },
    /// Connections that do nothing: what does each cost in memory?
    Idle {
        /// Open connections.
        #[arg(long, default_value_t = 10_000)]
        connections: usize,
        /// Devices of each account.
        #[arg(long, default_value_t = 5)]
        devices: usize,
    },
    /// Many devices lose their connections at once and come back: how long until all are resumed?
    Storm {
        /// Devices.
        #[arg(long, default_value_t = 2_000)]
        devices: usize,
        /// Conversations of each account.
        #[arg(long, default_value_t = 20)]
        conversations: usize,
    },
    /// The last 50 messages of random conversations, over and over.
    History {
        /// Messages to store first.
        #[arg(long, default_value_t = 100_000)]
        messages: usize,
        /// Conversations that they are spread over.
        #[arg(long, default_value_t = 1_000)]
        conversations: usize,
        /// Connections that ask.
        #[arg(long, default_value_t = 50)]
        readers: usize,
    },
    /// Everybody writes to everybody, two messages to a conversation: hardly one of them finds its conversation busy.
    Scatter {
        /// Direct conversations.
        #[arg(long, default_value_t = 100_000)]
        conversations: u64,
        /// The second message is written by the same account after every conversation had its first, and finds it cold; without, it
        /// is the other's reply.
        #[arg(long)]
        apart: bool,
    },
    /// A flood with readers that take a kilobyte a second: memory must stand, and afterwards they must have everything.
    Slow {
        /// Messages of the flood.
        #[arg(long, default_value_t = 100_000)]
        messages: u64,
        /// Slow readers, beside one that is not.
        #[arg(long, default_value_t = 5)]
        readers: usize,
    },
    /// A busy group, alone and beside a storm of visits to conversations that are not in memory: how much later do its messages come?
    Cold {
        /// Messages of the group a second.
        #[arg(long, default_value_t = 500.0)]
        rate: f64,
        /// Members of the group, all online.
        #[arg(long, default_value_t = 50)]
        size: usize,
        /// Conversations that the storm goes through.
        #[arg(long, default_value_t = 20_000)]
        conversations: usize,
        /// Connections of the storm.
        #[arg(long, default_value_t = 100)]
        readers: usize,
        /// Visits a second; otherwise each answer triggers the next, which takes all that the server has.
        #[arg(long)]
        visits: Option<f64>,
    },
    /// A full store: bytes on disk, start-up after a stop and after kill -9, memory, and pairs against an empty store.
    Stored {
        /// Messages to store first.
        #[arg(long, default_value_t = 1_000_000)]
        messages: u64,
        /// Conversations that they are spread over.
        #[arg(long, default_value_t = 20_000)]
        conversations: usize,
        /// Conversations that are active while memory is read.
        #[arg(long, default_value_t = 1_000)]
        active: usize,
        /// Conversations of the comparison with an empty store.
        #[arg(long, default_value_t = 100)]
        pairs: usize,
    },
    /// Conversations on a full store, alone and beside backups: how much later do messages come? The last backup is restored and verified.
    Backup {
        /// Messages to store first.
        #[arg(long, default_value_t = 200_000)]
        messages: u64,
        /// Conversations that they are spread over.
        #[arg(long, default_value_t = 5_000)]
        conversations: usize,
        /// Conversations that go on.
        #[arg(long, default_value_t = 100)]
        pairs: usize,
        /// Messages a second in them.
        #[arg(long, default_value_t = 1_000.0)]
        rate: f64,
    },
    /// Devices that change their door (WebSocket in both encodings, event stream, long polling) again and again under load end with the same
    /// logs as those that never do.
    Doors {
        /// Rooms: in each a device that stays, one that moves, and one that only listens.
        #[arg(long, default_value_t = 5)]
        rooms: usize,
        /// Seconds between two changes.
        #[arg(long, default_value_t = 2.0)]
        period: f64,
    },
    /// kill -9 and restart, again and again, under load.
    Crash {
        /// How often.
        #[arg(long, default_value_t = 10)]
        kills: usize,
        /// Conversations under load.
        #[arg(long, default_value_t = 20)]
        pairs: usize,
    },
    /// Plays recorded conversations: `[HH:MM] <nick> text`, one group per file, one account per nickname.
    Replay {
        /// Logs, and `*.annotation.txt` with the replies in them.
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Judges a history that --record wrote.
    VerifyOrder {
        /// The history.
        file: PathBuf,
    },
}

/// How fast messages are sent.
#[derive(Clone, Copy, Debug, Args)]
pub struct Pace {
    /// Messages of one sender that are not acknowledged yet.
    #[arg(long, default_value_t = 4)]
    pub window: u32,
    /// Messages a second over all senders, whatever the answers; otherwise each answer triggers the next.
    #[arg(long)]
    pub rate: Option<f64>,
}
