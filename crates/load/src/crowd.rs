//! Devices that behave: each follows some conversations, comes back after a lost connection, fetches what it missed and answers `lag`.
//! Owns how far each device has come; what is sent, and when, is the scenario's affair.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use parlance_types::{ConversationId, MessageId};

use crate::LoadError;
use crate::checker::{Observer, Sight};
use crate::fleet::{Fleet, Handler};
use crate::history::Judge;
use crate::scan::{self, Frame, elements, field, frames, string};
use crate::socket::Outgoing;

/// Something to send.
#[derive(Clone, Debug)]
pub(crate) struct Post {
    pub(crate) conversation: ConversationId,
    pub(crate) message_id: MessageId,
    /// As JSON, quotes included.
    pub(crate) text: String,
    pub(crate) reply_to: Option<u64>,
}

/// An answer to a [`Post`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ack {
    pub(crate) device: usize,
    pub(crate) message_id: MessageId,
    pub(crate) seq: u64,
    pub(crate) duplicate: bool,
}

#[derive(Debug)]
pub(crate) struct Crowd {
    devices: Vec<Device>,
    pub(crate) judge: Judge,
    pub(crate) acks: VecDeque<Ack>,
    /// Devices that were asked to send again what is not acknowledged.
    pub(crate) retries: VecDeque<usize>,
    /// Events that were new to whom they reached.
    pub(crate) delivered: u64,
    next_request: u64,
    broken: Option<String>,
    /// What the checker cannot see: logs that became shorter, and the first of them in words.
    pub(crate) shorter: u64,
    pub(crate) faults: Vec<String>,
}

#[derive(Debug)]
struct Device {
    token: String,
    /// Asks for what it missed each time it comes back.
    follows: Vec<Follow>,
    ready: bool,
    lags: u64,
}

#[derive(Debug)]
struct Follow {
    conversation: ConversationId,
    seen: u64,
    state: State,
    /// The highest place that was heard of.
    known: u64,
    /// The highest place that came in a page.
    paged: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// What comes next comes live.
    Level,
    /// Something was missed: what comes live meanwhile may be ahead of it.
    Behind,
    /// The page of this request will bring it.
    Fetching(u64),
}

/// Less than a server allows at a time on one connection.
const FETCHES_MAX: usize = 4;
/// What has not come after so long without anything coming will not come.
const SILENCE_MAX: Duration = Duration::from_secs(20);
/// Faults kept in words.
const FAULTS_MAX: usize = 10;

impl Crowd {
    pub(crate) fn new(judge: Judge) -> Self {
        Self {
            devices: Vec::new(),
            judge,
            acks: VecDeque::new(),
            retries: VecDeque::new(),
            delivered: 0,
            next_request: 0,
            broken: None,
            shorter: 0,
            faults: Vec::new(),
        }
    }

    /// Adds a device; its index is that of its connection.
    pub(crate) fn join(&mut self, token: &str) -> usize {
        let device = Device { token: token.to_owned(), follows: Vec::new(), ready: false, lags: 0 };
        self.devices.push(device);
        self.devices.len() - 1
    }

    /// The device sees everything of the conversation above `after`.
    pub(crate) fn follow(&mut self, device: usize, conversation: ConversationId, after: u64) {
        self.judge.follow(device as Observer, conversation, after);
        let follow =
            Follow { conversation, seen: after, state: State::Behind, known: after, paged: after };
        self.devices[device].follows.push(follow);
    }

    pub(crate) const fn len(&self) -> usize {
        self.devices.len()
    }

    pub(crate) fn is_ready(&self, device: usize) -> bool {
        self.devices[device].ready
    }

    pub(crate) fn lags(&self) -> u64 {
        self.devices.iter().map(|device| device.lags).sum()
    }

    /// Everybody is there and has everything up to the same place.
    pub(crate) fn is_level(&self) -> bool {
        self.devices.iter().all(|device| {
            device.ready
                && device.follows.iter().all(|f| f.state == State::Level && f.seen >= f.known)
        }) && self.judge.checker().is_complete()
    }

    /// A lost connection, from the device's side.
    pub(crate) fn cut(&mut self, device: usize, fleet: &mut Fleet) {
        fleet.drop(device);
        self.closed(device);
    }

