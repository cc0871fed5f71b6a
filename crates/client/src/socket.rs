//! A WebSocket to the server, over TCP or TLS. Owns bytes on their way; knows frames of RFC 6455 and none of the protocol.
//!
//! Dropping any of its futures half-way loses nothing: what was read is decoded, what is to be written stays.

use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, BytesMut};
use parlance_websocket::handshake::{ClientHandshake, ClientRequest};
use parlance_websocket::{Decoder, Input, Limits, MaskKey, Message, Opcode, Role};
use tokio::io::{AsyncRead as _, AsyncReadExt as _, AsyncWrite as _, AsyncWriteExt as _, ReadBuf};

use crate::ClientError;
use crate::endpoint::{Endpoint, Stream};

const PATH: &str = "/v1/socket";
/// Pages are the largest messages; a server that sends more than four times their limit is broken.
const LIMITS: Limits = Limits { message_bytes_max: 1 << 20, fragments_max: 1024 };
const READ_BYTES: usize = 16 * 1024;

#[derive(Debug)]
pub(crate) struct WebSocket {
    stream: Stream,
    /// Text or binary: of which kind messages are, both ways.
    kind: Opcode,
    decoder: Decoder,
    out: BytesMut,
    buffer: Box<[u8]>,
    /// Bytes that came with the answer to the upgrade.
    early: usize,
}

impl WebSocket {
    /// Connects and upgrades to the subprotocol, whose messages are of this kind.
    pub(crate) async fn connect(
        endpoint: &Endpoint,
        protocol: &str,
        kind: Opcode,
        compressed: bool,
    ) -> Result<Self, ClientError> {
        let mut stream = endpoint.connect().await?;
        let authority = endpoint.authority();
        let mut nonce = [0; 16];
        getrandom::fill(&mut nonce).map_err(io::Error::other)?;
        let protocols = &[protocol];
        let request = ClientRequest { host: authority, path: PATH, protocols, headers: &[], nonce };
        let (mut handshake, request) = if compressed {
            ClientHandshake::with_deflate(&request)?
        } else {
            ClientHandshake::new(&request)?
        };
        stream.write_all(&request).await?;
        stream.flush().await?;
        let mut buffer = vec![0; READ_BYTES].into_boxed_slice();
        loop {
            let bytes = stream.read(&mut buffer).await?;
            if bytes == 0 {
                return Err(io::Error::from(ErrorKind::UnexpectedEof).into());
            }
            if let Some(accepted) = handshake.receive(&buffer[..bytes])? {
                buffer.copy_within(accepted.consumed..bytes, 0);
                let early = bytes - accepted.consumed;
                let mut decoder = Decoder::new(Role::Client, LIMITS);
                if accepted.deflate {
                    decoder = decoder.with_deflate();
                }
                return Ok(Self { stream, kind, decoder, out: BytesMut::new(), buffer, early });
            }
        }
    }

    /// Queues a message; [`Self::exchange`] writes it.
    pub(crate) fn push(&mut self, payload: &[u8]) -> io::Result<()> {
        let mask = mask()?;
        parlance_websocket::write(&mut self.out, self.kind, payload, Some(mask));
        Ok(())
    }

    /// Writes what is queued, waits for what comes and hands it on. `false`: the other end is gone.
    pub(crate) async fn exchange(
        &mut self,
        mut on: impl FnMut(&[u8]),
    ) -> Result<bool, ClientError> {
        if self.early > 0 {
            let early = std::mem::take(&mut self.early);
            return self.decode(early, &mut on);
        }
        match poll_fn(|cx| self.poll_exchange(cx)).await? {
            0 => Ok(false),
            bytes => self.decode(bytes, &mut on),
        }
    }

    /// Writes as far as the socket takes it, and reads what is there: how many bytes.
    fn poll_exchange(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        while !self.out.is_empty() {
            match Pin::new(&mut self.stream).poll_write(cx, &self.out)? {
                Poll::Ready(0) => return Poll::Ready(Err(ErrorKind::WriteZero.into())),
                Poll::Ready(bytes) => self.out.advance(bytes),
                Poll::Pending => break,
            }
        }
        // Without this a secure one may keep what it took.
        if let Poll::Ready(Err(error)) = Pin::new(&mut self.stream).poll_flush(cx) {
            return Poll::Ready(Err(error));
        }
        let mut read = ReadBuf::new(&mut self.buffer);
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut read))?;
        Poll::Ready(Ok(read.filled().len()))
    }

    fn decode(&mut self, bytes: usize, on: &mut impl FnMut(&[u8])) -> Result<bool, ClientError> {
        let mut input = Input::new(&mut self.buffer[..bytes]);
        loop {
            match self.decoder.next(&mut input)? {
                None => return Ok(!self.decoder.is_closed()),
                Some(Message::Text(text)) if self.kind == Opcode::Text => on(text.as_bytes()),
                Some(Message::Binary(bytes)) if self.kind == Opcode::Binary => on(bytes),
                Some(Message::Ping(payload)) => {
                    parlance_websocket::write(&mut self.out, Opcode::Pong, payload, Some(mask()?));
                }
                Some(Message::Close(_)) => return Ok(false),
                Some(Message::Text(_) | Message::Binary(_) | Message::Pong(_)) => {}
            }
        }
    }
}

fn mask() -> io::Result<MaskKey> {
    let mut key = [0; 4];
    getrandom::fill(&mut key).map_err(io::Error::other)?;
    Ok(MaskKey::new(key))
}
