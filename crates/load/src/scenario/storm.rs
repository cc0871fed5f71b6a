//! `storm`: every device loses its connection and comes back at the same moment, with a current cursor. How long until all are ready,
//! and does everybody get what happens next?

use std::time::{Duration, Instant};

use http::Method;
use parlance_types::ConversationId;
use serde_json::json;

use super::{Stage, files};
use crate::checker::{Observer, Sight};
use crate::fleet::{Fleet, Handler};
use crate::history::Judge;
use crate::ids;
use crate::progress::Progress;
use crate::random::Random;
use crate::report::{Latencies, latencies, median, quantile_ms};
use crate::scan::{Frame, field, frames, parse_hash};
use crate::socket::Outgoing;
use crate::world::{Ask, Seat, World};
use crate::{LoadError, Report};

const DEVICES_PER_ACCOUNT: usize = 4;
const WAIT_MAX: Duration = Duration::from_mins(1);

#[derive(Debug)]
struct Returners {
    devices: Vec<Device>,
    judge: Judge,
    ready: usize,
    /// Listings that went on to their end.
    listed: usize,
    delivered: u64,
    /// Not resumed although their cursor was current, or told of changes that there were not.
    strays: u64,
    expect_resumed: bool,
    times: Latencies,
    start: Instant,
    broken: Option<String>,
}

#[derive(Debug)]
struct Device {
    token: String,
    /// As it came, quotes included.
    cursor: Option<String>,
}

pub(crate) fn storm(
    stage: &Stage<'_>,
    devices: usize,
    conversations: usize,
) -> Result<Report, LoadError> {
    files::raise(devices)?;
    let progress = Progress::new("storm");
    progress.say("setting the scene");
    let server = stage.server()?;
    let mut world = server.world()?;
    let accounts = world.sign_up((devices / DEVICES_PER_ACCOUNT).max(conversations).max(2))?;
    let groups = groups(&mut world, &accounts, conversations)?;
    let seats = seats(&mut world, &accounts, devices)?;
    let mut crowd = Returners::new(&seats, Judge::new(stage.options.record.as_deref())?);
    for (index, (place, sight)) in groups.iter().zip(post(&world, &accounts, &groups)?).enumerate()
    {
        for device in members(index, conversations, accounts.len(), devices) {
            crowd.judge.follow(device as Observer, place.0, sight.seq);
        }
    }
    let mut fleet = Fleet::new(server.address, stage.options.seed)?;
    progress.say("connecting");
    crowd.gather(&mut fleet, 64)?;
    let mut report = Report::new("storm");
    let (mut all, mut slowest, mut medians) = (latencies(), Vec::new(), Vec::new());
    crowd.expect_resumed = true;
    for round in 0..stage.options.windows.unwrap_or(3).max(1) {
        fleet.drop_all();
        progress.show(round as u64 + 1, "storms");
        let times = crowd.gather(&mut fleet, usize::MAX)?;
        slowest.extend(quantile_ms(&times, 1.0));
        medians.extend(quantile_ms(&times, 0.5));
        // Histograms of the same bounds always add up.
        let _ = all.add(times);
        report.sent += devices as u64;
    }
    for sight in post(&world, &accounts, &groups)? {
        crowd.judge.acked(&sight);
    }
    crowd.settle(&mut fleet)?;
    report.time(&all);
    report.p50_ms = median(medians);
    report.max_ms = median(slowest.clone());
    report.delivered = crowd.delivered;
    let strays = crowd.strays;
    report.check(strays == 0, || format!("{strays} devices were not resumed at their cursor"));
    report.notes.push(format!(
        "{devices} devices of {} accounts with {conversations} conversations; all ready after {slowest:.0?} ms; max_ms is the median of these",
        accounts.len()
    ));
    report.judge(crowd.judge.finish()?);
    Ok(report)
}

/// Each account and those after it, in a circle: so each account is in as many groups as each group has members.
fn groups(
    world: &mut World,
    accounts: &[Seat],
    size: usize,
) -> Result<Vec<(ConversationId, u64)>, LoadError> {
    let lists: Vec<Vec<&Seat>> = (0..accounts.len())
        .map(|first| (0..size).map(|n| &accounts[(first + n) % accounts.len()]).collect())
        .collect();
    world.groups(&lists, Some("storm"))
}

fn seats(world: &mut World, accounts: &[Seat], devices: usize) -> Result<Vec<Seat>, LoadError> {
    let mut seats: Vec<Seat> = accounts.iter().take(devices).cloned().collect();
    while seats.len() < devices {
        let count = accounts.len().min(devices - seats.len());
        seats.extend(world.sign_in(&accounts[..count])?);
    }
    Ok(seats)
}

/// The devices of a group's members: device d belongs to account d modulo their number.
fn members(
    group: usize,
    size: usize,
    accounts: usize,
    devices: usize,
) -> impl Iterator<Item = usize> {
    (0..devices).filter(move |device| {
        let account = device % accounts;
        (account + accounts - group) % accounts < size
    })
}

