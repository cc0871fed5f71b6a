//! What logs say of a command on its way: a span from its decoding to its answer, and a name for every refusal.
//!
//! **Nothing private is in it**: ids, numbers and codes. While nobody listens (`debug`) a command has no span, and that costs one
//! comparison.

use parlance_types::frame::{ErrorFrame, RequestId};
use parlance_types::{Code, Command};
use tracing::{Level, Span, debug, debug_span, warn};

use crate::entropy::random;
use crate::outlet::Peer;
use crate::reply::Outcome;

/// The span of a command, if somebody listens.
#[derive(Debug, Default)]
pub struct Followed(Option<Box<Span>>);

impl Followed {
    /// A command that a connection was asked for.
    pub fn command(peer: Peer, id: RequestId, command: &Command) -> Self {
        if !tracing::enabled!(Level::DEBUG) {
            return Self(None);
        }
        let span = debug_span!(
            "command",
            connection.id = %peer.connection,
            request.id = id,
            conversation.id = %command.conversation,
            message.id = %command.message_id,
        );
        span.in_scope(|| debug!("taken"));
        Self(Some(Box::new(span)))
    }

    /// Does `work`, which answers the command.
    pub(crate) fn answer<T>(&self, outcome: &Outcome, work: impl FnOnce() -> T) -> T {
        let Some(span) = &self.0 else { return work() };
        span.in_scope(|| {
            if let Outcome::Decided(answer) = outcome {
                debug!(seq = answer.seq.get(), duplicate = answer.duplicate, "answered");
            }
            work()
        })
    }
}

/// Gives an error its name, by which the line about it is found.
pub fn traced(mut error: ErrorFrame) -> ErrorFrame {
    if error.trace.is_some() {
        return error;
    }
    let (code, trace) = (error.code, format!("{:016x}", u64::from_be_bytes(random())));
    match code {
        Code::Internal => warn!(%trace, %code, "refused"),
        _ => debug!(%trace, %code, field = error.field.as_deref(), "refused"),
    }
    error.trace = Some(trace.into());
    error
}
