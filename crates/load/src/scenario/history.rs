//! `history`: the last 50 messages of random conversations, over and over, while nothing else happens.

use std::time::{Duration, Instant};

use super::Stage;
use crate::fleet::{Fleet, Handler};
use crate::ids::IdSource;
use crate::process::Process;
use crate::progress::Progress;
use crate::random::Random;
use crate::report::{Latencies, latencies};
use crate::scan::{Frame, elements, event_of, field, frames, string};
use crate::socket::Outgoing;
use crate::{LoadError, Report};
use parlance_types::ConversationId;

const PAGE: u64 = 50;
/// Messages of one writer that are not acknowledged, while the stock is made.
const WINDOW: usize = 64;
const WAIT_MAX: Duration = Duration::from_mins(1);

#[derive(Debug)]
struct Readers {
    each: Vec<Reader>,
    mode: Mode,
    ready: usize,
    /// Messages still to be written, over all.
    stock: u64,
    unacked: u64,
    written: u64,
    served: u64,
    times: Latencies,
    random: Random,
    faults: u64,
    broken: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Write,
    Read,
    Rest,
}

#[derive(Debug)]
struct Reader {
    token: String,
    /// With the place of the last event of each.
    conversations: Vec<(ConversationId, u64)>,
    next: usize,
    ids: IdSource,
    counter: u32,
    asked: Option<(Instant, usize)>,
}

pub(crate) fn history(
    stage: &Stage<'_>,
    messages: usize,
    conversations: usize,
    readers: usize,
) -> Result<Report, LoadError> {
    let progress = Progress::new("history");
    progress.say("setting the scene");
    let server = stage.server()?;
    let mut world = server.world()?;
    let seats = world.sign_up(readers)?;
    let other = world.sign_up(1)?;
    let lists: Vec<_> =
        (0..conversations.max(readers)).map(|n| vec![&seats[n % readers], &other[0]]).collect();
    let places = world.groups(&lists, None)?;
    let mut crowd = Readers {
        each: Vec::new(),
        mode: Mode::Write,
        ready: 0,
        stock: messages as u64,
        unacked: 0,
        written: 0,
        served: 0,
        times: latencies(),
        random: Random::new(stage.options.seed),
        faults: 0,
        broken: None,
    };
    for (index, seat) in seats.iter().enumerate() {
        crowd.each.push(Reader {
            token: seat.token.clone(),
            conversations: places.iter().copied().skip(index).step_by(readers).collect(),
            next: 0,
            ids: IdSource::new(index as u32),
            counter: 0,
            asked: None,
        });
    }
    let mut fleet = Fleet::new(server.address, stage.options.seed)?;
    for index in 0..readers {
        fleet.connect(index)?;
    }
    crowd.until(&mut fleet, |c| c.ready == readers)?;
    let start = Instant::now();
    crowd.write_all(&mut fleet, &progress)?;
    let stocked = start.elapsed();
    progress.say("reading");
    let cpu = |process: &Option<Process>| process.as_ref().map(Process::cpu).transpose();
    crowd.read_for(&mut fleet, Duration::from_millis(500))?;
    (crowd.served, crowd.times) = (0, latencies());
    let (before, start) = (cpu(&server.process)?, Instant::now());
    crowd.read_for(&mut fleet, stage.length())?;
    let wall = start.elapsed().as_secs_f64();
    let answered = crowd.served;
    let mut report = Report::new("history");
    if let Some((before, after)) = before.zip(cpu(&server.process)?) {
        let used = after.saturating_sub(before).as_secs_f64();
        report.server_cpu_us_per_message = Some(used * 1e6 / answered.max(1) as f64);
    }
    report.sent = answered;
    report.delivered = answered * PAGE;
    report.rate_per_s = Some(answered as f64 / wall);
    report.time(&crowd.times);
    let faults = crowd.faults;
    report.lost = faults;
    report.check(faults == 0, || format!("{faults} pages were not the last events in order"));
    report.notes.push(format!(
        "{messages} messages in {} conversations, written at {:.0}/s; rate and cpu are per request",
        places.len(),
        messages as f64 / stocked.as_secs_f64()
    ));
    Ok(report)
}

impl Readers {
    fn until(&mut self, fleet: &mut Fleet, done: impl Fn(&Self) -> bool) -> Result<(), LoadError> {
        let deadline = Instant::now() + WAIT_MAX;
        while !done(self) {
            self.turn(fleet, Duration::from_millis(50))?;
            if Instant::now() > deadline {
                return Err(LoadError::Timeout("answers"));
            }
        }
        Ok(())
    }

