//! Drives a [`Machine`] over a real socket. Owns the socket, the clock and the randomness of message ids; decides nothing.

use std::io;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use parlance_types::frame::{MarkRequest, Place};
use parlance_types::{
    AccountId, Action, ConversationId, MessageId, Micros, PresenceRequest, Seq, SignalRequest,
};

use crate::carrier::{Carrier, Door};
use crate::fallback::Fallback;
use crate::machine::{Entry, Machine, Output, Saved, Update};
use crate::storage::Keeper;
use crate::{Client, ClientError};

/// From the wish to connect to the upgraded connection; then it is tried again.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A live connection of a device: comes back by itself, resumes, and gives every event once and in order.
#[derive(Debug)]
pub struct Connection {
    client: Client,
    machine: Machine,
    doors: Fallback,
    compressed: bool,
    keeper: Option<Keeper>,
    carrier: Option<Carrier>,
    /// Whether the server said anything on it.
    heard: bool,
    todo: Todo,
    /// How far the server's clock is ahead of ours, in milliseconds.
    clock_offset_ms: i64,
    last_id_ms: u64,
}

/// What the machine asked for and what takes time; kept here so that dropping [`Connection::next`] half-way forgets nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Todo {
    Nothing,
    Connect,
    Reauthenticate,
}

impl Connection {
    pub(crate) const fn new(client: Client, machine: Machine, keeper: Option<Keeper>) -> Self {
        Self {
            client,
            machine,
            doors: Fallback::new(Door::Socket),
            compressed: false,
            keeper,
            carrier: None,
            heard: false,
            todo: Todo::Nothing,
            clock_offset_ms: 0,
            last_id_ms: 0,
        }
    }

    /// The device that this is the connection of.
    pub const fn client(&mut self) -> &mut Client {
        &mut self.client
    }

    /// Puts something into the outbox and gives the name that it will have for ever. [`Self::next`] sends it.
    pub fn send(&mut self, place: Place, action: Action) -> Result<MessageId, ClientError> {
        let message_id = self.message_id()?;
        self.send_as(message_id, place, action)?;
        Ok(message_id)
    }

    /// The same under a name that the caller chose: doing it again, even after a restart, is the same message.
    ///
    /// A name is a UUIDv7 of about now. For an answer it may follow from the name of what it answers.
    pub fn send_as(
        &mut self,
        message_id: MessageId,
        place: Place,
        action: Action,
    ) -> Result<(), ClientError> {
        let entry = Entry { message_id, place, action };
        if let Some(keeper) = &mut self.keeper {
            keeper.put(&entry)?;
        }
        self.machine.send(Instant::now(), entry);
        Ok(())
    }

    /// Tells how far the account has come.
    pub fn mark(&mut self, mark: MarkRequest) {
        self.machine.mark(mark);
    }

    /// Tells the others what the account is about to say; worth repeating every few seconds as long as it is true.
    pub fn signal(&mut self, signal: SignalRequest) {
        self.machine.signal(signal);
    }

    /// Says how the account is there, now and on every later connection.
    pub fn presence(&mut self, presence: PresenceRequest) {
        self.machine.presence(presence);
    }

    /// From now on [`Update::Presence`] tells how these are there, in place of those before.
    pub fn watch(&mut self, accounts: Vec<AccountId>) {
        self.machine.watch(Instant::now(), accounts);
    }

    /// Asks for the events below `before` ([`Update::History`]).
    pub fn history(&mut self, conversation: ConversationId, before: Option<Seq>, limit: usize) {
        self.machine.history(conversation, before, limit);
    }

    /// What to store, once everything that [`Self::next`] gave is stored.
    #[must_use]
    pub fn saved(&self) -> Option<Saved> {
        self.machine.saved()
    }

    /// From now on goes through another door. What is under way is asked for again there; nothing is lost by it.
    ///
    /// Where that door does not let through, others are tried by themselves, and this one again every few minutes.
    pub fn change_door(&mut self, door: Door) {
        let before = self.doors.current();
        if before != door && self.carrier.is_some() {
            self.lost();
        }
        self.doors = Fallback::new(door);
    }

    /// The door through which it goes now.
    #[must_use]
    pub const fn door(&self) -> Door {
        self.doors.current()
    }

    /// From its next connection on, offers sockets whose long messages come compressed: fewer bytes, for more work at both ends.
    pub const fn compress(&mut self, compressed: bool) {
        self.compressed = compressed;
    }

