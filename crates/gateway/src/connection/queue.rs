//! The outgoing side of a connection: a queue with a bound, written by whoever fills it, and the connection's state machine beside it.
//!
//! A socket's line: shards write straight to the socket after each group, so that a message costs one system call and wakes nobody. Only when the socket
//! takes no more does the connection's own task wait for it and write. A push that finds the queue full turns the connection into
//! *lagging*: pushes stop, the client is told where it stands and pulls. Replies are never dropped; while they exceed their
//! share, the task does not read.
//!
//! An answer's line: the connection's task takes what is queued whenever the answer has room.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use bytes::{Buf, Bytes};
use parking_lot::Mutex;
use parlance_core::connection::{Connection, Input, Output, Wish};
use parlance_engine::outlet::{Outlet, Peer, Push, Shared};
use parlance_engine::{Metrics, Watermark};
use parlance_types::frame::{Cursor, ErrorFrame, ServerFrame};
use parlance_types::{Epoch, Position};
use tokio::sync::Notify;

use super::now_ms;
use super::wire::Wire;
use crate::socket::Writer;

/// Bytes in the queue beyond which a push makes the connection lag.
const PUSH_BYTES_MAX: usize = 256 * 1024;
/// Bytes in the queue beyond which what is of no more use in a moment is dropped.
const PASSING_BYTES_MAX: usize = 32 * 1024;
/// Bytes in the queue beyond which the socket is not read.
const REPLY_BYTES_MAX: usize = 512 * 1024;
/// Bytes gathered for one write.
const WRITE_BYTES: usize = 64 * 1024;

thread_local! {
    static SCRATCH: RefCell<Vec<u8>> = RefCell::new(Vec::with_capacity(WRITE_BYTES));
}

struct Queue {
    machine: Connection,
    frames: VecDeque<Bytes>,
    bytes: usize,
    /// Of those, what the figures of the node count: what was left after the last write.
    counted: usize,
    /// `ready` was queued: writing may begin.
    greeted: bool,
    /// A flush is owed by somebody.
    dirty: bool,
    /// The socket took no more; the connection's task writes when it does again.
    blocked: bool,
    /// The socket took all frames and has not sent them all, as a secure one may.
    held: bool,
    /// The connection's task waits until it may read on.
    paused: bool,
    /// Nothing is queued any more: the last frame was a close.
    closed: bool,
    /// The session was ended.
    revoked: bool,
}

/// Where the bytes of a queue go.
pub(crate) enum Line {
    /// To the socket, written by whoever fills the queue.
    Socket(Writer),
    /// Into the answer to a request, taken by the connection's task.
    Answer,
}

/// What was taken for an answer.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) frames: Vec<Bytes>,
    /// With these the client has everything up to here. `None`: more is queued, or that cannot be told now.
    pub(crate) position: Option<Position>,
}

/// The queue of a connection, and the line on which it leaves.
pub(crate) struct Outgoing {
    peer: Peer,
    epoch: Epoch,
    line: Line,
    wire: Wire,
    queue: Mutex<Queue>,
    /// Wakes the connection's task: the socket is blocked, reading may go on, or the session was ended.
    pub(crate) wake: Notify,
    watermark: Arc<Watermark>,
    metrics: Arc<Metrics>,
}

/// What the connection's task has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Need {
    /// Wait until the socket takes bytes, and write.
    pub(crate) write: bool,
    /// Read what the client has to say.
    pub(crate) read: bool,
    pub(crate) revoked: bool,
    /// Everything is written and a close frame was the last of it.
    pub(crate) done: bool,
    /// When time alone changes something.
    pub(crate) deadline_ms: Option<u64>,
}

impl Outgoing {
    pub(crate) fn new(
        peer: Peer,
        epoch: Epoch,
        machine: Connection,
        (line, wire): (Line, Wire),
        (watermark, metrics): (Arc<Watermark>, Arc<Metrics>),
    ) -> Self {
        let queue = Queue {
            machine,
            frames: VecDeque::new(),
            bytes: 0,
            counted: 0,
            greeted: false,
            dirty: false,
            blocked: false,
            held: false,
            paused: false,
            closed: false,
            revoked: false,
        };
        Self {
            peer,
            epoch,
            line,
            wire,
            queue: Mutex::new(queue),
            wake: Notify::new(),
            watermark,
            metrics,
        }
    }

    pub(crate) fn wire(&self) -> Wire {
        self.wire
    }

    /// A frame as bytes for this connection.
    pub(crate) fn encode(&self, frame: &ServerFrame) -> Bytes {
        self.wire.encode(frame)
    }

    /// What the machine says to `input`.
    pub(crate) fn handle(&self, input: Input) -> Output {
        let mut queue = self.queue.lock();
        let pushed = queue.machine.pushes();
        let output = queue.machine.handle(now_ms(), input);
        if queue.greeted && !pushed && queue.machine.pushes() {
            self.metrics.lagging.add(-1);
        }
        output
    }

