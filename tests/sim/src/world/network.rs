//! The network between devices and nodes, and the other door beside the sockets.
//!
//! A connection keeps the order of bytes until it breaks, and then its end is lost; pushes between two cursors may come twice or
//! in another order. The other door loses, repeats, reorders and delays as it likes.

use std::sync::Arc;

use parlance_engine::follow::Followed;
use parlance_engine::outlet::{Outlet, Peer};
use parlance_engine::reply::{self, Reply};
use parlance_types::frame::{MarkRequest, RequestId, ServerFrame};
use parlance_types::{
    AccountId, Action, Command, ConnectionId, Salt, Seq, SessionId, Stamp, Verdict,
};
use tokio::sync::oneshot;

use super::{Step, World};
use crate::cast;
use crate::client::Up;
use crate::mutant::Mutation;
use crate::node::Node;
use crate::wire::{Known, Misdirected, Wire};

/// A connection as the network knows it.
pub(super) struct Connection {
    seat: usize,
    node: Arc<dyn Node>,
    wire: Arc<Wire>,
    /// A mutant's second registration.
    misdirected: Option<Peer>,
    /// Nothing arrives before what was sent before it.
    up_ms: u64,
    down_ms: u64,
    /// Something was lost: what comes after it is lost too.
    torn: bool,
}

impl World {
    /// A device sends what is due, takes what its connection has, and comes back for more.
    pub(super) fn work(&mut self, device: usize) {
        let pause = self.random.between(5, 90);
        self.after(pause, Step::Work(device));
        if self.devices[device].link.as_ref().is_some_and(|link| link.wire.is_closed()) {
            self.devices[device].disconnect();
        }
        if self.devices[device].link.is_none() {
            return self.connect(device);
        }
        let now = self.now();
        for up in self.devices[device].due(now) {
            self.send_somehow(device, up);
        }
        if self.random.percent(5) {
            self.send(device, Up::Ping);
        }
        self.pump(device);
    }

    fn connect(&mut self, device: usize) {
        let seat = self.home(device);
        let Some(node) = self.node(seat) else { return };
        self.number += 1;
        let number = self.number;
        let peer = self.peer(device, number);
        let wire = Arc::new(Wire::new(
            peer,
            node.epoch(),
            node.watermark(),
            self.judge.clone(),
            (self.plan.capacity, self.mutation),
        ));
        let now = self.now();
        let misdirected = None;
        let connection = Connection {
            seat,
            node,
            wire: wire.clone(),
            misdirected,
            up_ms: now,
            down_ms: now,
            torn: false,
        };
        self.connections.insert(number, connection);
        let hello = self.devices[device].connect(wire, number);
        self.send(device, hello);
    }

    fn peer(&mut self, device: usize, number: u64) -> Peer {
        let (account, id) = (self.devices[device].account, self.devices[device].id);
        let mut random = [0; 10];
        random[2..].copy_from_slice(&number.to_be_bytes());
        let connection = ConnectionId::from_time(self.clock.unix_ms(0), random);
        let session = SessionId::from_bytes([device as u8; 16]);
        Peer { connection, session, account, device: id }
    }

    /// Commands go by either door.
    fn send_somehow(&mut self, device: usize, up: Up) {
        let Up::Command(request, command) = up else { return self.send(device, up) };
        if !self.random.percent(25) {
            return self.send(device, Up::Command(request, command));
        }
        let copies = 1 + u64::from(self.random.percent(20));
        for _ in 0..copies {
            if self.loses() {
                continue;
            }
            let delay = self.random.between(1, 400);
            self.after(delay, Step::Ask(device, request, Box::new(command.clone())));
        }
    }

    fn loses(&mut self) -> bool {
        !self.quiet && self.random.percent(self.plan.loss)
    }

