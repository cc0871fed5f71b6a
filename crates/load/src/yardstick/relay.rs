//! The sockets of the yardstick: who is in which room, and what waits for the disk.

use std::io;
use std::mem::{MaybeUninit, take};
use std::net::TcpListener;
use std::ops::Range;
use std::path::Path;

use hashbrown::HashMap;
use parlance_websocket::{Opcode, header};

use super::file::Disk;
use crate::poll::{Events, Poller};
use crate::scan::{field, string};
use crate::socket::{Incoming, Outgoing, Socket};

const LISTENER: u64 = u64::MAX;
const DISK: u64 = u64::MAX - 1;
const READ_BYTES: usize = 64 * 1024;
/// Accepts between two rounds of reads.
const ACCEPTS: usize = 64;

type Connection = usize;

/// A message whose bytes are on their way to the disk.
struct Pending {
    sender: Connection,
    id: u64,
    /// Its frame in the batch.
    frame: Range<usize>,
}

/// Messages of one batch.
#[derive(Default)]
struct Batch {
    /// Frames as the receivers get them, headers included: what is written to the disk and then sent.
    frames: Vec<u8>,
    pending: Vec<Pending>,
}

#[derive(Default)]
struct Rooms {
    by_name: HashMap<String, usize>,
    members: Vec<Vec<Connection>>,
    /// By connection.
    of: Vec<Option<usize>>,
}

struct Relay {
    sockets: Vec<Option<Socket>>,
    rooms: Rooms,
    gathering: Batch,
    writing: Batch,
    disk: Disk,
    disk_busy: bool,
    /// With something to write, each once.
    touched: Vec<Connection>,
    is_touched: Vec<bool>,
    poller: Poller,
}

pub(super) fn run(listener: &TcpListener, file: &Path) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let disk = Disk::open(file)?;
    let poller = Poller::new()?;
    poller.add(listener, LISTENER, false)?;
    poller.add(disk.done(), DISK, false)?;
    let mut relay = Relay {
        sockets: Vec::new(),
        rooms: Rooms::default(),
        gathering: Batch::default(),
        writing: Batch::default(),
        disk,
        disk_busy: false,
        touched: Vec::new(),
        is_touched: Vec::new(),
        poller,
    };
    let mut buffer = vec![0; READ_BYTES];
    let mut ready = Vec::with_capacity(1024);
    loop {
        let mut events: Events = [MaybeUninit::uninit(); _];
        ready.extend(relay.poller.wait(&mut events, None)?);
        for ready in ready.drain(..) {
            match ready.token {
                LISTENER => relay.accept(listener)?,
                DISK => relay.written()?,
                token => {
                    let connection = token as usize;
                    if ready.readable {
                        relay.read(connection, &mut buffer);
                    }
                    if ready.writable {
                        relay.touch(connection);
                    }
                }
            }
        }
        relay.write_batch();
        relay.flush()?;
    }
}