    pub(crate) fn send(&mut self, device: usize, post: &Post, out: &mut Outgoing) {
        self.next_request += 1;
        let Post { conversation, message_id, text, reply_to } = post;
        let mut frame = format!(
            r#"{{"send":{{"id":{},"conversation":"{conversation}","message_id":"{message_id}","body":{{"kind":"text","text":{text}}}"#,
            self.next_request
        );
        if let Some(reply_to) = reply_to {
            // Writing to a string cannot fail.
            let _ = write!(frame, r#","reply_to":{reply_to}"#);
        }
        frame.push_str("}}");
        debug_assert!(self.devices[device].ready, "only a device that is there sends");
        out.text(&frame);
    }

    /// One turn of the fleet; a fault of the server ends the drill.
    pub(crate) fn turn(&mut self, fleet: &mut Fleet, timeout: Duration) -> Result<(), LoadError> {
        fleet.turn(timeout, self)?;
        self.healthy()
    }

    pub(crate) fn healthy(&self) -> Result<(), LoadError> {
        self.broken.as_ref().map_or(Ok(()), |what| Err(LoadError::Broken(what.clone())))
    }

    /// Connects whoever is not connected and waits until all are ready.
    pub(crate) fn assemble(&mut self, fleet: &mut Fleet) -> Result<(), LoadError> {
        let deadline = Instant::now() + Duration::from_mins(1);
        for device in 0..self.devices.len() {
            if !fleet.is_open(device) {
                fleet.connect(device)?;
            }
            if device % 100 == 99 {
                self.turn(fleet, Duration::ZERO)?;
            }
        }
        while !self.devices.iter().all(|device| device.ready) {
            self.turn(fleet, Duration::from_millis(50))?;
            for device in 0..self.devices.len() {
                if !fleet.is_open(device) {
                    fleet.connect(device)?;
                }
            }
            if Instant::now() > deadline {
                return Err(LoadError::Timeout("devices to be ready"));
            }
        }
        Ok(())
    }

    /// Lets everything arrive; what does not is the judge's affair.
    pub(crate) fn settle(&mut self, fleet: &mut Fleet) -> Result<(), LoadError> {
        let (mut moved, mut delivered) = (Instant::now(), self.delivered);
        while !self.is_level() && moved.elapsed() < SILENCE_MAX {
            self.turn(fleet, Duration::from_millis(20))?;
            if self.delivered != delivered {
                (moved, delivered) = (Instant::now(), self.delivered);
            }
        }
        Ok(())
    }

    fn frame(&mut self, device: usize, frame: Frame<'_>, out: &mut Outgoing) {
        match frame {
            Frame::Ok(ok) => {
                let (message_id, seq, duplicate) = (ok.message_id, ok.seq, ok.duplicate);
                let sight = Sight {
                    observer: device as Observer,
                    conversation: ok.conversation,
                    seq,
                    message_id,
                    hash: ok.hash,
                };
                if duplicate {
                    self.judge.saw_again(&sight);
                    self.heard_of(device, ok.conversation, seq);
                } else {
                    self.live(device, &sight);
                }
                self.judge.acked(&sight);
                self.acks.push_back(Ack { device, message_id, seq, duplicate });
            }
            Frame::Event(event) => {
                let sight = Sight {
                    observer: device as Observer,
                    conversation: event.conversation,
                    seq: event.seq,
                    message_id: event.message_id,
                    hash: event.hash,
                };
                self.live(device, &sight);
            }
            Frame::Other("ready", _) => {
                self.devices[device].ready = true;
                self.catch_up(device, out);
            }
            Frame::Other("lag", value) => {
                self.devices[device].lags += 1;
                self.next_request += 1;
                let cursor = field(value, "cursor").unwrap_or("null");
                out.text(&format!(
                    r#"{{"sync":{{"id":{},"cursor":{cursor}}}}}"#,
                    self.next_request
                ));
                self.catch_up(device, out);
            }
            Frame::Other("page", value) => {
                if self.page(device, value, out).is_none() {
                    self.broke(device, "page", value);
                }
            }
            Frame::Other("error", value) => self.error(device, value),
            Frame::Other("ok", value) => self.broke(device, "ok", value),
            Frame::Other(..) => {}
        }
    }

    /// A refusal ends the drill, unless it only asks to send again.
    fn error(&mut self, device: usize, value: &str) {
        if matches!(field(value, "retry").and_then(string), Some("now" | "after")) {
            self.retries.push_back(device);
        } else {
            self.broke(device, "error", value);
        }
    }

    fn broke(&mut self, device: usize, name: &str, value: &str) {
        self.broken.get_or_insert_with(|| {
            format!("device {device}: {name} {}", value.chars().take(300).collect::<String>())
        });
    }

    fn follow_of(&mut self, device: usize, conversation: ConversationId) -> Option<&mut Follow> {
        self.devices[device].follows.iter_mut().find(|f| f.conversation == conversation)
    }

    fn heard_of(&mut self, device: usize, conversation: ConversationId, seq: u64) {
        if let Some(follow) = self.follow_of(device, conversation) {
            follow.known = follow.known.max(seq);
        }
    }

    /// An event at its place in the stream of this connection.
    fn live(&mut self, device: usize, sight: &Sight) {
        let Some(follow) = self.follow_of(device, sight.conversation) else { return };
        follow.known = follow.known.max(sight.seq);
        if sight.seq <= follow.paged {
            // A page may overtake what was on its way; it has to be the same.
            self.judge.saw_again(sight);
            return;
        }
        if follow.state != State::Level && sight.seq > follow.seen + 1 {
            // The page that is under way will bring it.
            return;
        }
        follow.seen = follow.seen.max(sight.seq);
        self.delivered += 1;
        self.judge.saw(sight);
    }

    fn catch_up(&mut self, device: usize, out: &mut Outgoing) {
        for follow in &mut self.devices[device].follows {
            follow.state = State::Behind;
        }
        self.fetch(device, out);
    }

    /// Asks for what is missing, within what a connection may ask at a time.
    fn fetch(&mut self, device: usize, out: &mut Outgoing) {
        let follows = &mut self.devices[device].follows;
        let waiting = |f: &&Follow| matches!(f.state, State::Fetching(_));
        let room = FETCHES_MAX.saturating_sub(follows.iter().filter(waiting).count());
        for follow in follows.iter_mut().filter(|f| f.state == State::Behind).take(room) {
            self.next_request += 1;
            follow.fetch(self.next_request, out);
        }
    }

    /// `None`: the page is not one.
    fn page(&mut self, device: usize, value: &str, out: &mut Outgoing) -> Option<()> {
        let id = field(value, "id")?.parse().ok()?;
        let conversation = string(field(value, "conversation")?)?.parse().ok()?;
        let head: u64 = field(value, "head")?.parse().ok()?;
        let events = elements(field(value, "events")?)?;
        let Some(follow) = self.follow_of(device, conversation) else { return Some(()) };
        if follow.state != State::Fetching(id) {
            return Some(());
        }
        if head < follow.seen {
            let seen = follow.seen;
            self.shorter += 1;
            if self.faults.len() < FAULTS_MAX {
                self.faults.push(format!("{conversation} ends at {head}, and {seen} was seen"));
            }
        }
        for event in events {
            let event = scan::event_of(event, conversation)?;
            let sight = Sight {
                observer: device as Observer,
                conversation,
                seq: event.seq,
                message_id: event.message_id,
                hash: event.hash,
            };
            let follow = self.follow_of(device, conversation)?;
            follow.paged = follow.paged.max(sight.seq);
            if sight.seq <= follow.seen {
                self.judge.saw_again(&sight);
            } else {
                follow.seen = sight.seq;
                self.delivered += 1;
                self.judge.saw(&sight);
            }
        }
        let follow = self.follow_of(device, conversation)?;
        follow.known = follow.known.max(head);
        follow.state = if follow.seen < follow.known { State::Behind } else { State::Level };
        self.fetch(device, out);
        Some(())
    }
}

impl Follow {
    fn fetch(&mut self, request: u64, out: &mut Outgoing) {
        self.state = State::Fetching(request);
        let (conversation, after) = (self.conversation, self.seen);
        out.text(&format!(
            r#"{{"fetch":{{"id":{request},"conversation":"{conversation}","after":{after},"limit":100}}}}"#
        ));
    }
}

impl Handler for Crowd {
    fn opened(&mut self, index: usize, out: &mut Outgoing) {
        out.text(&format!(r#"{{"hello":{{"token":"{}"}}}}"#, self.devices[index].token));
    }

    fn text(&mut self, index: usize, text: &str, out: &mut Outgoing) {
        if let Err(error) = frames(text, |frame| self.frame(index, frame, out)) {
            self.broken.get_or_insert_with(|| error.to_string());
        }
    }

    fn closed(&mut self, index: usize) {
        let device = &mut self.devices[index];
        device.ready = false;
        for follow in &mut device.follows {
            follow.state = State::Behind;
            follow.known = follow.seen;
        }
    }
}
