//! How far somebody has come: maximum registers, and unread as a difference of two ordinals.
//!
//! Invariant: marks only advance, and only over what their owner can see. Nothing here counts anything.

use parlance_types::{Code, Interval, Mark, Marks, Ordinal, Seq};

use crate::policy;
use crate::refusal::Refusal;

/// What a client says of itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// Up to here the device has it.
    pub delivered: Option<Seq>,
    /// Up to here the person has read.
    pub read: Option<Seq>,
}

/// The marks after what was asked; `None` if that changes nothing, as everything outside the own stays or backwards does.
///
/// `head` is the durable end. `ordinal_at` answers for seqs up to it where it can; what it does not know becomes the least
/// that is possible, so that unread is never understated.
pub fn advance(
    current: &Marks,
    intervals: &[Interval],
    head: Mark,
    asked: Asked,
    ordinal_at: impl Fn(Seq) -> Option<Ordinal>,
) -> Result<Option<Marks>, Refusal> {
    let mark = |seq: Option<Seq>, current: Option<Mark>, field: &'static str| {
        let Some(seq) = seq else { return Ok(None) };
        // Somebody who left must not learn from the answer how far the others have come.
        let is_member = intervals.last().is_some_and(|stay| stay.left.is_none());
        if is_member && seq > head.seq {
            return Err(Refusal::field(Code::SeqUnknown, field));
        }
        if seq > head.seq || !policy::visible(intervals, seq) {
            return Ok(None);
        }
        if current.is_some_and(|current| seq <= current.seq) {
            return Ok(None);
        }
        let ordinal = ordinal_at(seq).unwrap_or_else(|| least_ordinal(seq, current, head));
        Ok(Some(Mark { seq, ordinal }))
    };
    let read = mark(asked.read, current.read, "read")?;
    let delivered = mark(asked.delivered, current.delivered, "delivered")?;
    let mut next = *current;
    let advanced = next.merge(&Marks { delivered, read, position: current.position });
    Ok(advanced.then_some(next))
}

/// Marks with the account's own last message counted as read: sending is reading.
pub fn effective(marks: &Marks, sent: Option<Mark>) -> Marks {
    let mut effective = *marks;
    effective.merge(&Marks { delivered: sent, read: sent, position: marks.position });
    effective
}

/// Messages after what was read and after the last join.
pub fn unread(head: Ordinal, read: Option<Mark>, join: Ordinal) -> u64 {
    let seen = read.map_or(Ordinal::ZERO, |mark| mark.ordinal).max(join);
    head.get().saturating_sub(seen.get())
}

/// An event adds at most one to the ordinal, and none takes from it.
fn least_ordinal(seq: Seq, current: Option<Mark>, head: Mark) -> Ordinal {
    let from_head = head.ordinal.get().saturating_sub(head.seq.get() - seq.get());
    let from_current = current.map_or(0, |mark| mark.ordinal.get());
    Ordinal::new(from_head.max(from_current))
}

#[cfg(test)]
mod tests;
