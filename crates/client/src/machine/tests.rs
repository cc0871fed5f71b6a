//! The machine against a tiny honest server, over a network and a process that are not to be trusted.

pub(crate) mod server;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use parlance_types::frame::{Bye, ClientFrame, Cursor, ErrorFrame, Place, ServerFrame, SyncFrom};
use parlance_types::{CloseCode, Code, ConversationId, Event, MessageId, Position};
use proptest::collection::vec;
use proptest::prelude::*;

use super::{Entry, Machine, Options, Output, Saved, Update};
use server::{OTHER, Server, conversation, text};

/// What may happen next.
#[derive(Clone, Debug)]
enum Step {
    /// The application sends.
    Send(u8),
    /// Somebody else writes; the push of it may be lost, told twice, or come late.
    Write {
        to: u8,
        copies: u8,
        late: bool,
    },
    /// The oldest frame from the server, or the one after it, arrives.
    Arrive {
        second: bool,
    },
    /// A frame from the client arrives.
    Reach,
    Pass(u16),
    Lag,
    CutOff,
    /// The application stores what it has, events and position together.
    Store,
    /// The process dies; what was not stored is gone.
    Die,
    Restore {
        lost: u8,
    },
}

struct World {
    server: Server,
    machine: Machine,
    now: Instant,
    up: Vec<ClientFrame>,
    down: Vec<ServerFrame>,
    connected: bool,
    /// Pushes stopped until the client syncs.
    lagging: bool,
    /// The first event whose push this connection lost: cursors stay below.
    missed: Option<u64>,
    app: App,
    stored: (App, Saved),
    sent: Vec<Entry>,
    next_id: u64,
}

/// The application's own store.
#[derive(Clone, Default, Debug)]
struct App {
    logs: BTreeMap<ConversationId, Vec<Event>>,
    acknowledged: Vec<MessageId>,
}

impl App {
    fn take(&mut self, update: Update) {
        match update {
            Update::Event { event, .. } => {
                let log = self.logs.entry(event.conversation).or_default();
                assert_eq!(event.seq.get(), log.len() as u64 + 1, "the next one, once");
                log.push(*event);
            }
            Update::Truncated { conversation, prefix } => {
                let keep = prefix.map_or(0, |seq| seq.get() as usize);
                let log = self.logs.entry(conversation).or_default();
                assert!(keep <= log.len());
                log.truncate(keep);
            }
            Update::Sent { message_id, .. } => self.acknowledged.push(message_id),
            Update::Deleted { .. } | Update::Hidden { .. } => panic!("the model has none"),
            Update::Refused { entry, error } => panic!("refused {entry:?}: {error:?}"),
            _ => {}
        }
    }
}

impl World {
    fn new() -> Self {
        let now = Instant::now();
        let mut machine = Machine::new(Saved::default(), options(), now);
        machine.authenticate(now, "token");
        Self {
            server: Server::default(),
            machine,
            now,
            up: Vec::new(),
            down: Vec::new(),
            connected: false,
            lagging: false,
            missed: None,
            app: App::default(),
            stored: (App::default(), Saved::default()),
            sent: Vec::new(),
            next_id: 0,
        }
    }

    fn id(&mut self) -> MessageId {
        self.next_id += 1;
        MessageId::from_time(self.next_id, [0; 10])
    }

