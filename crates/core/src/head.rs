//! A conversation as a list shows it, to one viewer.
//!
//! Invariant: a former member's head is what it was at the end of the last stay, whatever happened since.

use parlance_types::frame::{AccountMarks, Head, Last};
use parlance_types::{AccountId, ConversationKind, Frozen, Listed, Marks, Ordinal, limits};

use crate::marks;
use crate::policy;
use crate::state::{Member, State};

/// The head for `viewer`; `None` for outsiders. `own` and `other` (in a direct) are effective marks; `last` is the last
/// message that the viewer may see.
pub fn head(
    state: &State,
    viewer: AccountId,
    own: &Marks,
    other: Option<(AccountId, Marks)>,
    last: Option<Last>,
) -> Option<Head> {
    let member = state.member(viewer)?;
    let info = state.info()?;
    let first = policy::first_visible(&member.intervals)?;
    let mut marks = vec![account_marks(viewer, own)];
    if info.kind == ConversationKind::Direct {
        marks.extend(other.map(|(account, marks)| account_marks(account, &marks)));
    }
    let (seq, shown) = match &member.frozen {
        None => (state.seq()?, state.freeze()),
        Some(frozen) => (member.left()?, Frozen::clone(frozen)),
    };
    let join = member.intervals.last().map_or(Ordinal::ZERO, |stay| stay.join_ordinal);
    Some(Head {
        conversation: state.conversation(),
        kind: info.kind,
        title: shown.title,
        description: shown.description.map(|text| text.as_str().into()),
        members: shown.members,
        member_count: shown.member_count,
        role: member.role,
        seq,
        hash: shown.hash,
        first,
        ordinal: shown.ordinal,
        unread: marks::unread(shown.ordinal, own.read, join),
        marks,
        last,
        changed_at: shown.at,
        settings: shown.settings,
        personal: None,
    })
}

/// At most `max` members above `after`, in order of their ids, and whether more follow; `None` for outsiders. A former member sees those
/// that the head still names.
pub fn members(
    state: &State,
    viewer: AccountId,
    after: Option<AccountId>,
    max: usize,
) -> Option<(Vec<Listed>, bool)> {
    let above = |listed: &Listed| Some(listed.account) > after;
    let mut listed: Vec<Listed> = match &state.member(viewer)?.frozen {
        None => state.members().filter_map(Member::listed).filter(above).take(max + 1).collect(),
        Some(frozen) => frozen.members.iter().copied().filter(above).take(max + 1).collect(),
    };
    let more = listed.len() > max;
    listed.truncate(max);
    Some((listed, more))
}

/// A text in at most [`limits::PREVIEW_CHARS_MAX`] characters.
pub fn preview(text: &str) -> Box<str> {
    // A text of so many bytes cannot have more characters.
    if text.len() <= limits::PREVIEW_CHARS_MAX {
        return text.into();
    }
    let mut starts =
        text.char_indices().map(|(index, _)| index).skip(limits::PREVIEW_CHARS_MAX - 1);
    match (starts.next(), starts.next()) {
        (Some(last), Some(_)) => format!("{}…", &text[..last]).into(),
        _ => text.into(),
    }
}

fn account_marks(account: AccountId, marks: &Marks) -> AccountMarks {
    AccountMarks {
        account,
        delivered: marks.delivered.map(|mark| mark.seq),
        read: marks.read.map(|mark| mark.seq),
    }
}

#[cfg(test)]
mod tests;
