//! Thousands of client connections driven by one thread. Owns their sockets; what the frames mean is the [`Handler`]'s affair.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::poll::{Events, Poller};
use crate::random::Random;
use crate::socket::{Incoming, Outgoing, Socket};

/// What is read at once, from any connection: the buffer of the thread.
const READ_BYTES: usize = 256 * 1024;
/// The server hears something from every connection well within its heartbeat.
const PULSE: Duration = Duration::from_secs(20);

/// The connections' minds. `index` is that of the connection in its [`Fleet`]; what goes to `out` is written at the end of the turn.
pub(crate) trait Handler {
    fn opened(&mut self, index: usize, out: &mut Outgoing);
    fn text(&mut self, index: usize, text: &str, out: &mut Outgoing);
    /// The other end is gone; the place is free for [`Fleet::connect`].
    fn closed(&mut self, index: usize);
}

/// Client connections by index.
#[derive(Debug)]
pub(crate) struct Fleet {
    address: SocketAddr,
    poller: Poller,
    sockets: Vec<Option<Socket>>,
    /// Not read at the moment.
    paused: Vec<bool>,
    buffer: Box<[u8]>,
    random: Random,
    pulse: Instant,
    /// Time in which the thread had something to do.
    busy: Duration,
    gives_way: bool,
}

impl Fleet {
    pub(crate) fn new(address: SocketAddr, seed: u64) -> io::Result<Self> {
        Ok(Self {
            address,
            poller: Poller::new()?,
            sockets: Vec::new(),
            paused: Vec::new(),
            buffer: vec![0; READ_BYTES].into_boxed_slice(),
            random: Random::new(seed),
            pulse: Instant::now() + PULSE,
            busy: Duration::ZERO,
            gives_way: false,
        })
    }

    /// From now on the thread offers its core to others after each connection that it served: one that is woken would otherwise wait
    /// until the slice of this one is over, however nice it is.
    pub(crate) const fn give_way(&mut self) {
        self.gives_way = true;
    }

    /// Where [`Self::connect`] connects to from now on.
    pub(crate) const fn retarget(&mut self, address: SocketAddr) {
        self.address = address;
    }

    pub(crate) const fn busy(&self) -> Duration {
        self.busy
    }

    /// Starts a connection in the place `index`.
    pub(crate) fn connect(&mut self, index: usize) -> io::Result<()> {
        self.connect_with(index, None)
    }

    /// A connection whose kernel buffers little of what was not read.
    pub(crate) fn connect_with(
        &mut self,
        index: usize,
        receive_bytes: Option<usize>,
    ) -> io::Result<()> {
        let socket = Socket::connect(self.address, self.random.next(), receive_bytes)?;
        self.poller.add(&socket, index as u64, true)?;
        if self.sockets.len() <= index {
            self.sockets.resize_with(index + 1, || None);
            self.paused.resize(index + 1, false);
        }
        self.paused[index] = false;
        self.sockets[index] = Some(socket);
        Ok(())
    }

    /// Ends a connection as a lost network would: without a word.
    pub(crate) fn drop(&mut self, index: usize) {
        self.sockets[index] = None;
    }

    pub(crate) fn drop_all(&mut self) {
        self.sockets.iter_mut().for_each(|socket| *socket = None);
    }

    pub(crate) fn is_open(&self, index: usize) -> bool {
        self.sockets.get(index).is_some_and(Option::is_some)
    }

    /// What goes out with the next [`Self::flush`]; `None` if the connection is gone.
    pub(crate) fn out(&mut self, index: usize) -> Option<&mut Outgoing> {
        self.sockets.get_mut(index)?.as_mut().map(Socket::out)
    }

    /// Stops or goes on reading a connection.
    pub(crate) fn pause(&mut self, index: usize, paused: bool) -> io::Result<()> {
        self.paused[index] = paused;
        match &self.sockets[index] {
            Some(socket) => self.poller.set(socket, index as u64, !paused, socket.is_blocked()),
            None => Ok(()),
        }
    }

    /// Reads at most `bytes` of a paused connection.
    pub(crate) fn sip(
        &mut self,
        index: usize,
        bytes: usize,
        handler: &mut impl Handler,
    ) -> io::Result<()> {
        self.read(index, bytes, handler);
        self.flush(index)
    }

    pub(crate) fn flush(&mut self, index: usize) -> io::Result<()> {
        let Some(socket) = &mut self.sockets[index] else { return Ok(()) };
        // If it failed, the other end is gone, which the next read sees and tells.
        if let Ok(true) = socket.flush() {
            let read = !self.paused[index];
            self.poller.set(&*socket, index as u64, read, socket.is_blocked())?;
        }
        Ok(())
    }

    /// Waits until something is ready (at most `timeout`), reads it, and writes each touched connection once.
    pub(crate) fn turn(&mut self, timeout: Duration, handler: &mut impl Handler) -> io::Result<()> {
        let mut events: Events = [std::mem::MaybeUninit::uninit(); _];
        let ready: Vec<_> = self.poller.wait(&mut events, Some(timeout))?.collect();
        let start = Instant::now();
        for ready in &ready {
            let index = usize::try_from(ready.token).expect("tokens are indexes");
            if ready.readable {
                self.read(index, READ_BYTES, handler);
            }
            self.flush(index)?;
            if self.gives_way {
                std::thread::yield_now();
            }
        }
        if start >= self.pulse {
            self.pulse = start + PULSE;
            self.beat()?;
        }
        if !ready.is_empty() {
            self.busy += start.elapsed();
        }
        Ok(())
    }

    fn read(&mut self, index: usize, bytes: usize, handler: &mut impl Handler) {
        let Some(socket) = &mut self.sockets[index] else { return };
        let alive = socket.read(&mut self.buffer[..bytes], |incoming, out| match incoming {
            Incoming::Opened => handler.opened(index, out),
            Incoming::Text(text) => handler.text(index, text, out),
        });
        // A fault of one connection ends that connection; the handler knows whether it may end.
        if !alive.unwrap_or(false) {
            self.sockets[index] = None;
            handler.closed(index);
        }
    }

    fn beat(&mut self) -> io::Result<()> {
        for index in 0..self.sockets.len() {
            // A ping before the hello would be a breach of the protocol.
            if let Some(socket) = &mut self.sockets[index]
                && socket.is_open()
                && !socket.is_blocked()
            {
                socket.out().text(r#"{"ping":{"n":1}}"#);
                self.flush(index)?;
            }
        }
        Ok(())
    }
}