    fn drain(&mut self) {
        while let Some(output) = self.machine.poll() {
            match output {
                Output::Connect => {
                    self.connected = true;
                    self.lagging = false;
                    self.missed = None;
                    (self.up, self.down) = (Vec::new(), Vec::new());
                    self.machine.connected(self.now);
                }
                Output::Transmit(frame) if self.connected => self.up.push(frame),
                Output::Transmit(_) => {}
                Output::Disconnect => self.connected = false,
                Output::Update(update) => self.app.take(update),
                Output::Reauthenticate | Output::Stop(_) => panic!("{output:?}"),
            }
        }
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Send(to) => {
                let (message_id, place) = (self.id(), Place::Conversation(conversation(to % 3)));
                let entry =
                    Entry { message_id, place, action: text(&format!("mine {message_id}")) };
                self.sent.push(entry.clone());
                self.machine.send(self.now, entry);
            }
            Step::Write { to, copies, late } => self.write(to, copies, late),
            Step::Arrive { second } => {
                let overtakes = second && self.down.len() > 1 && self.machine.is_live();
                let at = usize::from(overtakes && is_push(&self.down[1]));
                if self.connected && at < self.down.len() {
                    let frame = self.down.remove(at);
                    self.machine.receive(self.now, frame);
                }
            }
            Step::Reach => self.reach(),
            Step::Pass(ms) => {
                self.now += Duration::from_millis(ms.into());
                self.machine.tick(self.now);
            }
            Step::Lag => {
                if self.connected && self.greeted() && !self.lagging {
                    self.lagging = true;
                    self.down.push(ServerFrame::Lag { cursor: self.cursor() });
                }
            }
            Step::CutOff => {
                if self.connected {
                    self.connected = false;
                    self.machine.disconnected(self.now);
                }
            }
            Step::Store => {
                if let Some(saved) = self.machine.saved() {
                    self.stored = (self.app.clone(), saved);
                }
            }
            Step::Die => self.die(),
            Step::Restore { lost } => self.restore(lost),
        }
        self.drain();
    }

    fn write(&mut self, to: u8, copies: u8, late: bool) {
        let id = self.id();
        let event = self.server.write(conversation(to % 3), OTHER, id, &text("theirs"));
        if self.connected && self.greeted() && !self.lagging {
            if copies == 0 {
                self.missed.get_or_insert(self.server.position());
            }
            for _ in 0..copies {
                let frame = ServerFrame::Event(Box::new(event.clone()));
                // Out of order, but not before `ready`.
                let greeting = |f: &ServerFrame| matches!(f, ServerFrame::Ready(_));
                let first = self.down.iter().position(greeting).map_or(0, |at| at + 1);
                let half = first + (self.down.len() - first) / 2;
                let at = if late { self.down.len() } else { half };
                self.down.insert(at, frame);
            }
        }
    }

    fn die(&mut self) {
        let (app, saved) = self.stored.clone();
        // What was sent after the last store was never promised to anybody, unless it was acknowledged.
        let kept: Vec<MessageId> = saved.outbox.iter().map(|e| e.message_id).collect();
        let done = &self.app.acknowledged;
        self.sent.retain(|e| {
            kept.contains(&e.message_id)
                || done.contains(&e.message_id)
                || app.acknowledged.contains(&e.message_id)
        });
        self.app = app;
        self.machine = Machine::new(saved, options(), self.now);
        self.machine.authenticate(self.now, "token");
        self.connected = false;
    }

    fn restore(&mut self, lost: u8) {
        self.connected = false;
        self.machine.disconnected(self.now);
        let lost = usize::from(lost) % 8;
        let before = self.server.clone();
        self.server.restore(lost);
        // Own messages that the backup does not have are the application's to offer again.
        let has =
            |id: MessageId| self.server.logs.values().flatten().any(|event| event.message_id == id);
        let gone: Vec<MessageId> = before.logs.values().flatten().map(|e| e.message_id).collect();
        self.sent.retain(|e| has(e.message_id) || !gone.contains(&e.message_id));
    }

    fn reach(&mut self) {
        if self.connected && !self.up.is_empty() {
            let frame = self.up.remove(0);
            let cursor = self.cursor();
            if let ClientFrame::Sync(sync) = &frame
                && !matches!(sync.from, SyncFrom::More(_))
            {
                (self.lagging, self.missed) = (false, None);
            }
            let answers = self.server.receive(&frame);
            self.down.extend(answers.into_iter().map(|answer| match answer {
                ServerFrame::Pong { n, .. } => ServerFrame::Pong { n, cursor: Some(cursor) },
                answer => answer,
            }));
        }
    }

    /// How far this connection was told everything.
    fn cursor(&self) -> Cursor {
        let cursor = self.server.cursor();
        let complete = self.missed.map_or(cursor.position.get(), |missed| missed - 1);
        Cursor { position: Position::new(complete), ..cursor }
    }

    /// `ready` was sent: from then on the server pushes.
    fn greeted(&self) -> bool {
        self.machine.is_live()
            || self.down.iter().any(|frame| matches!(frame, ServerFrame::Ready(_)))
    }

    /// No more faults: everything has to arrive.
    fn settle(&mut self) {
        for round in 0.. {
            for _ in 0..64 {
                self.step(&Step::Reach);
                self.step(&Step::Arrive { second: false });
            }
            self.step(&Step::Pass(400));
            let quiet = self.up.is_empty() && self.down.is_empty() && self.machine.is_settled();
            // A push that was lost and left no gap is found by the next listing: here, by another connection.
            if quiet && round > 200 {
                return;
            }
            if round == 150 {
                self.step(&Step::CutOff);
            }
            assert!(round < 1_000, "the client does not come to rest");
        }
    }
}

