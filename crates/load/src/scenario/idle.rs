//! `idle`: authenticated connections that do nothing. What does each cost the server in memory?

use std::time::{Duration, Instant};

use super::{Stage, files};
use crate::fleet::{Fleet, Handler};
use crate::progress::Progress;
use crate::scan::{Frame, frames};
use crate::socket::Outgoing;
use crate::world::World;
use crate::{LoadError, Report};

/// The server's allocator and tables come to rest.
const REST: Duration = Duration::from_secs(2);

#[derive(Debug, Default)]
struct Sleepers {
    tokens: Vec<String>,
    ready: usize,
    pongs: usize,
    broken: Option<String>,
}

pub(crate) fn idle(
    stage: &Stage<'_>,
    connections: usize,
    devices: usize,
) -> Result<Report, LoadError> {
    files::raise(connections)?;
    let progress = Progress::new("idle");
    progress.say("signing in");
    let process = stage.own_server("the memory of a server can be read only if it is our child")?;
    let mut world = World::new(process.address())?;
    let accounts = world.sign_up(connections.div_ceil(devices.max(1)))?;
    let mut seats = accounts.clone();
    while seats.len() < connections {
        let count = accounts.len().min(connections - seats.len());
        seats.extend(world.sign_in(&accounts[..count])?);
    }
    let tokens = seats.into_iter().take(connections).map(|seat| seat.token).collect();
    drop(world);
    let mut sleepers = Sleepers { tokens, ..Sleepers::default() };
    let mut fleet = Fleet::new(process.address(), stage.options.seed)?;
    rest(&mut fleet, &mut sleepers)?;
    let before = process.memory_bytes()?;
    for index in 0..connections {
        fleet.connect(index)?;
        if index % 64 == 63 {
            until(&mut fleet, &mut sleepers, |s| s.ready > index)?;
            progress.show(index as u64, "connections");
        }
    }
    until(&mut fleet, &mut sleepers, |s| s.ready == connections)?;
    rest(&mut fleet, &mut sleepers)?;
    let after = process.memory_bytes()?;
    // All of them are alive.
    for index in 0..connections {
        if let Some(out) = fleet.out(index) {
            out.text(r#"{"ping":{"n":1}}"#);
            fleet.flush(index)?;
        }
    }
    until(&mut fleet, &mut sleepers, |s| s.pongs >= connections)?;
    let mut report = Report::new("idle");
    report.sent = connections as u64;
    report.delivered = sleepers.pongs as u64;
    report.bytes_per_connection = Some(after.saturating_sub(before) as f64 / connections as f64);
    report.notes.push(format!(
        "{} accounts with {devices} devices each; resident memory {:.1} MiB before and {:.1} MiB with all connections",
        accounts.len(),
        before as f64 / 1_048_576.0,
        after as f64 / 1_048_576.0
    ));
    Ok(report)
}

fn until(
    fleet: &mut Fleet,
    sleepers: &mut Sleepers,
    done: impl Fn(&Sleepers) -> bool,
) -> Result<(), LoadError> {
    let deadline = Instant::now() + Duration::from_mins(1);
    while !done(sleepers) {
        fleet.turn(Duration::from_millis(50), sleepers)?;
        if let Some(what) = sleepers.broken.take() {
            return Err(LoadError::Broken(what));
        }
        if Instant::now() > deadline {
            return Err(LoadError::Timeout("idle connections"));
        }
    }
    Ok(())
}

fn rest(fleet: &mut Fleet, sleepers: &mut Sleepers) -> Result<(), LoadError> {
    let end = Instant::now() + REST;
    while Instant::now() < end {
        fleet.turn(Duration::from_millis(100), sleepers)?;
    }
    Ok(())
}

impl Handler for Sleepers {
    fn opened(&mut self, index: usize, out: &mut Outgoing) {
        out.text(&format!(r#"{{"hello":{{"token":"{}"}}}}"#, self.tokens[index]));
    }

    fn text(&mut self, index: usize, text: &str, _: &mut Outgoing) {
        let scanned = frames(text, |frame| match frame {
            Frame::Other("ready", _) => self.ready += 1,
            Frame::Other("pong", _) => self.pongs += 1,
            Frame::Other(name @ ("error" | "bye"), value) => {
                self.broken = Some(format!("connection {index}: {name} {value}"));
            }
            _ => {}
        });
        if let Err(error) = scanned {
            self.broken = Some(error.to_string());
        }
    }

    fn closed(&mut self, index: usize) {
        self.broken = Some(format!("connection {index} was closed"));
    }
}
