//! One WebSocket over a non-blocking TCP stream, either end of it. Owns what is not yet written and what a read cut in two;
//! reads into the caller's buffer, writes once per turn however many frames are waiting.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};

use bytes::{Buf as _, BytesMut};
use parlance_types::limits;
use parlance_websocket::handshake::{ClientHandshake, ClientRequest, ServerHandshake};
use parlance_websocket::{Decoder, Input, Limits, MaskKey, Message, Opcode, Role};
use socket2::{Domain, Protocol, Socket as RawSocket, Type};

use crate::random::Random;

/// The subprotocol.
const PROTOCOL: &str = "parlance.v1.json";
/// A page of 256 KiB of events comes in one message; more than twice as much is a fault.
const MESSAGE_BYTES_MAX: usize = 1 << 20;
const LIMITS: Limits = Limits { message_bytes_max: MESSAGE_BYTES_MAX, fragments_max: 1024 };

/// What a read brings.
#[derive(Debug)]
pub(crate) enum Incoming<'a> {
    /// The upgrade is done; frames may follow.
    Opened,
    Text(&'a str),
}

/// Frames on their way out.
#[derive(Debug)]
pub(crate) struct Outgoing {
    bytes: BytesMut,
    /// A client masks what it sends.
    masks: Option<Random>,
}

/// One end of a connection.
#[derive(Debug)]
pub(crate) struct Socket {
    stream: TcpStream,
    out: Outgoing,
    decoder: Decoder,
    state: State,
    blocked: bool,
}

#[derive(Debug)]
enum State {
    Connecting(Box<ClientHandshake>),
    Accepting(Box<ServerHandshake>),
    Open,
}

impl Outgoing {
    pub(crate) fn text(&mut self, payload: &str) {
        let mask = self.mask();
        parlance_websocket::write_text(&mut self.bytes, payload, mask);
    }

    /// Appends frames that carry their headers already.
    pub(crate) fn raw(&mut self, frames: &[u8]) {
        self.bytes.extend_from_slice(frames);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    fn mask(&mut self) -> Option<MaskKey> {
        let random = self.masks.as_mut()?;
        let [a, b, c, d, ..] = random.next().to_ne_bytes();
        Some(MaskKey::new([a, b, c, d]))
    }
}

impl Socket {
    /// Starts to connect and to ask for the upgrade; neither is waited for. A small `receive_bytes` makes a slow reader's kernel
    /// buffer small, so that its slowness reaches the server.
    pub(crate) fn connect(
        address: SocketAddr,
        seed: u64,
        receive_bytes: Option<usize>,
    ) -> io::Result<Self> {
        let mut random = Random::new(seed);
        let raw = RawSocket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        if let Some(bytes) = receive_bytes {
            raw.set_recv_buffer_size(bytes)?;
        }
        raw.set_nonblocking(true)?;
        raw.set_tcp_nodelay(true)?;
        match raw.connect(&address.into()) {
            Ok(()) => {}
            Err(error)
                if error.raw_os_error() == Some(rustix::io::Errno::INPROGRESS.raw_os_error()) => {}
            Err(error) => return Err(error),
        }
        let mut nonce = [0; 16];
        nonce[..8].copy_from_slice(&random.next().to_ne_bytes());
        nonce[8..].copy_from_slice(&random.next().to_ne_bytes());
        let host = address.to_string();
        let request = ClientRequest {
            host: &host,
            path: "/v1/socket",
            protocols: &[PROTOCOL],
            headers: &[],
            nonce,
        };
        let (handshake, bytes) = ClientHandshake::new(&request).map_err(io::Error::other)?;
        Ok(Self {
            stream: raw.into(),
            out: Outgoing { bytes: BytesMut::from(bytes.as_slice()), masks: Some(random) },
            decoder: Decoder::new(Role::Client, LIMITS),
            state: State::Connecting(Box::new(handshake)),
            // Becomes writable when it is connected.
            blocked: true,
        })
    }

    /// The server's end of an accepted stream.
    pub(crate) fn accept(stream: TcpStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        let limits = Limits { message_bytes_max: limits::FRAME_BYTES_MAX, ..LIMITS };
        Ok(Self {
            stream,
            out: Outgoing { bytes: BytesMut::new(), masks: None },
            decoder: Decoder::new(Role::Server, limits),
            state: State::Accepting(Box::default()),
            blocked: false,
        })
    }

    pub(crate) const fn out(&mut self) -> &mut Outgoing {
        &mut self.out
    }

    /// The upgrade is done: what the handler says first is on its way.
    pub(crate) const fn is_open(&self) -> bool {
        matches!(self.state, State::Open)
    }

    /// The kernel took less than there was: wait until it is writable.
    pub(crate) const fn is_blocked(&self) -> bool {
        self.blocked
    }

    /// Reads once, at most `buffer`, and hands on every message in it. `false`: the other end is gone.
    ///
    /// One read is enough: what is left makes the socket readable again.
    pub(crate) fn read(
        &mut self,
        buffer: &mut [u8],
        mut on: impl FnMut(Incoming<'_>, &mut Outgoing),
    ) -> io::Result<bool> {
        let bytes = match self.stream.read(buffer) {
            Ok(0) => return Ok(false),
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(true),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return Ok(false),
            Err(error) => return Err(error),
        };
        let Some(consumed) = self.upgrade(&buffer[..bytes], &mut on)? else { return Ok(true) };
        let mut input = Input::new(&mut buffer[consumed..bytes]);
        loop {
            match self.decoder.next(&mut input).map_err(io::Error::other)? {
                None => return Ok(!self.decoder.is_closed()),
                Some(Message::Text(text)) => on(Incoming::Text(text), &mut self.out),
                Some(Message::Ping(payload)) => {
                    let mask = self.out.mask();
                    parlance_websocket::write(&mut self.out.bytes, Opcode::Pong, payload, mask);
                }
                Some(Message::Close(_)) => return Ok(false),
                Some(Message::Binary(_) | Message::Pong(_)) => {}
            }
        }
    }

    /// How many bytes of `input` come before the first frame; `None` while the upgrade is not done.
    fn upgrade(
        &mut self,
        input: &[u8],
        on: &mut impl FnMut(Incoming<'_>, &mut Outgoing),
    ) -> io::Result<Option<usize>> {
        let consumed = match &mut self.state {
            State::Open => return Ok(Some(0)),
            State::Connecting(handshake) => {
                handshake.receive(input).map_err(io::Error::other)?.map(|done| done.consumed)
            }
            State::Accepting(handshake) => {
                let done = handshake.receive(input, &[PROTOCOL]).map_err(io::Error::other)?;
                if let Some(done) = &done {
                    self.out.raw(&done.response);
                }
                done.map(|done| done.consumed)
            }
        };
        if consumed.is_some() {
            self.state = State::Open;
            on(Incoming::Opened, &mut self.out);
        }
        Ok(consumed)
    }

    /// Writes once. Says whether the interest in writing has to change.
    pub(crate) fn flush(&mut self) -> io::Result<bool> {
        let before = self.blocked;
        while !self.out.bytes.is_empty() {
            match self.stream.write(&self.out.bytes) {
                Ok(bytes) if bytes == self.out.bytes.len() => self.out.bytes.clear(),
                Ok(bytes) => self.out.bytes.advance(bytes),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.blocked = true;
                    return Ok(!before);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.blocked = false;
        Ok(before)
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}
