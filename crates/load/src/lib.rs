//! The drill: puts load on a server, breaks it, and judges what clients saw. Owns the generator, the faults, the yardstick and the
//! checker; **the checker shares no code with the engine**, and servers are child processes of this same executable, known only by what
//! they say over the wire and what the kernel says about them.
//!
//! `parlance drill` is [`Cli`] and [`run`]; the hidden `parlance yardstick` is [`Yardstick`] and [`relay`].

mod checker;
mod cli;
mod cores;
mod crowd;
mod disk;
mod error;
mod fleet;
mod flood;
mod history;
mod ids;
mod poll;
mod process;
mod progress;
mod random;
mod replay;
mod report;
mod scan;
mod scenario;
mod socket;
mod stock;
mod surroundings;
mod window;
mod world;
mod yardstick;

pub use checker::{Checker, Observer, Sight, Verdict};
pub use cli::{Cli, Format, Options, Pace, Scenario};
pub use error::LoadError;
pub use report::{Backup, Cold, DoorFigures, Doors, Figures, Ratio, Report, Slow, Stored};
pub use yardstick::{Yardstick, run as relay};

use std::io::{self, Write as _};

use scenario::Stage;

/// Runs a scenario and prints its report. `false`: a check failed, which is exit code 1.
pub fn run(cli: &Cli) -> Result<bool, LoadError> {
    let report = drill(cli)?;
    let mut stdout = io::stdout().lock();
    match cli.options.format {
        Format::Json => {
            serde_json::to_writer(&mut stdout, &report).map_err(io::Error::from)?;
            writeln!(stdout)?;
        }
        Format::Text => write!(stdout, "{report}")?,
    }
    stdout.flush()?;
    Ok(report.passed)
}

/// Runs a scenario.
pub fn drill(cli: &Cli) -> Result<Report, LoadError> {
    let stage = Stage::new(&cli.options)?;
    match &cli.scenario {
        Scenario::Pairs { pairs, pace } => scenario::pairs(&stage, *pairs, *pace),
        Scenario::Group { size, pace } => scenario::group(&stage, *size, *pace),
        Scenario::Idle { connections, devices } => scenario::idle(&stage, *connections, *devices),
        Scenario::Storm { devices, conversations } => {
            scenario::storm(&stage, *devices, *conversations)
        }
        Scenario::History { messages, conversations, readers } => {
            scenario::history(&stage, *messages, *conversations, *readers)
        }
        Scenario::Scatter { conversations, apart } => {
            scenario::scatter(&stage, *conversations, *apart)
        }
        Scenario::Slow { messages, readers } => scenario::slow(&stage, *messages, *readers),
        Scenario::Cold { rate, size, conversations, readers, visits } => {
            let storm = scenario::ColdStorm {
                conversations: *conversations,
                readers: *readers,
                rate: *visits,
            };
            scenario::cold(&stage, *size, *rate, storm)
        }
        Scenario::Stored { messages, conversations, active, pairs } => {
            let store = scenario::Store {
                messages: *messages,
                conversations: *conversations,
                active: *active,
            };
            scenario::stored(&stage, store, *pairs)
        }
        Scenario::Backup { messages, conversations, pairs, rate } => {
            let plan = scenario::BackupPlan {
                messages: *messages,
                conversations: *conversations,
                pairs: *pairs,
                rate: *rate,
            };
            scenario::backup(&stage, plan)
        }
        Scenario::Doors { rooms, period } => scenario::doors(&stage, *rooms, *period),
        Scenario::Crash { kills, pairs } => scenario::crash(&stage, *kills, *pairs),
        Scenario::Replay { files } => scenario::replay(&stage, files),
        Scenario::VerifyOrder { file } => history::verify(file),
    }
}