    /// What happens next. May be dropped half-way. An error is final; lost connections are not errors.
    ///
    /// Calling it again says that what it gave before was dealt with: with a [`Storage`](crate::Storage), a client that starts again
    /// goes on behind it.
    pub async fn next(&mut self) -> Result<Update, ClientError> {
        loop {
            if let Some(update) = self.obey()? {
                if let Some(keeper) = &mut self.keeper {
                    keeper.gave_out();
                }
                return Ok(update);
            }
            if let Some(keeper) = &mut self.keeper {
                keeper.keep(self.client.tokens(), || self.machine.saved())?;
            }
            match self.todo {
                Todo::Connect => self.connect().await,
                Todo::Reauthenticate => self.reauthenticate().await?,
                Todo::Nothing => self.wait().await,
            }
        }
    }

    /// Does what the machine says, up to the next thing that the caller wants to know.
    fn obey(&mut self) -> Result<Option<Update>, ClientError> {
        while let Some(output) = self.machine.poll() {
            match output {
                Output::Update(update) => {
                    if let Update::Ready { now, .. } = &update {
                        self.clock_offset_ms = offset_ms(*now);
                        self.doors.succeeded(Instant::now());
                    }
                    return Ok(Some(update));
                }
                Output::Transmit(frame) => {
                    if let Some(carrier) = &mut self.carrier {
                        carrier.push(frame)?;
                    }
                }
                Output::Connect => self.todo = Todo::Connect,
                Output::Reauthenticate => self.todo = Todo::Reauthenticate,
                Output::Disconnect => self.close(),
                Output::Stop(_) => return Err(ClientError::Stopped),
            }
        }
        Ok(None)
    }

    async fn connect(&mut self) {
        let connect = Carrier::open(self.doors.current(), self.client.endpoint(), self.compressed);
        let carrier = tokio::time::timeout(CONNECT_TIMEOUT, connect).await;
        self.todo = Todo::Nothing;
        match carrier.unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut).into())) {
            Ok(carrier) => {
                (self.carrier, self.heard) = (Some(carrier), false);
                self.machine.connected(Instant::now());
            }
            Err(error) => {
                tracing::debug!(%error, door = ?self.doors.current(), "could not connect");
                if error.reached() {
                    self.doors.failed();
                }
                self.machine.disconnected(Instant::now());
            }
        }
    }

    async fn reauthenticate(&mut self) -> Result<(), ClientError> {
        match self.client.refresh().await {
            Ok(()) => {}
            // The session is over: only a person can sign in again.
            Err(error @ ClientError::Refused(_)) => return Err(error),
            Err(error) => {
                tracing::debug!(%error, "could not refresh the session");
                tokio::time::sleep(Duration::from_secs(1)).await;
                return Ok(());
            }
        }
        self.todo = Todo::Nothing;
        self.machine.authenticate(Instant::now(), self.client.tokens().access_token.expose());
        Ok(())
    }

    /// Lets the socket or the clock move the machine.
    async fn wait(&mut self) {
        if self.carrier.is_some() && self.doors.try_again(Instant::now()) {
            self.lost();
        }
        let deadlines = self.machine.deadline().into_iter().chain(self.doors.deadline());
        let deadline = deadlines.min();
        let pause = async {
            match deadline {
                Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
                None => std::future::pending().await,
            }
        };
        let Some(carrier) = &mut self.carrier else {
            pause.await;
            self.machine.tick(Instant::now());
            return;
        };
        let (machine, heard) = (&mut self.machine, &mut self.heard);
        let exchange = carrier.exchange(|frame| {
            *heard = true;
            machine.receive(Instant::now(), frame);
        });
        let alive = tokio::select! {
            alive = exchange => alive,
            () = pause => {
                self.machine.tick(Instant::now());
                return;
            }
        };
        match alive {
            Ok(true) => {}
            Ok(false) => self.lost(),
            Err(error) => {
                tracing::debug!(%error, "connection lost");
                self.lost();
            }
        }
    }

    /// A door that brought nothing at all, though it opened, does not let through.
    fn close(&mut self) {
        if self.carrier.take().is_some() && !self.heard {
            self.doors.failed();
        }
    }

    fn lost(&mut self) {
        self.close();
        self.machine.disconnected(Instant::now());
    }

    /// A new name: later than those before it, on the server's clock.
    fn message_id(&mut self) -> Result<MessageId, ClientError> {
        let now = unix_ms().saturating_add_signed(self.clock_offset_ms);
        self.last_id_ms = now.max(self.last_id_ms + 1);
        let mut random = [0; 10];
        getrandom::fill(&mut random).map_err(io::Error::other)?;
        Ok(MessageId::from_time(self.last_id_ms, random))
    }
}

fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

fn offset_ms(server: Micros) -> i64 {
    let own = i64::try_from(unix_ms()).unwrap_or(i64::MAX);
    i64::try_from(server.as_ms()).unwrap_or(i64::MAX).saturating_sub(own)
}

#[cfg(test)]
mod tests;
