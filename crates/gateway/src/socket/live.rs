//! The task of one connection: reads what is there, hands it on, and writes only when the socket was full. What each input means is
//! `parlance_core::connection`'s to say.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use parlance_core::connection::{self, Output};
use parlance_engine::outlet::Outlet;
use parlance_websocket::{Decoder, Input, Message, Opcode, write, write_close};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::time::{Duration, sleep_until, timeout};

use super::READ_BUFFER;
use super::hello::{self, Turned};
use super::link::{Reader, Writer};
use crate::Gateway;
use crate::connection::{
    LOOK_AGAIN_MS, Line, Need, Outgoing, Requests, Wire, goodbye, greet, instant, now_ms,
};

/// How long a client has to answer a close frame.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// From the upgrade to `ready`.
pub(super) async fn open(
    gateway: &Gateway,
    link: (Reader, Writer, Vec<u8>),
    wire: Wire,
) -> Option<Connection> {
    let (mut reader, writer, early) = link;
    let mut decoder = super::decoder(wire);
    let mut machine = connection::Connection::new(
        connection::Door::Socket,
        now_ms(),
        gateway.config.heartbeat.as_millis() as u64,
    );
    let (turned, writer) =
        match hello::read(&mut machine, &mut reader, &mut decoder, (early, wire)).await {
            Ok((hello, early)) => {
                let way = (Line::Socket(writer), wire);
                match greet(gateway, hello, machine, way).await {
                    Ok((outgoing, listing)) => {
                        let requests = Requests::new(gateway.engine.clone(), outgoing, listing);
                        return Some(Connection { reader, decoder, requests, early });
                    }
                    Err((bye, Line::Socket(writer))) => {
                        (bye.map_or(Turned::Gone, Turned::Away), writer)
                    }
                    Err((_, Line::Answer)) => return None,
                }
            }
            Err(turned) => (turned, writer),
        };
    match turned {
        Turned::Away(bye) => turn_away(&writer, &goodbye(wire, &bye)),
        Turned::Broken(code) => turn_away(&writer, &closing(code, "")),
        Turned::Gone => return None,
    }
    // The other side reads this, and closes; cutting the connection now could take the words away from it.
    drop(writer);
    let wait = async { while std::future::poll_fn(|cx| poll_discard(&mut reader, cx)).await {} };
    if timeout(CLOSE_TIMEOUT, wait).await.is_err() {
        tracing::trace!("a client that was turned away did not leave in time");
    }
    None
}

/// A few bytes into an empty socket buffer: if they do not fit, the other side has not read anything yet either.
fn turn_away(writer: &Writer, bytes: &[u8]) {
    if let Err(error) = writer.try_write(bytes) {
        tracing::debug!(%error, "could not say why a connection was turned away");
    }
}

fn closing(code: parlance_websocket::CloseCode, reason: &str) -> Bytes {
    let mut bytes = BytesMut::new();
    write_close(&mut bytes, code, reason, None);
    bytes.freeze()
}

/// An authenticated connection.
pub(super) struct Connection {
    reader: Reader,
    decoder: Decoder,
    requests: Requests,
    /// Bytes that came with `hello`.
    early: Vec<u8>,
}

/// What a turn of the loop found.
enum Turn {
    /// Bytes were read and handled.
    Read,
    /// The other side is gone, or said goodbye, or broke the protocol.
    Ended,
    Woken,
    Writable(io::Result<()>),
    Answered,
    Time,
    Leave,
}

/// How a connection ended.
enum End {
    /// A close frame is on its way, or the other side's was answered.
    Closing,
    /// There is nobody to tell.
    Gone,
}

impl Connection {
    /// Serves the connection to its end. What is kept here is kept for each of many idle connections: nothing is moved in,
    /// since a future holds what was moved twice, and what only the end needs is boxed.
    pub(super) async fn run(&mut self, gateway: &Gateway) {
        if let End::Closing = self.live(gateway).await {
            Box::pin(self.finish()).await;
        }
        let outgoing = self.requests.outgoing();
        gateway.engine.hub().unregister(outgoing.peer().account, outgoing.peer().connection);
        outgoing.abandon();
    }

    async fn live(&mut self, gateway: &Gateway) -> End {
        let mut early = std::mem::take(&mut self.early);
        if !early.is_empty()
            && let Turn::Ended = handle(&mut early, &mut self.decoder, &mut self.requests)
        {
            return End::Closing;
        }
        drop(early);
        loop {
            self.requests.go_on();
            let need = self.requests.outgoing().need();
            if need.done {
                return End::Closing;
            }
            let output = if need.revoked {
                self.requests.outgoing().handle(connection::Input::Revoked)
            } else {
                match self.turn(gateway, need).await {
                    Turn::Read | Turn::Woken | Turn::Answered => Output::Wait,
                    Turn::Ended => return End::Closing,
                    Turn::Writable(Ok(())) if self.requests.outgoing().unblock().is_ok() => {
                        Output::Wait
                    }
                    Turn::Writable(_) => return End::Gone,
                    Turn::Time => self.requests.outgoing().handle(connection::Input::Time),
                    Turn::Leave => {
                        let spread_ms = gateway.config.drain.as_millis() as u64;
                        self.requests.outgoing().handle(connection::Input::Leave { spread_ms })
                    }
                }
            };
            match output {
                Output::Close(bye) => {
                    let outgoing = self.requests.outgoing();
                    outgoing.close(goodbye(outgoing.wire(), &bye));
                    return End::Closing;
                }
                // It takes no bytes, so there is no telling it.
                Output::Abandon => return End::Gone,
                _ => {}
            }
        }
    }