/// One message into each group, by its first member.
fn post(
    world: &World,
    accounts: &[Seat],
    groups: &[(ConversationId, u64)],
) -> Result<Vec<Sight>, LoadError> {
    let mut random = Random::new(ids::unix_ms());
    let asks = groups.iter().zip(accounts).map(|((conversation, _), from)| Ask {
        method: Method::POST,
        path: format!("/v1/conversations/{conversation}/messages"),
        token: Some(from.token.clone()),
        body: json!({
            "message_id": ids::random(&mut random),
            "body": {"kind": "text", "text": "after the storm"},
        }),
    });
    let answers = world.ask_all(asks.collect())?;
    answers
        .iter()
        .zip(groups)
        .map(|(answer, (conversation, _))| {
            let text = |name: &'static str| answer[name].as_str().ok_or(LoadError::Answer(name));
            let hash = parse_hash(&answer["hash"].to_string()).ok_or(LoadError::Answer("hash"))?;
            Ok(Sight {
                observer: Observer::MAX,
                conversation: *conversation,
                seq: answer["seq"].as_u64().ok_or(LoadError::Answer("seq"))?,
                message_id: text("message_id")?
                    .parse()
                    .map_err(|_| LoadError::Answer("message_id"))?,
                hash,
            })
        })
        .collect()
}

impl Returners {
    fn new(seats: &[Seat], judge: Judge) -> Self {
        let device = |seat: &Seat| Device { token: seat.token.clone(), cursor: None };
        Self {
            devices: seats.iter().map(device).collect(),
            judge,
            ready: 0,
            listed: 0,
            delivered: 0,
            strays: 0,
            expect_resumed: false,
            times: latencies(),
            start: Instant::now(),
            broken: None,
        }
    }

    /// Connects everybody, at most `burst` before they are waited for; the times from the first connect to each `ready`.
    fn gather(&mut self, fleet: &mut Fleet, burst: usize) -> Result<Latencies, LoadError> {
        (self.ready, self.listed) = (0, 0);
        self.times = latencies();
        self.start = Instant::now();
        for device in 0..self.devices.len() {
            fleet.connect(device)?;
            if device % burst.min(64) == 63 {
                // The generator has to read while it connects, as the devices would.
                self.turn(fleet, Duration::ZERO)?;
            }
            if device % burst == burst - 1 {
                self.until(fleet, |s| s.ready > device)?;
            }
        }
        self.until(fleet, |s| s.ready == s.devices.len() && s.listed == s.devices.len())?;
        Ok(std::mem::replace(&mut self.times, latencies()))
    }

    fn until(&mut self, fleet: &mut Fleet, done: impl Fn(&Self) -> bool) -> Result<(), LoadError> {
        let deadline = Instant::now() + WAIT_MAX;
        while !done(self) {
            self.turn(fleet, Duration::from_millis(50))?;
            if Instant::now() > deadline {
                return Err(LoadError::Timeout("devices to be ready"));
            }
        }
        Ok(())
    }

    fn settle(&mut self, fleet: &mut Fleet) -> Result<(), LoadError> {
        let deadline = Instant::now() + WAIT_MAX;
        while !self.judge.checker().is_complete() && Instant::now() < deadline {
            self.turn(fleet, Duration::from_millis(50))?;
        }
        Ok(())
    }

    fn turn(&mut self, fleet: &mut Fleet, timeout: Duration) -> Result<(), LoadError> {
        fleet.turn(timeout, self)?;
        self.broken.take().map_or(Ok(()), |what| Err(LoadError::Broken(what)))
    }

    /// A page of a listing, in `ready` or in `heads`.
    fn listed(&mut self, index: usize, page: &str, out: &mut Outgoing) {
        if self.expect_resumed && field(page, "heads").is_some_and(|heads| heads != "[]") {
            self.strays += 1;
        }
        if let Some(more) = field(page, "more") {
            out.text(&format!(r#"{{"sync":{{"id":1,"more":{more}}}}}"#));
        } else {
            self.listed += 1;
            self.devices[index].cursor = field(page, "cursor").map(str::to_owned);
        }
    }

    fn frame(&mut self, index: usize, frame: Frame<'_>, out: &mut Outgoing) {
        match frame {
            Frame::Event(event) => {
                self.delivered += 1;
                self.judge.saw(&Sight {
                    observer: index as Observer,
                    conversation: event.conversation,
                    seq: event.seq,
                    message_id: event.message_id,
                    hash: event.hash,
                });
            }
            Frame::Other("ready", value) => {
                self.ready += 1;
                self.times.saturating_record(self.start.elapsed().as_micros() as u64);
                if self.expect_resumed && field(value, "resumed") != Some("true") {
                    self.strays += 1;
                }
                self.listed(index, value, out);
            }
            Frame::Other("heads", value) if field(value, "id").is_some() => {
                self.listed(index, value, out);
            }
            Frame::Other(name @ ("error" | "bye" | "lag"), value) => {
                self.broken = Some(format!("device {index}: {name} {value}"));
            }
            _ => {}
        }
    }
}

impl Handler for Returners {
    fn opened(&mut self, index: usize, out: &mut Outgoing) {
        let Device { token, cursor } = &self.devices[index];
        match cursor {
            Some(cursor) => {
                out.text(&format!(r#"{{"hello":{{"token":"{token}","cursor":{cursor}}}}}"#));
            }
            None => out.text(&format!(r#"{{"hello":{{"token":"{token}"}}}}"#)),
        }
    }

    fn text(&mut self, index: usize, text: &str, out: &mut Outgoing) {
        if let Err(error) = frames(text, |frame| self.frame(index, frame, out)) {
            self.broken = Some(error.to_string());
        }
    }

    fn closed(&mut self, index: usize) {
        self.broken = Some(format!("device {index} was closed"));
    }
}