impl Relay {
    fn accept(&mut self, listener: &TcpListener) -> io::Result<()> {
        for _ in 0..ACCEPTS {
            match listener.accept() {
                Ok((stream, _)) => {
                    let socket = Socket::accept(stream)?;
                    self.poller.add(&socket, self.sockets.len() as u64, false)?;
                    self.sockets.push(Some(socket));
                    self.is_touched.push(false);
                    self.rooms.of.push(None);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn read(&mut self, connection: Connection, buffer: &mut [u8]) {
        let Some(socket) = &mut self.sockets[connection] else { return };
        let (batch, rooms) = (&mut self.gathering, &mut self.rooms);
        let alive = socket.read(buffer, |incoming, out| {
            if let Incoming::Text(text) = incoming {
                receive(connection, text, out, batch, rooms);
            }
        });
        let answers = !socket.out().is_empty();
        if !alive.unwrap_or(false) {
            self.sockets[connection] = None;
            self.rooms.leave(connection);
        } else if answers {
            self.touch(connection);
        }
    }

    fn touch(&mut self, connection: Connection) {
        if !std::mem::replace(&mut self.is_touched[connection], true) {
            self.touched.push(connection);
        }
    }

    /// Hands what has gathered to the disk, if it is free.
    fn write_batch(&mut self) {
        if self.disk_busy || self.gathering.frames.is_empty() {
            return;
        }
        std::mem::swap(&mut self.gathering, &mut self.writing);
        self.disk.write(take(&mut self.writing.frames));
        self.disk_busy = true;
    }

    /// A batch is durable: everybody gets it.
    fn written(&mut self) -> io::Result<()> {
        let Some(frames) = self.disk.finish()? else { return Ok(()) };
        self.disk_busy = false;
        let mut batch = Batch { frames, pending: take(&mut self.writing.pending) };
        for Pending { sender, id, frame } in batch.pending.drain(..) {
            let Some(room) = self.rooms.of[sender] else { continue };
            let bytes = &batch.frames[frame];
            for &member in &self.rooms.members[room] {
                let Some(socket) = &mut self.sockets[member] else { continue };
                if member == sender {
                    answer(socket.out(), id);
                } else {
                    socket.out().raw(bytes);
                }
                if !std::mem::replace(&mut self.is_touched[member], true) {
                    self.touched.push(member);
                }
            }
        }
        batch.frames.clear();
        self.writing = batch;
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        for connection in self.touched.drain(..) {
            self.is_touched[connection] = false;
            let Some(socket) = &mut self.sockets[connection] else { continue };
            // A connection that is gone says so when it is read.
            if let Ok(true) = socket.flush() {
                self.poller.set(&*socket, connection as u64, true, socket.is_blocked())?;
            }
        }
        Ok(())
    }
}

impl Rooms {
    fn join(&mut self, connection: Connection, name: &str) {
        let next = self.members.len();
        let room = *self.by_name.entry_ref(name).or_insert(next);
        if room == next {
            self.members.push(Vec::new());
        }
        self.members[room].push(connection);
        self.of[connection] = Some(room);
    }

    fn leave(&mut self, connection: Connection) {
        if let Some(room) = self.of[connection].take() {
            self.members[room].retain(|member| *member != connection);
        }
    }
}

fn receive(
    connection: Connection,
    text: &str,
    out: &mut Outgoing,
    batch: &mut Batch,
    rooms: &mut Rooms,
) {
    if let Some(id) = text.strip_prefix(r#"{"send":{"id":"#) {
        let digits = id.bytes().take_while(u8::is_ascii_digit).count();
        let Ok(id) = id[..digits].parse() else { return };
        let start = batch.frames.len();
        batch.frames.extend_from_slice(&header(Opcode::Text, text.len(), true, None));
        batch.frames.extend_from_slice(text.as_bytes());
        let frame = start..batch.frames.len();
        batch.pending.push(Pending { sender: connection, id, frame });
    } else if let Some(hello) = field(text, "hello") {
        if let Some(room) = field(hello, "token").and_then(string) {
            rooms.join(connection, room);
        }
        out.text(r#"{"ready":{}}"#);
    } else if text.starts_with(r#"{"ping":"#) {
        out.text(r#"{"pong":{"n":1}}"#);
    }
}

fn answer(out: &mut Outgoing, id: u64) {
    let mut text = *br#"{"ok":{"id":00000000000000000000}}"#;
    let mut digits = [0; 20];
    let digits = decimal(id, &mut digits);
    let start = br#"{"ok":{"id":"#.len();
    text[start..start + digits.len()].copy_from_slice(digits);
    text[start + digits.len()..start + digits.len() + 2].copy_from_slice(b"}}");
    let text = &text[..start + digits.len() + 2];
    out.text(std::str::from_utf8(text).expect("digits are ASCII"));
}

fn decimal(mut number: u64, buffer: &mut [u8; 20]) -> &[u8] {
    let mut at = buffer.len();
    loop {
        at -= 1;
        buffer[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            return &buffer[at..];
        }
    }
}
