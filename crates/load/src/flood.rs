//! The minds of a flood: in each room one connection sends and the others receive. Owns the pace, the clock of every message and the
//! judge; serves the server and the yardstick alike, so that both are measured by the same work.

use std::time::Instant;

use parlance_types::{ConversationId, MessageId};

use crate::checker::{Observer, Sight};
use crate::fleet::{Fleet, Handler};
use crate::history::Judge;
use crate::ids::{self, IdSource};
use crate::report::{Latencies, latencies};
use crate::scan::{EventFields, Frame, OkFields, field, frames, string};
use crate::socket::Outgoing;
use crate::world::Seat;

/// Whom the connections talk to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    Parlance,
    Relay,
}

/// A conversation of a flood. The first seat sends.
#[derive(Clone, Debug)]
pub(crate) struct Room {
    pub(crate) conversation: ConversationId,
    /// What is above this is part of the flood.
    pub(crate) after: u64,
    pub(crate) tokens: Vec<String>,
}

impl Room {
    pub(crate) fn of<'s>(
        (conversation, after): (ConversationId, u64),
        seats: impl IntoIterator<Item = &'s Seat>,
    ) -> Self {
        let tokens = seats.into_iter().map(|seat| seat.token.clone()).collect();
        Self { conversation, after, tokens }
    }
}

/// What happened since the last [`Flood::reset`].
#[derive(Debug)]
pub(crate) struct Tally {
    pub(crate) sent: u64,
    pub(crate) acked: u64,
    pub(crate) delivered: u64,
    /// From sending to delivery.
    pub(crate) latencies: Latencies,
}

#[derive(Debug)]
pub(crate) struct Flood {
    dialect: Dialect,
    seats: Vec<SeatState>,
    rooms: Vec<RoomState>,
    /// Unacknowledged messages of a room that an answer is allowed to replace; `None`: the caller sends.
    window: Option<u32>,
    judge: Judge,
    tally: Tally,
    start: Instant,
    ready: usize,
    broken: Option<String>,
    scratch: String,
}

#[derive(Debug)]
struct SeatState {
    room: usize,
    token: String,
    seen: u64,
    marked: u64,
}

#[derive(Debug)]
struct RoomState {
    conversation: ConversationId,
    sender: usize,
    ids: IdSource,
    counter: u32,
    in_flight: u32,
    /// When the messages of late were sent, by counter.
    clock: Box<[(u32, u64)]>,
    /// Between request number and message id; after the message id.
    middle: String,
}

/// Messages of one room whose sending times are remembered.
const CLOCK: usize = 8192;
const TEXT: &str = "The quick brown fox jumps over the lazy dog, and the lazy dog sleeps on as if nothing had happened.\u{20}";
const _: () = assert!(TEXT.len() == 100);

impl Tally {
    fn new() -> Self {
        Self { sent: 0, acked: 0, delivered: 0, latencies: latencies() }
    }
}

