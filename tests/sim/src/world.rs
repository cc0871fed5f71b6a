//! The world: an agenda of what happens next, and everybody in it.
//!
//! Between two moments of the agenda the runtime lets every task of the servers run until all of them wait. It decides when things
//! happen, and nothing about whether they are right.

mod network;
mod quiet;
mod servers;

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use parlance_engine::accounts::Accounts;
use parlance_engine::shard::ShardConfig;
use parlance_ports::memory::{CommitFault, Faults, MemoryConversations};
use parlance_types::frame::{RequestId, ServerFrame};
use parlance_types::{Command, Epoch};
use tokio::task::JoinSet;

use crate::cast::{self, SimClock};
use crate::client::{Act, Device, Up};
use crate::faults::{Fault, Plan};
use crate::judge::{Counts, Judge};
use crate::mutant::Mutation;
use crate::node::log::Log;
use crate::random::Random;
use crate::wire::Known;
use crate::{Report, Shape};
use network::Connection;
use servers::Seat;

/// Something that happens.
enum Step {
    /// Somebody does something.
    Act(usize),
    /// A device sends what is due, and its connection moves on.
    Work(usize),
    /// Arrives at the server, with what the client claims to know.
    Up(u64, Up, Known),
    /// Arrives at a device, by that connection.
    Down(usize, u64, Box<ServerFrame>),
    /// A request of the other door arrives at the server.
    Ask(usize, RequestId, Box<Command>),
    /// Its answer arrives at the device.
    Answer(usize, Box<ServerFrame>),
    /// The server notices that a connection is gone.
    Hangup(u64),
    Fault(Fault),
    /// A node starts.
    Start(usize),
}

pub(crate) struct World {
    random: Random,
    clock: SimClock,
    shape: Shape,
    plan: Plan,
    /// Events from which on shards save a state: in some stories at once.
    save_from: u32,
    mutation: Option<Mutation>,
    judge: Arc<Judge>,
    store: Arc<MemoryConversations>,
    accounts: Arc<Accounts>,
    log: Arc<Log>,
    seats: Vec<Option<Seat>>,
    /// Lives of nodes so far.
    lives: u64,
    devices: Vec<Device>,
    connections: BTreeMap<u64, Connection>,
    /// Answers of the other door that are about to leave.
    answers: Arc<Mutex<Vec<(usize, ServerFrame)>>>,
    /// Requests that run beside the servers' loops.
    helpers: JoinSet<()>,
    agenda: BTreeMap<(u64, u64), Step>,
    /// Steps and connections are numbered.
    number: u64,
    /// People have stopped, and nothing goes wrong any more.
    quiet: bool,
}

impl World {
    pub(crate) async fn play(seed: u64, shape: Shape, mutation: Option<Mutation>) -> Report {
        let mut world = Self::new(seed, shape, mutation).await;
        world.begin();
        world.run_until(world.plan.end_ms).await;
        let counts = world.conclude().await;
        Report { seed, shape, violations: world.judge.violations(), counts }
    }

    async fn new(seed: u64, shape: Shape, mutation: Option<Mutation>) -> Self {
        let mut random = Random::new(seed);
        let clock = SimClock::new();
        let owners = shape == Shape::TwoOwners;
        let plan = Plan::new(&mut random, owners);
        let store = Arc::new(MemoryConversations::new(Epoch::from_bytes(random.bytes())));
        let judge = Arc::new(Judge::new(clock, owners, store.clone()));
        let devices = (0..cast::ACCOUNTS * cast::DEVICES)
            .map(|index| Device::new(index / cast::DEVICES, index % cast::DEVICES, &mut random));
        let devices = devices.collect();
        Self {
            random,
            clock,
            shape,
            plan,
            save_from: if seed % 8 == 3 { 1 } else { ShardConfig::default().save_from },
            mutation,
            judge,
            store,
            accounts: cast::accounts(clock).await,
            log: Arc::default(),
            seats: (0..if owners { 2 } else { 1 }).map(|_| None).collect(),
            lives: 0,
            devices,
            connections: BTreeMap::new(),
            answers: Arc::default(),
            helpers: JoinSet::new(),
            agenda: BTreeMap::new(),
            number: 0,
            quiet: false,
        }
    }

