//! A WebSocket to the server over TCP. Owns bytes on their way; knows frames of RFC 6455 and none of the protocol.
//!
//! Dropping any of its futures half-way loses nothing: what was read is decoded, what is to be written stays.

use std::io::{self, ErrorKind};

use bytes::{Buf as _, BytesMut};
use parlance_websocket::handshake::{ClientHandshake, ClientRequest};
use parlance_websocket::{Decoder, Input, Limits, MaskKey, Message, Opcode, Role};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, Interest};
use tokio::net::TcpStream;

use crate::ClientError;

const PROTOCOL: &str = "parlance.v1.json";
const PATH: &str = "/v1/socket";
/// Pages are the largest messages; a server that sends more than four times their limit is broken.
const LIMITS: Limits = Limits { message_bytes_max: 1 << 20, fragments_max: 1024 };
const READ_BYTES: usize = 16 * 1024;

#[derive(Debug)]
pub(crate) struct WebSocket {
    stream: TcpStream,
    decoder: Decoder,
    out: BytesMut,
    buffer: Box<[u8]>,
    /// Bytes that came with the answer to the upgrade.
    early: usize,
}

impl WebSocket {
    /// Connects and upgrades.
    pub(crate) async fn connect(authority: &str) -> Result<Self, ClientError> {
        let mut stream = TcpStream::connect(authority).await?;
        stream.set_nodelay(true)?;
        let mut nonce = [0; 16];
        getrandom::fill(&mut nonce).map_err(io::Error::other)?;
        let protocols = &[PROTOCOL];
        let request = ClientRequest { host: authority, path: PATH, protocols, headers: &[], nonce };
        let (mut handshake, request) = ClientHandshake::new(&request)?;
        stream.write_all(&request).await?;
        let mut buffer = vec![0; READ_BYTES].into_boxed_slice();
        loop {
            let bytes = stream.read(&mut buffer).await?;
            if bytes == 0 {
                return Err(io::Error::from(ErrorKind::UnexpectedEof).into());
            }
            if let Some(accepted) = handshake.receive(&buffer[..bytes])? {
                buffer.copy_within(accepted.consumed..bytes, 0);
                let early = bytes - accepted.consumed;
                let decoder = Decoder::new(Role::Client, LIMITS);
                return Ok(Self { stream, decoder, out: BytesMut::new(), buffer, early });
            }
        }
    }

    /// Queues a text; [`Self::exchange`] writes it.
    pub(crate) fn push(&mut self, text: &[u8]) -> io::Result<()> {
        let mask = mask()?;
        parlance_websocket::write(&mut self.out, Opcode::Text, text, Some(mask));
        Ok(())
    }

    /// Waits for the socket, writes what is queued and hands on what came. `false`: the other end is gone.
    pub(crate) async fn exchange(&mut self, mut on: impl FnMut(&str)) -> Result<bool, ClientError> {
        if self.early > 0 {
            let early = std::mem::take(&mut self.early);
            return self.decode(early, &mut on);
        }
        let mut interest = Interest::READABLE;
        if !self.out.is_empty() {
            interest |= Interest::WRITABLE;
        }
        let ready = self.stream.ready(interest).await?;
        if ready.is_writable() {
            self.write()?;
        }
        if !ready.is_readable() {
            return Ok(true);
        }
        match self.stream.try_read(&mut self.buffer) {
            Ok(0) => Ok(false),
            Ok(bytes) => self.decode(bytes, &mut on),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(true),
            Err(error) => Err(error.into()),
        }
    }

    fn write(&mut self) -> io::Result<()> {
        while !self.out.is_empty() {
            match self.stream.try_write(&self.out) {
                Ok(bytes) => self.out.advance(bytes),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn decode(&mut self, bytes: usize, on: &mut impl FnMut(&str)) -> Result<bool, ClientError> {
        let mut input = Input::new(&mut self.buffer[..bytes]);
        loop {
            match self.decoder.next(&mut input)? {
                None => return Ok(!self.decoder.is_closed()),
                Some(Message::Text(text)) => on(text),
                Some(Message::Ping(payload)) => {
                    parlance_websocket::write(&mut self.out, Opcode::Pong, payload, Some(mask()?));
                }
                Some(Message::Close(_)) => return Ok(false),
                Some(Message::Binary(_) | Message::Pong(_)) => {}
            }
        }
    }
}

fn mask() -> io::Result<MaskKey> {
    let mut key = [0; 4];
    getrandom::fill(&mut key).map_err(io::Error::other)?;
    Ok(MaskKey::new(key))
}