impl Flood {
    pub(crate) fn new(dialect: Dialect, rooms: &[Room], judge: Judge) -> Self {
        let mut flood = Self {
            dialect,
            seats: Vec::new(),
            rooms: Vec::new(),
            window: None,
            judge,
            tally: Tally::new(),
            start: Instant::now(),
            ready: 0,
            broken: None,
            scratch: String::with_capacity(512),
        };
        for (index, room) in rooms.iter().enumerate() {
            let sender = flood.seats.len();
            for token in &room.tokens {
                if dialect == Dialect::Parlance {
                    let observer = flood.seats.len() as Observer;
                    flood.judge.follow(observer, room.conversation, room.after);
                }
                let seen = if dialect == Dialect::Parlance { room.after } else { 0 };
                flood.seats.push(SeatState {
                    room: index,
                    token: token.clone(),
                    seen,
                    marked: seen,
                });
            }
            flood.rooms.push(RoomState {
                conversation: room.conversation,
                sender,
                ids: IdSource::new(index as u32),
                counter: 0,
                in_flight: 0,
                clock: vec![(0, 0); CLOCK].into_boxed_slice(),
                middle: format!(r#","conversation":"{}","message_id":""#, room.conversation),
            });
        }
        flood
    }

    pub(crate) const fn connections(&self) -> usize {
        self.seats.len()
    }

    pub(crate) const fn rooms(&self) -> usize {
        self.rooms.len()
    }

    pub(crate) const fn ready(&self) -> usize {
        self.ready
    }

    /// What went wrong, if anything did.
    pub(crate) fn broken(&self) -> Option<&str> {
        self.broken.as_deref()
    }

    pub(crate) const fn tally(&self) -> &Tally {
        &self.tally
    }

    pub(crate) fn reset(&mut self) -> Tally {
        std::mem::replace(&mut self.tally, Tally::new())
    }

    pub(crate) fn into_judge(self) -> Judge {
        self.judge
    }

    /// From now on every `ok` is answered with the next message, or no longer.
    pub(crate) const fn set_window(&mut self, window: Option<u32>) {
        self.window = window;
    }

    /// Everything sent was acknowledged and delivered to everybody.
    pub(crate) fn is_quiet(&self) -> bool {
        self.rooms.iter().all(|room| room.in_flight == 0)
            && match self.dialect {
                Dialect::Parlance => self.judge.checker().is_complete(),
                Dialect::Relay => self.seats.iter().enumerate().all(|(index, seat)| {
                    let room = &self.rooms[seat.room];
                    room.sender == index || seat.seen == u64::from(room.counter)
                }),
            }
    }

    /// Sends the next message of a room.
    pub(crate) fn send(&mut self, room: usize, fleet: &mut Fleet) {
        if let Some(out) = fleet.out(self.rooms[room].sender) {
            self.write(room, out);
        }
    }

    pub(crate) fn sender(&self, room: usize) -> usize {
        self.rooms[room].sender
    }

    /// Tells the server how far each receiver has come, as a client does from time to time.
    pub(crate) fn mark(&mut self, fleet: &mut Fleet) -> std::io::Result<()> {
        for (index, seat) in self.seats.iter_mut().enumerate() {
            let room = &self.rooms[seat.room];
            if index == room.sender || seat.seen == seat.marked {
                continue;
            }
            seat.marked = seat.seen;
            if let Some(out) = fleet.out(index) {
                let (conversation, seen) = (room.conversation, seat.seen);
                out.text(&format!(
                    r#"{{"mark":{{"conversation":"{conversation}","delivered":{seen}}}}}"#
                ));
                fleet.flush(index)?;
            }
        }
        Ok(())
    }

    fn write(&mut self, room: usize, out: &mut Outgoing) {
        let state = &mut self.rooms[room];
        state.counter += 1;
        state.in_flight += 1;
        self.tally.sent += 1;
        let counter = state.counter;
        let id = state.ids.next(counter);
        let now = self.start.elapsed().as_nanos() as u64;
        state.clock[counter as usize % CLOCK] = (counter, now);
        let text = &mut self.scratch;
        text.clear();
        text.push_str(r#"{"send":{"id":"#);
        push_number(text, counter);
        text.push_str(&state.middle);
        text.push_str(id.encode_text(&mut [0; 36]));
        text.push_str(r#"","body":{"kind":"text","text":""#);
        text.push_str(TEXT);
        text.push_str("\"}}}");
        out.text(text);
    }

    fn frame(&mut self, index: usize, frame: Frame<'_>, out: &mut Outgoing) {
        match frame {
            Frame::Ok(ok) => self.ok(index, &ok, out),
            Frame::Event(event) => self.event(index, &event),
            Frame::Other("ok", _) if self.dialect == Dialect::Relay => {
                self.acknowledged(self.seats[index].room, out);
            }
            Frame::Other("send", value) => self.relayed(index, value),
            Frame::Other("ready", _) => self.ready += 1,
            Frame::Other(name @ ("error" | "bye" | "lag" | "ok"), value) => {
                let connection = index;
                self.broken
                    .get_or_insert_with(|| format!("connection {connection}: {name} {value}"));
            }
            Frame::Other(..) => {}
        }
    }

    fn ok(&mut self, index: usize, ok: &OkFields, out: &mut Outgoing) {
        let &OkFields { conversation, message_id, seq, hash, .. } = ok;
        let sight = Sight { observer: index as Observer, conversation, seq, message_id, hash };
        if ok.duplicate {
            self.judge.saw_again(&sight);
        } else {
            self.judge.saw(&sight);
        }
        self.judge.acked(&sight);
        self.acknowledged(self.seats[index].room, out);
    }

    fn acknowledged(&mut self, room: usize, out: &mut Outgoing) {
        self.tally.acked += 1;
        let in_flight = &mut self.rooms[room].in_flight;
        *in_flight = in_flight.saturating_sub(1);
        if self.window.is_some_and(|window| *in_flight < window) {
            self.write(room, out);
        }
    }

    fn event(&mut self, index: usize, event: &EventFields) {
        let &EventFields { conversation, message_id, seq, hash, .. } = event;
        let sight = Sight { observer: index as Observer, conversation, seq, message_id, hash };
        self.judge.saw(&sight);
        let seat = &mut self.seats[index];
        seat.seen = seat.seen.max(seq);
        self.delivered(index, message_id);
    }

    /// The relay hands on what was sent. Its only promise is the order of one sender.
    fn relayed(&mut self, index: usize, value: &str) {
        let id = field(value, "message_id").and_then(string).and_then(|id| id.parse().ok());
        let Some(message_id) = id else { return };
        let counter = u64::from(ids::counter(message_id));
        let seat = &mut self.seats[index];
        if counter != seat.seen + 1 {
            let seen = seat.seen;
            self.broken.get_or_insert_with(|| format!("yardstick: {counter} came after {seen}"));
        }
        self.seats[index].seen = counter;
        self.delivered(index, message_id);
    }

    fn delivered(&mut self, index: usize, message_id: MessageId) {
        self.tally.delivered += 1;
        let counter = ids::counter(message_id);
        let (known, at) = self.rooms[self.seats[index].room].clock[counter as usize % CLOCK];
        if known == counter {
            let now = self.start.elapsed().as_nanos() as u64;
            self.tally.latencies.saturating_record(now.saturating_sub(at).div_ceil(1000));
        }
    }
}

impl Handler for Flood {
    fn opened(&mut self, index: usize, out: &mut Outgoing) {
        out.text(&format!(r#"{{"hello":{{"token":"{}"}}}}"#, self.seats[index].token));
    }

    fn text(&mut self, index: usize, text: &str, out: &mut Outgoing) {
        if let Err(error) = frames(text, |frame| self.frame(index, frame, out)) {
            self.broken.get_or_insert_with(|| error.to_string());
        }
    }

    fn closed(&mut self, index: usize) {
        self.broken.get_or_insert_with(|| format!("connection {index} was closed"));
    }
}

fn push_number(text: &mut String, number: u32) {
    // Writing to a string cannot fail.
    let _ = std::fmt::Write::write_fmt(text, format_args!("{number}"));
}
