//! Who waits for the outcome of a command, and what they are told.

use std::sync::Arc;

use parking_lot::Mutex;
use parlance_core::Refusal;
use parlance_ports::Ticket;
use parlance_types::frame::{ErrorFrame, Ok as OkFrame, RequestId, ServerFrame};
use parlance_types::{Code, ConversationId, Hash, MessageId, Micros, Ordinal, Seq};
use tokio::sync::oneshot;

use crate::follow::{Followed, traced};
use crate::outlet::Outlet;

/// What the log says of a command that is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    pub conversation: ConversationId,
    pub message_id: MessageId,
    pub seq: Seq,
    pub at: Micros,
    pub hash: Hash,
    pub ordinal: Ordinal,
    pub duplicate: bool,
}

impl Answer {
    pub fn frame(self, id: RequestId) -> OkFrame {
        let Self { conversation, message_id, seq, at, hash, ordinal, duplicate } = self;
        OkFrame { id, conversation, message_id, seq, at, hash, ordinal, duplicate }
    }
}

/// What became of a command. A caller must handle all four.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Durable and decided.
    Decided(Answer),
    /// Nothing was written.
    Refused(Refusal),
    /// Durable but not decided yet: do not retry.
    Accepted,
    /// It may have been written: ask again with the same message id.
    OutcomeUnknown,
}

/// How an [`Outcome`] reaches the sender.
pub enum Reply {
    /// In the event's place on the sending connection.
    Socket { outlet: Arc<dyn Outlet>, id: RequestId, followed: Followed },
    /// A request of another door.
    Once(oneshot::Sender<Outcome>),
}

impl std::fmt::Debug for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Socket { .. } => "Socket",
            Self::Once(_) => "Once",
        })
    }
}

/// A refusal as a frame.
pub fn refused(id: Option<RequestId>, refusal: &Refusal) -> ErrorFrame {
    traced(ErrorFrame {
        field: refusal.field.map(Into::into),
        retry_after_ms: refusal.retry_after_ms,
        now: refusal.now,
        current: refusal.current.as_deref().cloned().map(Box::new),
        ..ErrorFrame::new(id, refusal.code)
    })
}

/// The outcome as the frame that answers request `id`.
pub fn frame(id: RequestId, outcome: &Outcome) -> ServerFrame {
    match outcome {
        Outcome::Decided(answer) => ServerFrame::Ok(answer.frame(id)),
        Outcome::Refused(refusal) => ServerFrame::Error(refused(Some(id), refusal)),
        Outcome::Accepted => {
            ServerFrame::Error(traced(ErrorFrame::new(Some(id), Code::Unavailable)))
        }
        Outcome::OutcomeUnknown => {
            ServerFrame::Error(traced(ErrorFrame::new(Some(id), Code::OutcomeUnknown)))
        }
    }
}

/// Tells whoever waits. The connection that is now owed a flush, if any.
pub fn tell(reply: Option<Reply>, outcome: &Outcome) -> Option<Arc<dyn Outlet>> {
    match reply {
        Some(Reply::Socket { outlet, id, followed }) => {
            let owed = followed.answer(outcome, || outlet.reply(&frame(id, outcome)));
            owed.then_some(outlet)
        }
        Some(Reply::Once(sender)) => {
            // Nobody waiting any more is no error: the command was handled all the same.
            drop(sender.send(outcome.clone()));
            None
        }
        None => None,
    }
}

/// Those who wait on this node, by ticket.
#[derive(Debug, Default)]
pub struct Tickets {
    slots: Mutex<Slots>,
}

#[derive(Debug, Default)]
struct Slots {
    waiting: Vec<Option<Reply>>,
    free: Vec<u32>,
}

impl Tickets {
    pub fn issue(&self, reply: Reply) -> Ticket {
        let mut slots = self.slots.lock();
        let index = slots.free.pop().unwrap_or_else(|| {
            slots.waiting.push(None);
            (slots.waiting.len() - 1) as u32
        });
        slots.waiting[index as usize] = Some(reply);
        Ticket(u64::from(index))
    }

    /// Each ticket is redeemed once.
    pub fn redeem(&self, ticket: Ticket) -> Option<Reply> {
        let mut slots = self.slots.lock();
        let index = usize::try_from(ticket.0).ok()?;
        let reply = slots.waiting.get_mut(index)?.take()?;
        slots.free.push(index as u32);
        Some(reply)
    }
}