fn is_push(frame: &ServerFrame) -> bool {
    matches!(frame, ServerFrame::Event(_))
}

fn options() -> Options {
    Options { backlog: u64::MAX, seed: 1 }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => any::<u8>().prop_map(Step::Send),
        4 => (any::<u8>(), 0u8..3, any::<bool>())
            .prop_map(|(to, copies, late)| Step::Write { to, copies, late }),
        8 => any::<bool>().prop_map(|second| Step::Arrive { second }),
        8 => Just(Step::Reach),
        3 => (0u16..2_000).prop_map(Step::Pass),
        1 => Just(Step::Lag),
        1 => Just(Step::CutOff),
        2 => Just(Step::Store),
        1 => Just(Step::Die),
        1 => any::<u8>().prop_map(|lost| Step::Restore { lost }),
    ];
    vec(step, 0..120)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn whatever_happens_the_copy_converges_and_every_message_is_written_once(steps in steps()) {
        let mut world = World::new();
        for step in &steps {
            world.step(step);
        }
        world.settle();
        let theirs = &world.server.logs;
        for (conversation, log) in theirs {
            let mine = world.app.logs.get(conversation).map(Vec::as_slice).unwrap_or_default();
            prop_assert_eq!(mine.len(), log.len());
            for (mine, theirs) in mine.iter().zip(log) {
                prop_assert_eq!((mine.seq, mine.hash, mine.message_id, &mine.content),
                    (theirs.seq, theirs.hash, theirs.message_id, &theirs.content));
            }
        }
        for (conversation, log) in &world.app.logs {
            prop_assert!(log.is_empty() || theirs.contains_key(conversation));
        }
        for entry in &world.sent {
            let times = theirs.values().flatten().filter(|e| e.message_id == entry.message_id);
            prop_assert_eq!(times.count(), 1, "{:?}", entry);
        }
    }
}

fn live() -> World {
    let mut world = World::new();
    world.step(&Step::Pass(0));
    world.step(&Step::Reach);
    world.step(&Step::Arrive { second: false });
    assert!(world.machine.is_live());
    world
}

fn write_lost(world: &mut World) -> Event {
    let id = world.id();
    world.server.write(conversation(0), OTHER, id, &text("theirs"))
}

#[test]
fn a_gap_is_held_for_300_ms_and_then_pulled_on_the_same_connection() {
    let mut world = live();
    world.step(&Step::Write { to: 0, copies: 1, late: true });
    world.step(&Step::Arrive { second: false });
    write_lost(&mut world);
    world.step(&Step::Write { to: 0, copies: 1, late: true });
    world.step(&Step::Arrive { second: false });
    assert_eq!(world.app.logs[&conversation(0)].len(), 1, "the third event waits for the second");
    world.step(&Step::Pass(299));
    assert!(world.up.is_empty());
    world.step(&Step::Pass(1));
    assert!(matches!(world.up[..], [ClientFrame::Fetch(_)]), "{:?}", world.up);
    world.step(&Step::Reach);
    world.step(&Step::Arrive { second: false });
    assert_eq!(world.app.logs[&conversation(0)].len(), 3);
}

