//! Personal settings: as a change that a device sends or an event tells, as they stand in heads and errors, and over REST.

use bytes::BytesMut;
use parlance_types::{
    ConversationId, DraftText, Micros, Personal, PersonalAt, PersonalChange, Seq,
};
use serde::Deserialize;

use super::read::{At, Checked};
use super::write::{Json, Object, object};
use crate::DecodeError;

/// The settings and what stands beside them, by what they are read for.
#[derive(Deserialize)]
pub(crate) struct PersonalIn {
    conversation: Option<ConversationId>,
    based_on: Option<Seq>,
    seq: Option<Seq>,
    mute_until: Option<Micros>,
    archived: Option<bool>,
    pinned: Option<bool>,
    cleared: Option<Seq>,
    hidden: Option<Seq>,
    unread: Option<bool>,
    draft: Option<Checked<DraftText>>,
}

impl PersonalIn {
    /// What a device wants. A time must be exact for clients whose only number is a double.
    pub(crate) fn wish(self, at: At<'_>) -> Result<(Option<Seq>, Personal), DecodeError> {
        if self.mute_until.is_some_and(|until| until.get() > Seq::MAX) {
            return Err(at.wrong("mute_until", "must be below 2^53"));
        }
        Ok((self.based_on, self.settings()))
    }

    pub(crate) fn at_seq(self) -> Option<PersonalAt> {
        self.seq.map(|seq| PersonalAt { seq, personal: self.settings() })
    }

    fn settings(self) -> Personal {
        Personal {
            mute_until: self.mute_until,
            archived: self.archived.unwrap_or(false),
            pinned: self.pinned.unwrap_or(false),
            cleared: self.cleared,
            hidden: self.hidden,
            unread: self.unread.unwrap_or(false),
            draft: self.draft.map(|draft| draft.0),
        }
    }
}

/// The body of kind `personal`.
pub(super) fn change(at: At<'_>, text: &str) -> Result<Box<PersonalChange>, DecodeError> {
    let read: PersonalIn = at.read(text)?;
    let conversation = at.need("conversation", read.conversation)?;
    let (based_on, personal) = read.wish(at)?;
    Ok(Box::new(PersonalChange { conversation, based_on, personal }))
}

/// What a body of kind `personal` has beside its kind.
pub(super) fn write_change(body: &mut Object<'_>, change: &PersonalChange) {
    body.put("conversation", change.conversation).put_some("based_on", change.based_on);
    write_settings(body, &change.personal);
}

pub(crate) fn write_settings(fields: &mut Object<'_>, personal: &Personal) {
    let Personal { mute_until, archived, pinned, cleared, hidden, unread, draft } = personal;
    fields.put_some("mute_until", *mute_until).put_true("archived", *archived);
    fields.put_true("pinned", *pinned).put_some("cleared", *cleared).put_some("hidden", *hidden);
    fields.put_true("unread", *unread).put_some("draft", draft.as_ref());
}

impl Json for PersonalAt {
    fn write(&self, out: &mut BytesMut) {
        object(out, |fields| {
            fields.put("seq", self.seq);
            write_settings(fields, &self.personal);
        });
    }
}
