//! The two halves of an upgraded connection, plain or secure.
//!
//! Shards write from their threads while the connection's task reads. A plain socket has a half for each; a TLS session is one thing, so its
//! halves share it behind a lock that is held for a read or a write that does not wait. **Law**: the plain half costs what the bare one costs.

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::Shutdown;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use rustls::ServerConnection;
use socket2::SockRef;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio_rustls::server::TlsStream;

/// Bytes that a session keeps for a socket that takes no more.
const HELD_BYTES_MAX: usize = 32 * 1024;

pub(super) enum Reader {
    Plain(OwnedReadHalf),
    Secure(Arc<Secure>),
}

pub(crate) enum Writer {
    Plain(OwnedWriteHalf),
    Secure(SecureWriter),
}

/// What a session has taken and the socket has not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Held {
    /// Some of it went on its way since this was asked last.
    pub(crate) moved: bool,
    /// Some of it is left, and the socket is full.
    pub(crate) left: bool,
}

/// The halves of what hyper leaves after an upgrade, and what was read beyond the request. The bytes are copied: hyper's buffer would
/// otherwise live as long as the connection.
pub(super) fn split(upgraded: Upgraded) -> Option<(Reader, Writer, Vec<u8>)> {
    let upgraded = match upgraded.downcast::<TokioIo<TcpStream>>() {
        Ok(parts) => {
            let (reader, writer) = parts.io.into_inner().into_split();
            return Some((Reader::Plain(reader), Writer::Plain(writer), parts.read_buf.to_vec()));
        }
        Err(upgraded) => upgraded,
    };
    let parts = upgraded.downcast::<TokioIo<TlsStream<TcpStream>>>().ok()?;
    let (reader, writer) = split_secure(parts.io.into_inner());
    Some((reader, writer, parts.read_buf.to_vec()))
}

fn split_secure(stream: TlsStream<TcpStream>) -> (Reader, Writer) {
    let (socket, mut tls) = stream.into_inner();
    tls.set_buffer_limit(Some(HELD_BYTES_MAX));
    let secure = Arc::new(Secure { socket, session: Mutex::new(Session { tls, moved: false }) });
    let writer = SecureWriter(secure.clone());
    (Reader::Secure(secure), Writer::Secure(writer))
}

impl AsyncRead for Reader {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(half) => Pin::new(half).poll_read(cx, buffer),
            Self::Secure(secure) => secure.poll_read(cx, buffer),
        }
    }
}

impl Writer {
    pub(crate) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(half) => half.try_write(bytes),
            Self::Secure(SecureWriter(secure)) => secure.try_write(bytes),
        }
    }

    pub(crate) async fn writable(&self) -> io::Result<()> {
        match self {
            Self::Plain(half) => half.writable().await,
            Self::Secure(SecureWriter(secure)) => secure.socket.writable().await,
        }
    }

    /// Sends what is held as far as the socket takes it. A plain socket holds nothing.
    pub(crate) fn send_held(&self) -> io::Result<Held> {
        match self {
            Self::Plain(_) => Ok(Held::default()),
            Self::Secure(SecureWriter(secure)) => secure.send_held(),
        }
    }
}

/// A TLS session and its socket.
pub(crate) struct Secure {
    socket: TcpStream,
    session: Mutex<Session>,
}

struct Session {
    tls: ServerConnection,
    moved: bool,
}

impl Secure {
    fn poll_read(&self, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            match self.session.lock().tls.reader().read(buffer.initialize_unfilled()) {
                Ok(count) => {
                    buffer.advance(count);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                // Cut off without a goodbye: frames have an end of their own, so nothing was forged by that.
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                    return Poll::Ready(Ok(()));
                }
                Err(error) => return Poll::Ready(Err(error)),
            }
            ready!(self.socket.poll_read_ready(cx))?;
            if let Err(error) = self.session.lock().receive(&self.socket) {
                return Poll::Ready(Err(error));
            }
        }
    }

    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut session = self.session.lock();
        if session.send(&self.socket)? {
            return Err(ErrorKind::WouldBlock.into());
        }
        let taken = session.tls.writer().write(bytes)?;
        session.send(&self.socket)?;
        Ok(taken)
    }

    fn send_held(&self) -> io::Result<Held> {
        let mut session = self.session.lock();
        let left = session.send(&self.socket)?;
        Ok(Held { moved: std::mem::take(&mut session.moved), left })
    }
}

impl Session {
    fn receive(&mut self, socket: &TcpStream) -> io::Result<()> {
        match self.tls.read_tls(&mut Io(socket)) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        }
        let result = self.tls.process_new_packets();
        // An answer of the session itself, e.g. why it ends.
        self.send(socket)?;
        result.map(drop).map_err(|error| io::Error::new(ErrorKind::InvalidData, error))
    }

    /// Sends what is held. True if something is left.
    fn send(&mut self, socket: &TcpStream) -> io::Result<bool> {
        while self.tls.wants_write() {
            match self.tls.write_tls(&mut Io(socket)) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(_) => self.moved = true,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(true),
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }
}

/// The writing half: says goodbye when it goes, as a plain one does by closing its direction.
pub(crate) struct SecureWriter(Arc<Secure>);

impl Drop for SecureWriter {
    fn drop(&mut self) {
        let Secure { socket, session } = &*self.0;
        let mut session = session.lock();
        session.tls.send_close_notify();
        let goodbye =
            session.send(socket).and_then(|_| SockRef::from(socket).shutdown(Shutdown::Write));
        if let Err(error) = goodbye {
            tracing::trace!(%error, "could not end a secure connection properly");
        }
    }
}

/// A socket as the session reads and writes it, without waiting.
struct Io<'s>(&'s TcpStream);

impl Read for Io<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.0.try_read(bytes)
    }
}

impl Write for Io<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_write(bytes)
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.try_write_vectored(slices)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