    /// How far the connection has everything now, for a pong.
    pub(crate) fn cover(&self) {
        let covered = Input::Covered(self.watermark.get());
        self.queue.lock().machine.handle(now_ms(), covered);
    }

    pub(crate) fn cursor(&self, position: Position) -> Cursor {
        Cursor { epoch: self.epoch, position }
    }

    /// Puts `ready` before everything that was pushed since the registration, and begins to write.
    pub(crate) fn greet(&self, ready: Bytes, authenticated: Input) {
        {
            let mut queue = self.queue.lock();
            queue.bytes += ready.len();
            queue.frames.push_front(ready);
            queue.greeted = true;
            queue.machine.handle(now_ms(), authenticated);
        }
        self.flush();
    }

    /// Queues the answer to something else than a command, as a whole WebSocket message. True if nobody owes a flush yet.
    pub(crate) fn send(&self, bytes: Bytes) -> bool {
        self.queue.lock().enqueue(bytes)
    }

    /// Queues the close frame; nothing is queued after it.
    pub(crate) fn close(&self, bytes: Bytes) {
        {
            let mut queue = self.queue.lock();
            queue.greeted = true;
            queue.enqueue(bytes);
            queue.closed = true;
        }
        self.flush();
    }

    pub(crate) fn need(&self) -> Need {
        let mut queue = self.queue.lock();
        queue.paused = !queue.may_read();
        if matches!(self.line, Line::Answer) && queue.greeted && !queue.frames.is_empty() {
            // The caller looks for room from now on, and need not be woken for more.
            queue.block(true);
        }
        Need {
            write: queue.blocked && !queue.is_empty(),
            read: !queue.paused,
            revoked: queue.revoked && !queue.closed,
            done: queue.closed && queue.is_empty(),
            deadline_ms: queue.machine.deadline(),
        }
    }

    /// Waits until the socket takes bytes.
    pub(crate) async fn writable(&self) -> io::Result<()> {
        match &self.line {
            Line::Socket(socket) => socket.writable().await,
            Line::Answer => std::future::pending().await,
        }
    }

    /// Takes what is queued for an answer, up to about `bytes_max`; one frame may be larger.
    pub(crate) fn take(&self, bytes_max: usize) -> Taken {
        let mut queue = self.queue.lock();
        let (mut frames, mut bytes) = (Vec::new(), 0);
        while let Some(frame) =
            queue.frames.pop_front_if(|frame| bytes == 0 || bytes + frame.len() <= bytes_max)
        {
            bytes += frame.len();
            frames.push(frame);
        }
        queue.bytes -= bytes;
        self.count(&mut queue);
        queue.block(false);
        let mut position = None;
        if queue.frames.is_empty() {
            queue.frames = VecDeque::new();
            // What was fanned out up to the watermark was queued before, and so it is among what was taken.
            let covered = Input::Covered(self.watermark.get());
            queue.machine.handle(now_ms(), covered);
            position = queue.machine.position();
        }
        Taken { frames, position }
    }

    /// The heads that the connection wants, if its client has taken everything and cannot ask for them.
    pub(crate) fn wish(&self) -> Option<Wish> {
        let queue = self.queue.lock();
        if queue.frames.is_empty() && !queue.closed { queue.machine.wish() } else { None }
    }

    /// Writes after the socket was blocked.
    pub(crate) fn unblock(&self) -> io::Result<()> {
        let mut queue = self.queue.lock();
        queue.blocked = false;
        self.write(&mut queue)
    }

    /// The socket is gone: nothing more will be written.
    pub(crate) fn abandon(&self) {
        let mut queue = self.queue.lock();
        if queue.greeted && !queue.closed && !queue.machine.pushes() {
            self.metrics.lagging.add(-1);
        }
        queue.closed = true;
        queue.drop_frames();
        self.count(&mut queue);
    }

    fn write(&self, queue: &mut Queue) -> io::Result<()> {
        let written = match &self.line {
            Line::Socket(socket) => self.write_to(socket, queue),
            Line::Answer => {
                if !queue.frames.is_empty() {
                    self.wake.notify_one();
                }
                Ok(())
            }
        };
        self.count(queue);
        written
    }

    /// Counts what is left in the queue. Mostly that is nothing, as it was before.
    fn count(&self, queue: &mut Queue) {
        if queue.counted != queue.bytes {
            self.metrics.queued_bytes.change(queue.counted, queue.bytes);
            queue.counted = queue.bytes;
        }
    }

