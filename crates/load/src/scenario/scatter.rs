//! `scatter`: everybody writes to everybody, a little: a message and its reply, or two that lie far apart.

use std::fmt::Display;
use std::time::{Duration, Instant};

use super::{Stage, files};
use crate::checker::{Observer, Sight};
use crate::fleet::{Fleet, Handler};
use crate::history::Judge;
use crate::ids::IdSource;
use crate::process::Process;
use crate::progress::Progress;
use crate::report::{Latencies, latencies};
use crate::scan::{EventFields, Frame, OkFields, frames};
use crate::socket::Outgoing;
use crate::world::Seat;
use crate::{LoadError, Report};

const WINDOW: usize = 4;
/// Messages of each conversation.
const ROUNDS: u64 = 2;
/// Where they lie in its log, behind its beginning.
const MESSAGE: u64 = 2;
const REPLY: u64 = 3;
const SILENCE_MAX: Duration = Duration::from_secs(30);

#[derive(Debug)]
struct Writers {
    seats: Vec<Seat>,
    each: Vec<Writer>,
    /// The second message comes after every conversation had its first; otherwise it is the reply.
    apart: bool,
    /// Each account writes to as many of those after it, in a circle.
    reach: u64,
    judge: Judge,
    ready: usize,
    acked: u64,
    delivered: u64,
    times: Latencies,
    broken: Option<String>,
}

#[derive(Debug)]
struct Writer {
    ids: IdSource,
    /// Messages to others that were not replies.
    begun: u64,
    /// When each message was sent.
    sent: Vec<Instant>,
}

pub(crate) fn scatter(
    stage: &Stage<'_>,
    conversations: u64,
    apart: bool,
) -> Result<Report, LoadError> {
    // With n accounts there are n(n - 1)/2 pairs.
    let accounts = (conversations * 2).isqrt() as usize + 2;
    files::raise(accounts)?;
    let progress = Progress::new("scatter");
    progress.say("signing everybody up");
    let server = stage.server()?;
    let seats = server.world()?.sign_up(accounts)?;
    let mut crowd = Writers {
        each: (0..accounts)
            .map(|index| Writer { ids: IdSource::new(index as u32), begun: 0, sent: Vec::new() })
            .collect(),
        apart,
        seats,
        reach: conversations.div_ceil(accounts as u64).min((accounts as u64 - 1) / 2),
        judge: Judge::new(stage.options.record.as_deref())?,
        ready: 0,
        acked: 0,
        delivered: 0,
        times: latencies(),
        broken: None,
    };
    let mut fleet = Fleet::new(server.address, stage.options.seed)?;
    for index in 0..accounts {
        fleet.connect(index)?;
        if index % 64 == 63 {
            crowd.until(&mut fleet, |c| c.ready > index, &progress)?;
        }
    }
    crowd.until(&mut fleet, |c| c.ready == accounts, &progress)?;
    let cpu = |process: &Option<Process>| process.as_ref().map(Process::cpu).transpose();
    let (before, start) = (cpu(&server.process)?, Instant::now());
    for index in 0..accounts {
        for _ in 0..WINDOW {
            if let Some(out) = fleet.out(index) {
                crowd.begin(index, out);
            }
        }
        fleet.flush(index)?;
    }
    let total = crowd.reach * accounts as u64 * ROUNDS;
    crowd.until(&mut fleet, |c| c.acked == total, &progress)?;
    let wall = start.elapsed().as_secs_f64();
    let after = cpu(&server.process)?;
    crowd.until(&mut fleet, |c| c.judge.checker().is_complete(), &progress)?;
    let mut report = Report::new("scatter");
    (report.sent, report.delivered) = (total, crowd.delivered);
    report.rate_per_s = Some(total as f64 / wall);
    if let Some((before, after)) = before.zip(after) {
        let used = after.saturating_sub(before).as_secs_f64();
        report.server_cpu_us_per_message = Some(used * 1e6 / total as f64);
    }
    report.time(&crowd.times);
    let second = if apart { "after every conversation had its first" } else { "the reply" };
    report.notes.push(format!(
        "{} conversations of {accounts} accounts, {ROUNDS} messages each, the second {second}; times are from send to ok",
        total / ROUNDS
    ));
    report.judge(crowd.judge.finish()?);
    Ok(report)
}