#[test]
fn a_gap_that_closes_by_itself_is_not_pulled() {
    let mut world = live();
    world.step(&Step::Write { to: 0, copies: 1, late: true });
    let second = write_lost(&mut world);
    world.step(&Step::Write { to: 0, copies: 1, late: true });
    world.step(&Step::Arrive { second: false });
    world.step(&Step::Arrive { second: false });
    world.step(&Step::Pass(200));
    world.machine.receive(world.now, ServerFrame::Event(Box::new(second)));
    world.drain();
    world.step(&Step::Pass(1_000));
    assert_eq!(world.app.logs[&conversation(0)].len(), 3);
    assert!(!world.up.iter().any(|frame| matches!(frame, ClientFrame::Fetch(_))));
}

#[test]
fn the_cursor_waits_for_what_it_covers() {
    let mut world = live();
    write_lost(&mut world);
    world.step(&Step::Write { to: 0, copies: 1, late: true });
    world.step(&Step::Arrive { second: false });
    let pong = ServerFrame::Pong { n: 1, cursor: Some(world.server.cursor()) };
    world.machine.receive(world.now, pong);
    world.drain();
    let before = world.machine.saved().unwrap().cursor;
    assert_ne!(before, Some(world.server.cursor()), "event 1 is covered and not held");
    world.settle();
    assert_eq!(world.machine.saved().unwrap().cursor, Some(world.server.cursor()));
    assert_ne!(world.machine.saved().unwrap().cursor, before);
}

#[test]
fn an_error_is_retried_as_its_code_says_and_under_the_same_id() {
    let mut world = live();
    world.step(&Step::Send(0));
    let ClientFrame::Send(first) = world.up.remove(0) else { panic!() };
    let refuse = |world: &mut World, id, code, retry_after_ms| {
        let error = ErrorFrame { retry_after_ms, ..ErrorFrame::new(Some(id), code) };
        world.machine.receive(world.now, ServerFrame::Error(error));
        world.drain();
    };
    refuse(&mut world, first.id, Code::OutcomeUnknown, None);
    let ClientFrame::Send(second) = world.up.remove(0) else { panic!("retried at once") };
    assert_eq!(second.message_id, first.message_id);
    assert_ne!(second.id, first.id);
    refuse(&mut world, second.id, Code::RateLimited, Some(5_000));
    world.step(&Step::Pass(4_999));
    assert!(!world.up.iter().any(|frame| matches!(frame, ClientFrame::Send(_))));
    world.step(&Step::Pass(1));
    let third = world.up.iter().find_map(|frame| match frame {
        ClientFrame::Send(send) => Some(send.clone()),
        _ => None,
    });
    let third = third.expect("retried after five seconds");
    assert_eq!(third.message_id, first.message_id);
    let error = ErrorFrame::new(Some(third.id), Code::Forbidden);
    world.machine.receive(world.now, ServerFrame::Error(error));
    let refused = std::iter::from_fn(|| world.machine.poll())
        .any(|output| matches!(output, Output::Update(Update::Refused { .. })));
    assert!(refused && world.machine.saved().unwrap().outbox.is_empty());
}

#[test]
fn an_expired_token_asks_for_another_and_goes_on() {
    let mut world = live();
    world.step(&Step::Send(0));
    let bye = Bye { code: CloseCode::SessionRevoked, retry_after_ms: None, spread_ms: None };
    world.machine.receive(world.now, ServerFrame::Bye(bye));
    world.machine.disconnected(world.now);
    let outputs: Vec<Output> = std::iter::from_fn(|| world.machine.poll()).collect();
    assert!(outputs.contains(&Output::Reauthenticate), "{outputs:?}");
    world.machine.authenticate(world.now, "another");
    world.settle();
    assert_eq!(world.server.logs[&conversation(0)].len(), 1);
}

#[test]
fn a_silent_server_is_left() {
    let mut world = live();
    let mut waited = 0;
    while world.connected {
        world.step(&Step::Pass(1_000));
        world.up.clear();
        waited += 1;
        assert!(waited <= 40, "30 s heartbeat and 10 s grace");
    }
    assert_eq!(waited, 40);
}