    fn write_to(&self, socket: &Writer, queue: &mut Queue) -> io::Result<()> {
        let before = queue.bytes;
        while !queue.frames.is_empty() && !queue.blocked {
            let result = match queue.frames.front() {
                Some(only) if queue.frames.len() == 1 || only.len() >= WRITE_BYTES => {
                    self.try_write(socket, only)
                }
                _ => self.write_gathered(socket, &queue.frames),
            };
            match result {
                Ok(written) => queue.consume(written),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => queue.blocked = true,
                Err(error) => return Err(error),
            }
        }
        if queue.frames.is_empty() {
            // An idle connection holds no memory but its own.
            queue.frames = VecDeque::new();
        }
        let held = socket.send_held()?;
        queue.held = held.left;
        queue.blocked |= held.left;
        let progressed = queue.bytes < before || held.moved;
        let wrote = Input::Wrote { progressed, blocked: queue.blocked };
        queue.machine.handle(now_ms(), wrote);
        Ok(())
    }

    fn write_gathered(&self, socket: &Writer, frames: &VecDeque<Bytes>) -> io::Result<usize> {
        SCRATCH.with_borrow_mut(|scratch| {
            scratch.clear();
            for frame in frames {
                if !scratch.is_empty() && scratch.len() + frame.len() > WRITE_BYTES {
                    break;
                }
                scratch.extend_from_slice(frame);
            }
            self.try_write(socket, scratch)
        })
    }

    fn try_write(&self, socket: &Writer, bytes: &[u8]) -> io::Result<usize> {
        self.metrics.socket_writes.increment();
        let written = socket.try_write(bytes)?;
        self.metrics.written_bytes.add(written as u64);
        Ok(written)
    }
}

impl Queue {
    /// An answer has no room for what is queued, or took of it.
    fn block(&mut self, blocked: bool) {
        if blocked && self.blocked {
            return;
        }
        self.blocked = blocked;
        let wrote = Input::Wrote { progressed: !blocked, blocked };
        self.machine.handle(now_ms(), wrote);
    }

    /// Replies may not be dropped, so what would cause more of them is not read.
    fn may_read(&self) -> bool {
        self.machine.reads() && self.bytes <= REPLY_BYTES_MAX
    }

    /// Everything is on its way.
    fn is_empty(&self) -> bool {
        self.frames.is_empty() && !self.held
    }

    /// True if nobody owes a flush yet.
    fn enqueue(&mut self, bytes: Bytes) -> bool {
        if self.closed {
            return false;
        }
        self.bytes += bytes.len();
        self.frames.push_back(bytes);
        !std::mem::replace(&mut self.dirty, true)
    }

    fn drop_frames(&mut self) {
        self.frames = VecDeque::new();
        self.bytes = 0;
        self.held = false;
    }

    fn consume(&mut self, mut written: usize) {
        self.bytes -= written;
        while written > 0 {
            let Some(front) = self.frames.front_mut() else { return };
            if front.len() > written {
                front.advance(written);
                return;
            }
            written -= front.len();
            self.frames.pop_front();
        }
    }
}

impl Outlet for Outgoing {
    fn peer(&self) -> Peer {
        self.peer
    }

    fn push(&self, frame: &Shared<'_>) -> bool {
        let mut queue = self.queue.lock();
        if queue.greeted && !queue.machine.pushes() {
            return false;
        }
        if frame.push().passes() && (!queue.greeted || queue.bytes > PASSING_BYTES_MAX) {
            return false;
        }
        if queue.greeted && queue.bytes > PUSH_BYTES_MAX {
            // The group at hand is above the watermark, so the cursor ends before what is dropped here.
            queue.machine.handle(now_ms(), Input::Covered(self.watermark.get()));
            let Output::Lag(position) = queue.machine.handle(now_ms(), Input::Overflowed) else {
                return false;
            };
            self.metrics.lags.increment();
            self.metrics.lagging.add(1);
            return queue.enqueue(self.encode(&ServerFrame::Lag { cursor: self.cursor(position) }));
        }
        let own = matches!(frame.push(), Push::Event(event) if event.sender == self.peer.account);
        let wire = self.wire;
        queue.enqueue(frame.wire(wire.shape(own), |push| wire.encode_push(push, own)))
    }

    fn reply(&self, frame: &ServerFrame) -> bool {
        let bytes = self.encode(frame);
        let mut queue = self.queue.lock();
        if matches!(frame, ServerFrame::Ok(_) | ServerFrame::Error(ErrorFrame { id: Some(_), .. }))
        {
            queue.machine.handle(now_ms(), Input::Answered);
        }
        queue.enqueue(bytes)
    }

    fn flush(&self) {
        let mut queue = self.queue.lock();
        queue.dirty = false;
        if queue.blocked || !queue.greeted {
            return;
        }
        if self.write(&mut queue).is_err() {
            // The reading side finds the same error and ends the connection.
            queue.closed = true;
            queue.drop_frames();
            self.count(&mut queue);
        }
        if queue.blocked || queue.closed || (queue.paused && queue.may_read()) {
            self.wake.notify_one();
        }
    }

    fn revoke(&self) {
        self.queue.lock().revoked = true;
        self.wake.notify_one();
    }
}