    fn begin(&mut self) {
        for node in 0..self.seats.len() {
            self.start(node);
        }
        for device in 0..self.devices.len() {
            let (act, work) = (self.random.below(300), self.random.below(50));
            self.at(act, Step::Act(device));
            self.at(work, Step::Work(device));
        }
        for (at, fault) in self.plan.faults.clone() {
            self.at(at, Step::Fault(fault));
        }
    }

    fn now(&self) -> u64 {
        self.clock.ms()
    }

    /// Puts a step on the agenda; of those of one moment the first planned comes first.
    fn at(&mut self, ms: u64, step: Step) {
        self.number += 1;
        self.agenda.insert((ms, self.number), step);
    }

    fn after(&mut self, ms: u64, step: Step) {
        self.at(self.now() + ms, step);
    }

    fn faults(&self) -> Faults {
        self.store.faults()
    }

    async fn run_until(&mut self, end_ms: u64) {
        while let Some(entry) = self.agenda.first_entry() {
            let (at, _) = *entry.key();
            if at > end_ms {
                break;
            }
            let step = entry.remove();
            if at > self.now() {
                tokio::time::sleep_until(self.clock.instant(at)).await;
            }
            // Some of the tasks get some of the time before the next thing happens.
            for _ in 0..self.random.below(4) {
                tokio::task::yield_now().await;
            }
            self.step(step).await;
            self.send_answers();
            self.look_for_panics();
        }
        tokio::time::sleep_until(self.clock.instant(end_ms)).await;
    }

    async fn step(&mut self, step: Step) {
        match step {
            Step::Act(device) => self.act(device),
            Step::Work(device) => self.work(device),
            Step::Up(connection, up, known) => self.up(connection, up, known),
            Step::Down(device, connection, frame) => self.down(device, connection, *frame),
            Step::Ask(device, request, command) => self.ask(device, request, *command),
            Step::Answer(device, frame) => self.answer(device, &frame),
            Step::Hangup(connection) => self.hang_up(connection),
            Step::Fault(fault) => self.fault(fault).await,
            Step::Start(node) => self.start(node),
        }
    }

    fn act(&mut self, device: usize) {
        if self.quiet {
            return;
        }
        let pause = self.random.between(20, 260);
        self.after(pause, Step::Act(device));
        let at_ms = self.clock.unix_ms(self.devices[device].skew_ms);
        match self.devices[device].choose(at_ms, &mut self.random) {
            Act::Wish(command) => {
                self.judge.said(&command);
                self.devices[device].wish(command);
            }
            Act::Mark(conversation, delivered, read) => {
                self.send(device, Up::Mark(conversation, delivered, read));
            }
            Act::Ping => self.send(device, Up::Ping),
            Act::Cut => self.cut(device),
            Act::Crash => {
                self.cut(device);
                self.devices[device].crash();
            }
            Act::Nothing => {}
        }
    }

    async fn fault(&mut self, fault: Fault) {
        if self.quiet {
            return;
        }
        match fault {
            Fault::Hold => self.faults().hold(),
            Fault::Release => self.faults().release_all(),
            Fault::Full => self.faults().inject([CommitFault::Full]),
            Fault::Broken => self.faults().inject([CommitFault::Broken]),
            Fault::Unknown { survives } => {
                self.faults().inject([CommitFault::Unknown { survives }]);
            }
            Fault::Crash => self.crash().await,
            Fault::NodeCrash => {
                let node = self.random.below(self.seats.len() as u64) as usize;
                self.kill(node).await;
                let pause = self.random.between(10, 1_000);
                self.after(pause, Step::Start(node));
            }
            Fault::Stop => self.stop().await,
        }
    }

    /// The counts of a run that is over.
    async fn conclude(&mut self) -> Counts {
        self.calm_down().await;
        self.judgement().await
    }
}