    async fn turn(&mut self, gateway: &Gateway, need: Need) -> Turn {
        let Self { reader, decoder, requests, .. } = self;
        let outgoing: Arc<Outgoing> = requests.outgoing().clone();
        let read = need.read && !requests.must_pause();
        let due = need.deadline_ms.unwrap_or_else(|| now_ms() + LOOK_AGAIN_MS);
        let due = requests.paused_until_ms().map_or(due, |until| until.min(due));
        tokio::select! {
            turn = std::future::poll_fn(|cx| {
                if requests.poll(cx) {
                    return Poll::Ready(Turn::Answered);
                }
                if read { poll_read(reader, decoder, requests, cx) } else { Poll::Pending }
            }) => turn,
            () = outgoing.wake.notified() => Turn::Woken,
            result = outgoing.writable(), if need.write => Turn::Writable(result),
            // Whoever stood still judges nobody before having looked: bytes may have come, and others may go. The runtime may
            // have woken for the time alone; it looks at sockets when everybody else had a turn.
            () = sleep_until(instant(due)) => {
                tokio::task::yield_now().await;
                if need.write && let Err(error) = outgoing.unblock() {
                    return Turn::Writable(Err(error));
                }
                let look = |cx: &mut Context<'_>| {
                    if read { poll_read(reader, decoder, requests, cx) } else { Poll::Pending }
                };
                now_or(Turn::Time, look).await
            }
            () = gateway.leave.cancelled() => Turn::Leave,
        }
    }

    /// Writes what is queued, and gives the other side a moment to answer the close frame.
    async fn finish(&mut self) {
        let Self { reader, requests, .. } = self;
        let outgoing = requests.outgoing();
        let drained = async {
            while outgoing.need().write {
                if outgoing.writable().await.is_err() || outgoing.unblock().is_err() {
                    return;
                }
            }
            if outgoing.need().done {
                while std::future::poll_fn(|cx| poll_discard(reader, cx)).await {}
            }
        };
        if timeout(CLOSE_TIMEOUT, drained).await.is_err() {
            tracing::trace!("a client did not close its side in time");
        }
    }
}

/// What `poll` has now, or else.
async fn now_or<T>(other: T, mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>) -> T {
    let now = std::future::poll_fn(|cx| Poll::Ready(poll(cx))).await;
    if let Poll::Ready(found) = now { found } else { other }
}

/// Reads what is there into the thread's buffer and handles all of it.
fn poll_read(
    reader: &mut Reader,
    decoder: &mut Decoder,
    requests: &mut Requests,
    cx: &mut Context<'_>,
) -> Poll<Turn> {
    READ_BUFFER.with_borrow_mut(|buffer| {
        let mut read = ReadBuf::new(buffer);
        match Pin::new(reader).poll_read(cx, &mut read) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Err(_)) => Poll::Ready(Turn::Ended),
            Poll::Ready(Ok(())) if read.filled().is_empty() => Poll::Ready(Turn::Ended),
            Poll::Ready(Ok(())) => Poll::Ready(handle(read.filled_mut(), decoder, requests)),
        }
    })
}

/// Handles the bytes of a read.
fn handle(bytes: &mut [u8], decoder: &mut Decoder, requests: &mut Requests) -> Turn {
    let metrics = requests.engine().metrics();
    metrics.socket_reads.increment();
    metrics.read_bytes.add(bytes.len() as u64);
    let outgoing = requests.outgoing().clone();
    let wire = outgoing.wire();
    outgoing.handle(connection::Input::Heard);
    let mut input = Input::new(bytes);
    let mut owed = false;
    let turn = loop {
        match decoder.next(&mut input) {
            Ok(None) => break Turn::Read,
            Ok(Some(message @ (Message::Text(_) | Message::Binary(_)))) => {
                let Some(payload) = wire.payload(&message) else {
                    let code = parlance_websocket::CloseCode::UNSUPPORTED;
                    outgoing.close(closing(code, "not the messages of this subprotocol"));
                    break Turn::Ended;
                };
                owed |= requests.receive(payload);
            }
            Ok(Some(Message::Ping(payload))) => {
                let mut pong = BytesMut::new();
                write(&mut pong, Opcode::Pong, payload, None);
                owed |= outgoing.send(pong.freeze());
            }
            Ok(Some(Message::Pong(_))) => {}
            Ok(Some(Message::Close(close))) => {
                let code = close.map_or(parlance_websocket::CloseCode::NORMAL, |close| close.code);
                outgoing.close(closing(code, ""));
                break Turn::Ended;
            }
            Err(error) => {
                outgoing.close(closing(error.close_code(), &error.to_string()));
                break Turn::Ended;
            }
        }
    };
    if owed {
        outgoing.flush();
    }
    turn
}

/// Reads and drops. False at the end.
fn poll_discard(reader: &mut Reader, cx: &mut Context<'_>) -> Poll<bool> {
    READ_BUFFER.with_borrow_mut(|buffer| {
        let mut read = ReadBuf::new(buffer);
        Pin::new(reader)
            .poll_read(cx, &mut read)
            .map(|result| result.is_ok() && !read.filled().is_empty())
    })
}