    /// Sends a frame on the device's connection, if it has one.
    pub(super) fn send(&mut self, device: usize, up: Up) {
        let Some(number) = self.devices[device].link.as_ref().map(|link| link.number) else {
            return;
        };
        let delay = self.random.between(1, 30);
        let now = self.now();
        let Some(connection) = self.connections.get_mut(&number) else { return };
        connection.up_ms = connection.up_ms.max(now + delay);
        let at = connection.up_ms;
        let known = match up {
            Up::Hello(Some(_)) => self.devices[device].replica.known(),
            _ => Known::new(),
        };
        self.at(at, Step::Up(number, up, known));
    }

    /// A device loses its connection; the server notices later, and may still get what was on its way.
    pub(super) fn cut(&mut self, device: usize) {
        let Some(link) = &self.devices[device].link else { return };
        let number = link.number;
        self.devices[device].disconnect();
        let delay = self.random.below(500);
        self.after(delay, Step::Hangup(number));
    }

    pub(super) fn hang_up(&mut self, number: u64) {
        let Some(connection) = self.connections.remove(&number) else { return };
        connection.wire.close();
        for peer in [Some(connection.wire.peer()), connection.misdirected].into_iter().flatten() {
            connection.node.hub().unregister(peer.account, peer.connection);
        }
    }

    /// Every connection of a node that is gone.
    pub(super) fn disconnect_all(&mut self, seat: usize) {
        for connection in self.connections.values().filter(|known| known.seat == seat) {
            connection.wire.close();
        }
        self.connections.retain(|_, connection| connection.seat != seat);
    }

    /// Lets some frames of the queue travel.
    fn pump(&mut self, device: usize) {
        let Some(number) = self.devices[device].link.as_ref().map(|link| link.number) else {
            return;
        };
        let count = self.random.between(1, 12) as usize;
        let Some(connection) = self.connections.get(&number) else { return };
        if connection.torn && !self.quiet {
            self.cut(device);
            return;
        }
        let mut frames = connection.wire.pump(count);
        self.disturb(&mut frames);
        if self.random.percent(2) && !self.quiet && !frames.is_empty() {
            frames.truncate(self.random.below(frames.len() as u64) as usize);
            if let Some(connection) = self.connections.get_mut(&number) {
                connection.torn = true;
            }
        }
        for frame in frames {
            let delay = self.random.between(1, 40);
            let now = self.now();
            let Some(connection) = self.connections.get_mut(&number) else { return };
            connection.down_ms = connection.down_ms.max(now + delay);
            let at = connection.down_ms;
            self.at(at, Step::Down(device, number, Box::new(frame)));
        }
    }

    /// Repeats a push, or lets two neighbours change places.
    fn disturb(&mut self, frames: &mut Vec<ServerFrame>) {
        let is_push =
            |frame: &ServerFrame| matches!(frame, ServerFrame::Event(_) | ServerFrame::Ok(_));
        for index in (0..frames.len()).rev() {
            if !is_push(&frames[index]) {
                continue;
            }
            match self.random.below(20) {
                0 => frames.insert(index, frames[index].clone()),
                1 if index > 0 && is_push(&frames[index - 1]) => frames.swap(index, index - 1),
                _ => {}
            }
        }
    }

    pub(super) fn down(&mut self, device: usize, number: u64, frame: ServerFrame) {
        let is_current =
            self.devices[device].link.as_ref().is_some_and(|link| link.number == number);
        if !is_current {
            return;
        }
        let now = self.now();
        for up in self.devices[device].receive(frame, now) {
            self.send(device, up);
        }
    }