    fn turn(&mut self, fleet: &mut Fleet, timeout: Duration) -> Result<(), LoadError> {
        fleet.turn(timeout, self)?;
        self.broken.take().map_or(Ok(()), |what| Err(LoadError::Broken(what)))
    }

    fn write_all(&mut self, fleet: &mut Fleet, progress: &Progress) -> Result<(), LoadError> {
        for index in 0..self.each.len() {
            for _ in 0..WINDOW {
                if let Some(out) = fleet.out(index) {
                    self.write(index, out);
                }
            }
            fleet.flush(index)?;
        }
        let mut shown = Instant::now();
        while self.stock > 0 || self.unacked > 0 {
            self.turn(fleet, Duration::from_millis(100))?;
            if shown.elapsed() > Duration::from_secs(1) {
                shown = Instant::now();
                progress.show(self.written, "written");
            }
        }
        Ok(())
    }

    fn read_for(&mut self, fleet: &mut Fleet, length: Duration) -> Result<(), LoadError> {
        self.mode = Mode::Read;
        for index in 0..self.each.len() {
            if let Some(out) = fleet.out(index) {
                self.ask(index, out);
            }
            fleet.flush(index)?;
        }
        let end = Instant::now() + length;
        while Instant::now() < end {
            self.turn(fleet, Duration::from_millis(50))?;
        }
        self.mode = Mode::Rest;
        self.until(fleet, |c| c.each.iter().all(|reader| reader.asked.is_none()))
    }

    fn write(&mut self, index: usize, out: &mut Outgoing) {
        if self.stock == 0 {
            return;
        }
        self.stock -= 1;
        self.unacked += 1;
        let reader = &mut self.each[index];
        reader.next = (reader.next + 1) % reader.conversations.len();
        reader.counter += 1;
        let (conversation, _) = reader.conversations[reader.next];
        let id = reader.ids.next(reader.counter);
        let (counter, text) = (reader.counter, "x".repeat(100));
        out.text(&format!(
            r#"{{"send":{{"id":{counter},"conversation":"{conversation}","message_id":"{id}","body":{{"kind":"text","text":"{text}"}}}}}}"#
        ));
    }

    fn ask(&mut self, index: usize, out: &mut Outgoing) {
        let reader = &mut self.each[index];
        let place = self.random.below(reader.conversations.len() as u64) as usize;
        let (conversation, _) = reader.conversations[place];
        reader.asked = Some((Instant::now(), place));
        out.text(&format!(
            r#"{{"fetch":{{"id":1,"conversation":"{conversation}","before":null,"limit":{PAGE}}}}}"#
        ));
    }

    fn page(&mut self, index: usize, value: &str, out: &mut Outgoing) {
        let reader = &mut self.each[index];
        let Some((asked, place)) = reader.asked.take() else { return };
        self.times.saturating_record(asked.elapsed().as_micros() as u64);
        self.served += 1;
        if check(value, reader.conversations[place]).is_none() {
            self.faults += 1;
        }
        if self.mode == Mode::Read {
            self.ask(index, out);
        }
    }

    fn frame(&mut self, index: usize, frame: Frame<'_>, out: &mut Outgoing) {
        match frame {
            Frame::Ok(ok) => {
                self.unacked -= 1;
                self.written += 1;
                let conversations = &mut self.each[index].conversations;
                let of = conversations.iter_mut().find(|(id, _)| *id == ok.conversation);
                if let Some((_, last)) = of {
                    *last = (*last).max(ok.seq);
                }
                self.write(index, out);
            }
            Frame::Other("ready", _) => self.ready += 1,
            Frame::Other("page", value) => self.page(index, value, out),
            Frame::Other(name @ ("error" | "bye" | "ok"), value) => {
                self.broken = Some(format!("connection {index}: {name} {value}"));
            }
            Frame::Event(_) | Frame::Other(..) => {}
        }
    }
}

/// Dense, and up to the last event. `None`: it is not.
fn check(page: &str, (conversation, last): (ConversationId, u64)) -> Option<()> {
    (string(field(page, "conversation")?)?.parse().ok() == Some(conversation)).then_some(())?;
    let events = elements(field(page, "events")?)?;
    (events.len() as u64 == PAGE.min(last)).then_some(())?;
    let first = last + 1 - events.len() as u64;
    for (event, seq) in events.into_iter().zip(first..) {
        (event_of(event, conversation)?.seq == seq).then_some(())?;
    }
    Some(())
}

impl Handler for Readers {
    fn opened(&mut self, index: usize, out: &mut Outgoing) {
        out.text(&format!(r#"{{"hello":{{"token":"{}"}}}}"#, self.each[index].token));
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
