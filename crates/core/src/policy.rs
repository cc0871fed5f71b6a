//! Who may what, and who sees what: each in one place.
//!
//! **Law**: whoever may not see a body never receives it, by any path. [`visible`] is the one predicate for it; live delivery,
//! pages, heads, marks and targets all ask here.

use parlance_types::{ConversationKind, Interval, Kind, Role, Seq, Settings, Who};

/// Something that a member may or may not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Send a message, or give an own one another text.
    Send,
    /// React, take an own reaction back, delete an own message, leave.
    TakePart,
    /// Delete a message of somebody else.
    DeleteOthers,
    /// Add members.
    Add,
    /// Remove a member of this role.
    Remove(Role),
    /// Give somebody another role.
    ChangeRole,
    /// Change title or description.
    ChangeInfo,
    /// Change the settings.
    ChangeSettings,
}

/// The table of rights. Owners may everything; what members and admins may depends on the settings.
pub fn may(role: Role, act: Act, settings: Settings) -> bool {
    let is_admin = role >= Role::Admin;
    match act {
        Act::TakePart => true,
        Act::Send => is_admin || settings.send == Who::Members,
        Act::Add => is_admin || settings.add == Who::Members,
        Act::ChangeInfo => is_admin || settings.info == Who::Members,
        Act::DeleteOthers | Act::ChangeSettings => is_admin,
        // Those above: admins remove members, owners whomever they want.
        Act::Remove(of) => role == Role::Owner || (is_admin && of == Role::Member),
        Act::ChangeRole => role == Role::Owner,
    }
}

/// Whether conversations of this kind have events of that kind (beside the one that creates them).
pub fn has(conversation: ConversationKind, event: Kind) -> bool {
    let is_account = conversation == ConversationKind::Account;
    match event {
        Kind::Text | Kind::Edit | Kind::Delete | Kind::React | Kind::Unreact => !is_account,
        Kind::Create => false,
        Kind::Personal => is_account,
        Kind::Add
        | Kind::Remove
        | Kind::Leave
        | Kind::Role
        | Kind::Rename
        | Kind::Describe
        | Kind::Settings => conversation == ConversationKind::Group,
    }
}

/// Whether somebody with these stays sees an event: it says something of the one that it changes, so both must be visible.
pub fn sees(intervals: &[Interval], seq: Seq, target: Option<Seq>) -> bool {
    visible(intervals, seq) && target.is_none_or(|target| visible(intervals, target))
}

/// Whether somebody with these stays sees what is at `seq`. For a whole event, ask [`sees`].
pub fn visible(intervals: &[Interval], seq: Seq) -> bool {
    // The newest stay is asked for most.
    intervals.iter().rev().any(|stay| stay.from <= seq && stay.left.is_none_or(|left| seq <= left))
}

/// The first event that can be seen. `None`: never was a member.
pub fn first_visible(intervals: &[Interval]) -> Option<Seq> {
    intervals.first().map(|stay| stay.from)
}

/// The last event that can be seen in a conversation that has come as far as `head`.
pub fn last_visible(intervals: &[Interval], head: Seq) -> Option<Seq> {
    let last = intervals.iter().rev().find(|stay| stay.from <= head)?;
    Some(last.left.map_or(head, |left| left.min(head)))
}

/// Neighbours that are all visible or all hidden.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Where it begins.
    pub first: Seq,
    /// Where it ends, inclusive.
    pub last: Seq,
    /// Whether its events may be shown.
    pub visible: bool,
}

/// Cuts `first ..= last` into runs, in order, visible and hidden ones alternating.
pub fn runs(intervals: &[Interval], first: Seq, last: Seq) -> impl Iterator<Item = Run> {
    let mut next = (first <= last).then_some(first);
    std::iter::from_fn(move || {
        let first = next?;
        let mut run = run_at(intervals, first);
        run.last = run.last.min(last);
        // Stays that touch make one run.
        while run.last < last && visible(intervals, run.last.next()) == run.visible {
            run.last = run_at(intervals, run.last.next()).last.min(last);
        }
        next = (run.last < last).then(|| run.last.next());
        Some(run)
    })
}

/// The run that begins at `first`, up to the end of the stay or of the gap.
fn run_at(intervals: &[Interval], first: Seq) -> Run {
    const END: Seq = Seq::new(Seq::MAX).expect("the greatest number is a number");
    let stay = intervals
        .iter()
        .find(|stay| stay.from <= first && stay.left.is_none_or(|left| first <= left));
    if let Some(stay) = stay {
        return Run { first, last: stay.left.unwrap_or(END), visible: true };
    }
    let following = intervals.iter().map(|stay| stay.from).find(|from| *from > first);
    let last = following.and_then(|from| Seq::new(from.get() - 1)).unwrap_or(END);
    Run { first, last, visible: false }
}

#[cfg(test)]
mod tests;