    /// A frame of a client arrives.
    pub(super) fn up(&mut self, number: u64, up: Up, known: Known) {
        let Some(connection) = self.connections.get(&number) else { return };
        let (wire, node) = (connection.wire.clone(), connection.node.clone());
        let account = wire.peer().account;
        let (judge, clock, asked_ms) = (self.judge.clone(), self.clock, self.now());
        match up {
            Up::Hello(cursor) => {
                wire.hello(cursor, known);
                self.register(number, &wire, &*node);
                self.helpers.spawn(async move {
                    match node.list(account, cursor).await {
                        Ok(listed) => {
                            judge.heads(&listed.heads, asked_ms);
                            wire.greet(listed, parlance_engine::clock::Clock::now(&clock));
                        }
                        Err(_) => wire.close(),
                    }
                });
            }
            Up::Sync(cursor) => {
                if !wire.sync(0, cursor) {
                    return;
                }
                self.helpers.spawn(async move {
                    let listed = node.list(account, cursor).await.ok();
                    if let Some(listed) = &listed {
                        judge.heads(&listed.heads, asked_ms);
                    }
                    wire.synced(0, listed);
                });
            }
            Up::Fetch(fetch) => {
                self.helpers.spawn(async move {
                    if let Ok(page) = node.fetch(account, fetch).await {
                        judge.page(account, &page, asked_ms);
                        wire.page(page);
                    }
                });
            }
            Up::Command(id, command) => {
                let stamp = self.stamp(&command);
                wire.ask(id, command.clone());
                node.submit(
                    command,
                    stamp,
                    Reply::Socket { outlet: wire, id, followed: Followed::default() },
                );
            }
            Up::Mark(conversation, delivered, read) => {
                let (delivered, read) = (Seq::new(delivered), Seq::new(read));
                node.mark(&wire, MarkRequest { conversation, delivered, read });
            }
            Up::Ping => wire.ping(0),
        }
    }

    fn register(&mut self, number: u64, wire: &Arc<Wire>, node: &dyn Node) {
        node.hub().register(wire.clone());
        if self.mutation == Some(Mutation::WrongAudience) && self.random.percent(20) {
            let other = cast::account(self.random.below(cast::ACCOUNTS as u64) as usize);
            let claimed = Peer { account: other, ..wire.peer() };
            node.hub().register(Arc::new(Misdirected { wire: wire.clone(), claimed }));
            if let Some(connection) = self.connections.get_mut(&number) {
                connection.misdirected = Some(claimed);
            }
        }
    }

    /// What a node fixes when a command comes in.
    fn stamp(&mut self, command: &Command) -> Stamp {
        let exists = |account: &AccountId| *account != cast::nobody();
        let mut unknown_accounts: Vec<AccountId> = match &command.action {
            Action::Send { to, .. } => to.iter().copied().collect(),
            Action::Create { members, .. } => members.clone(),
            Action::Add { accounts } => accounts.clone(),
            _ => Vec::new(),
        };
        unknown_accounts.retain(|account| !exists(account));
        Stamp {
            time: parlance_engine::clock::Clock::now(&self.clock),
            salt: Salt::from_bytes(self.random.bytes()),
            verdict: Verdict::Allow,
            unknown_accounts,
        }
    }

    /// A request of the other door arrives.
    pub(super) fn ask(&mut self, device: usize, request: RequestId, command: Command) {
        let Some(node) = self.node(self.home(device)) else { return };
        let stamp = self.stamp(&command);
        let (sender, outcome) = oneshot::channel();
        node.submit(command.clone(), stamp, Reply::Once(sender));
        let (judge, answers) = (self.judge.clone(), self.answers.clone());
        self.helpers.spawn(async move {
            let Ok(outcome) = outcome.await else { return };
            let frame = reply::frame(request, &outcome);
            if let ServerFrame::Ok(ok) = &frame {
                judge.answered(&command, ok);
            }
            answers.lock().push((device, frame));
        });
    }

    pub(super) fn send_answers(&mut self) {
        let answers = std::mem::take(&mut *self.answers.lock());
        for (device, frame) in answers {
            let copies = 1 + u64::from(self.random.percent(10));
            for _ in 0..copies {
                if self.loses() {
                    continue;
                }
                let delay = self.random.between(1, 400);
                self.after(delay, Step::Answer(device, Box::new(frame.clone())));
            }
        }
    }

    pub(super) fn answer(&mut self, device: usize, frame: &ServerFrame) {
        let now = self.now();
        match frame {
            ServerFrame::Ok(ok) => self.devices[device].answered(ok),
            ServerFrame::Error(error) => self.devices[device].refused(error, now),
            _ => {}
        }
    }
}