impl Writers {
    /// Goes on as long as something happens.
    fn until(
        &mut self,
        fleet: &mut Fleet,
        done: impl Fn(&Self) -> bool,
        progress: &Progress,
    ) -> Result<(), LoadError> {
        let (mut moved, mut last) = (Instant::now(), (0, 0, 0));
        while !done(self) {
            fleet.turn(Duration::from_millis(100), self)?;
            if let Some(what) = self.broken.take() {
                return Err(LoadError::Broken(what));
            }
            let now = (self.ready, self.acked, self.delivered);
            if now != last {
                (moved, last) = (Instant::now(), now);
                progress.show(self.acked, "acknowledged");
            } else if moved.elapsed() > SILENCE_MAX {
                return Err(LoadError::Timeout("messages"));
            }
        }
        Ok(())
    }

    /// Writes to the next of those that an account writes to, if there is one.
    fn begin(&mut self, index: usize, out: &mut Outgoing) {
        let rounds = if self.apart { ROUNDS } else { 1 };
        let (accounts, writer) = (self.seats.len(), &mut self.each[index]);
        if writer.begun == self.reach * rounds {
            return;
        }
        let step = writer.begun % self.reach + 1;
        writer.begun += 1;
        let to = self.seats[(index + step as usize) % accounts].account;
        writer.write("to", &to, out);
    }

    fn ok(&mut self, index: usize, ok: &OkFields, out: &mut Outgoing) {
        self.acked += 1;
        let took = self.each[index].sent[ok.id as usize - 1].elapsed();
        self.times.saturating_record(took.as_micros() as u64);
        let sight = Sight {
            observer: index as Observer,
            conversation: ok.conversation,
            seq: ok.seq,
            message_id: ok.message_id,
            hash: ok.hash,
        };
        self.judge.follow(sight.observer, ok.conversation, ok.seq - 1);
        self.judge.saw(&sight);
        self.judge.acked(&sight);
        if self.apart {
            self.begin(index, out);
        }
    }

    /// Those who receive follow the conversation from its beginning.
    fn event(&mut self, index: usize, event: &EventFields, out: &mut Outgoing) {
        self.delivered += 1;
        let &EventFields { conversation, seq, message_id, hash, .. } = event;
        let observer = index as Observer;
        self.judge.follow(observer, conversation, 0);
        self.judge.saw(&Sight { observer, conversation, seq, message_id, hash });
        match seq {
            MESSAGE if !self.apart => self.each[index].write("conversation", &conversation, out),
            REPLY if !self.apart => self.begin(index, out),
            _ => {}
        }
    }

    fn frame(&mut self, index: usize, frame: Frame<'_>, out: &mut Outgoing) {
        match frame {
            Frame::Ok(ok) => self.ok(index, &ok, out),
            // An account's own come as `ok`, and the beginning that came with the first of them.
            Frame::Event(event) if event.sender != self.seats[index].account => {
                self.event(index, &event, out);
            }
            Frame::Other("ready", _) => self.ready += 1,
            Frame::Other(name @ ("error" | "bye" | "lag" | "ok"), value) => {
                self.broken = Some(format!("connection {index}: {name} {value}"));
            }
            Frame::Event(_) | Frame::Other(..) => {}
        }
    }
}

impl Writer {
    fn write(&mut self, field: &str, place: &impl Display, out: &mut Outgoing) {
        self.sent.push(Instant::now());
        let request = self.sent.len();
        let (id, text) = (self.ids.next(request as u32), "x".repeat(100));
        out.text(&format!(
            r#"{{"send":{{"id":{request},"{field}":"{place}","message_id":"{id}","body":{{"kind":"text","text":"{text}"}}}}}}"#
        ));
    }
}

impl Handler for Writers {
    fn opened(&mut self, index: usize, out: &mut Outgoing) {
        out.text(&format!(r#"{{"hello":{{"token":"{}"}}}}"#, self.seats[index].token));
    }

    fn text(&mut self, index: usize, text: &str, out: &mut Outgoing) {
        if let Err(error) = frames(text, |frame| self.frame(index, frame, out)) {
            self.broken = Some(error.to_string());
        }
    }

    fn closed(&mut self, index: usize) {
        self.broken = Some(format!("connection {index} was closed"));
    }
}
