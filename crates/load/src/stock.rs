//! A stock of conversations: a few writers, each with many of them, fill them, visit them and read them back. Owns what was sent and not
//! acknowledged yet; what is done when is the scenario's affair.
//!
//! Every answer and every page goes to the judge, so that at the end each message that was acknowledged was also read again.

mod driving;
mod page;
mod writer;

pub(crate) use writer::LAST;

use std::collections::VecDeque;
use std::time::Instant;

use parlance_types::{ConversationId, MessageId};

use crate::checker::{Observer, Sight};
use crate::fleet::Handler;
use crate::history::Judge;
use crate::ids::IdSource;
use crate::random::Random;
use crate::report::{Latencies, latencies};
use crate::scan::{Frame, OkFields, field, frames, string};
use crate::socket::Outgoing;
use crate::world::{Seat, World};
use crate::{LoadError, Report};

/// What the writers do whenever they have their answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// Nothing new: what is under way comes to its end.
    Rest,
    /// Messages into the first `places` of each writer's conversations, in turn.
    Write { left: u64, window: usize, places: usize },
    /// The last page of random conversations.
    Read,
    /// One conversation after the other, so that none is visited again soon: each is written to or read.
    Visit,
    /// Everything from the beginning, once.
    Audit,
}

/// What was done since the last [`Stock::reset`].
#[derive(Debug)]
pub(crate) struct Tally {
    pub(crate) acked: u64,
    pub(crate) pages: u64,
    /// From asking to the answer.
    pub(crate) times: Latencies,
}

#[derive(Debug)]
pub(crate) struct Stock {
    writers: Vec<Writer>,
    pub(crate) judge: Judge,
    work: Work,
    tally: Tally,
    ready: usize,
    random: Random,
    /// Who was the last to do [`Self::one`].
    latest: usize,
    /// Pages that were not what they had to be.
    wrong_pages: u64,
    broken: Option<String>,
}

#[derive(Debug)]
struct Writer {
    token: String,
    places: Vec<Place>,
    next: usize,
    ids: IdSource,
    counter: u32,
    /// Not acknowledged yet, in the order in which it was sent.
    outbox: VecDeque<Sent>,
    /// When it was told to send or ask again.
    refused: Option<Instant>,
    asked: Option<Asked>,
    /// Conversations that were read back, and how far the next one was.
    audited: (usize, u64),
}

/// A conversation of a writer, who alone writes to it.
#[derive(Debug)]
struct Place {
    conversation: ConversationId,
    /// What is above this was written by the drill.
    after: u64,
    /// The place of the last message that was acknowledged.
    last: u64,
}

#[derive(Debug)]
struct Sent {
    place: usize,
    message_id: MessageId,
    at: Instant,
}

#[derive(Clone, Copy, Debug)]
struct Asked {
    place: usize,
    /// `None`: the end of the conversation.
    after: Option<u64>,
    at: Instant,
}

/// Those who read everything back see it for the first time: they are other observers than the writers.
const READERS: Observer = 1 << 30;

impl Tally {
    fn new() -> Self {
        Self { acked: 0, pages: 0, times: latencies() }
    }
}

impl Stock {
    /// Makes `conversations` groups of two, shared among `writers`.
    pub(crate) fn found(
        world: &mut World,
        writers: usize,
        conversations: usize,
        judge: Judge,
        seed: u64,
    ) -> Result<Self, LoadError> {
        let seats = world.sign_up(writers)?;
        let other = world.sign_up(1)?;
        let lists: Vec<Vec<&Seat>> = (0..conversations.max(writers))
            .map(|index| vec![&seats[index % writers], &other[0]])
            .collect();
        let places = world.groups(&lists, None)?;
        let mut stock = Self {
            writers: Vec::new(),
            judge,
            work: Work::Rest,
            tally: Tally::new(),
            ready: 0,
            random: Random::new(seed),
            latest: 0,
            wrong_pages: 0,
            broken: None,
        };
        for (index, seat) in seats.iter().enumerate() {
            let own = places.iter().skip(index).step_by(writers);
            let own = own.map(|&(conversation, after)| Place { conversation, after, last: after });
            let writer = Writer::new(index as u32, seat.token.clone(), own.collect());
            for place in &writer.places {
                stock.judge.follow(index as Observer, place.conversation, place.after);
            }
            stock.writers.push(writer);
        }
        Ok(stock)
    }

    pub(crate) fn conversations(&self) -> usize {
        self.writers.iter().map(|writer| writer.places.len()).sum()
    }

    pub(crate) const fn writers(&self) -> usize {
        self.writers.len()
    }

    pub(crate) fn reset(&mut self) -> Tally {
        std::mem::replace(&mut self.tally, Tally::new())
    }

    /// What all this showed.
    pub(crate) fn judgement(self, report: &mut Report) -> Result<(), LoadError> {
        let wrong = self.wrong_pages;
        report.lost += wrong;
        report.check(wrong == 0, || format!("{wrong} pages were not the events in order"));
        report.judge(self.judge.finish()?);
        Ok(())
    }

    /// The next thing to do of a writer who has an answer.
    fn step(&mut self, index: usize, out: &mut Outgoing) {
        let writer = &mut self.writers[index];
        let all = writer.places.len() as u64;
        match &mut self.work {
            Work::Write { left, window, places } => {
                while *left > 0 && writer.outbox.len() < *window {
                    *left -= 1;
                    let place = writer.turn(*places);
                    writer.write(place, out);
                }
            }
            Work::Read if writer.asked.is_none() => {
                let place = self.random.below(all) as usize;
                writer.ask(place, None, out);
            }
            Work::Visit if writer.is_idle() => {
                let place = writer.turn(usize::MAX);
                if self.random.below(2) == 0 {
                    writer.write(place, out);
                } else {
                    writer.ask(place, None, out);
                }
            }
            Work::Audit if writer.asked.is_none() => writer.audit(out),
            Work::Rest | Work::Read | Work::Visit | Work::Audit => {}
        }
    }

    fn acknowledged(&mut self, index: usize, ok: &OkFields) {
        let &OkFields { conversation, message_id, seq, hash, .. } = ok;
        let sight = Sight { observer: index as Observer, conversation, seq, message_id, hash };
        // A retry is answered with the original, which may be what this writer has not seen yet.
        if ok.duplicate && self.judge.checker().seen(sight.observer, conversation) >= seq {
            self.judge.saw_again(&sight);
        } else {
            self.judge.saw(&sight);
        }
        self.judge.acked(&sight);
        let writer = &mut self.writers[index];
        let sent = writer.outbox.iter().position(|sent| sent.message_id == message_id);
        let Some(sent) = sent.and_then(|at| writer.outbox.remove(at)) else { return };
        let place = &mut writer.places[sent.place];
        place.last = place.last.max(seq);
        self.tally.acked += 1;
        self.tally.times.saturating_record(sent.at.elapsed().as_micros() as u64);
    }

    fn frame(&mut self, index: usize, frame: Frame<'_>, out: &mut Outgoing) {
        match frame {
            Frame::Ok(ok) => {
                self.acknowledged(index, &ok);
                self.step(index, out);
            }
            Frame::Other("ready", _) => {
                self.ready += 1;
                self.writers[index].again(out);
            }
            Frame::Other("page", value) => {
                self.page(index, value);
                self.step(index, out);
            }
            Frame::Other("error", value)
                if matches!(field(value, "retry").and_then(string), Some("now" | "after")) =>
            {
                self.writers[index].refused.get_or_insert_with(Instant::now);
            }
            Frame::Other(name @ ("error" | "bye" | "ok"), value) => {
                let value: String = value.chars().take(300).collect();
                self.broken.get_or_insert_with(|| format!("writer {index}: {name} {value}"));
            }
            Frame::Event(_) | Frame::Other(..) => {}
        }
    }
}

impl Handler for Stock {
    fn opened(&mut self, index: usize, out: &mut Outgoing) {
        out.text(&format!(r#"{{"hello":{{"token":"{}"}}}}"#, self.writers[index].token));
    }

    fn text(&mut self, index: usize, text: &str, out: &mut Outgoing) {
        if let Err(error) = frames(text, |frame| self.frame(index, frame, out)) {
            self.broken.get_or_insert_with(|| error.to_string());
        }
    }

    fn closed(&mut self, index: usize) {
        self.broken.get_or_insert_with(|| format!("writer {index} was closed"));
    }
}
