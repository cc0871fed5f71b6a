//! Conversations and messages: the fields of the frames that say the same.

use bytes::BytesMut;
use parlance_types::frame::{ErrorFrame, Head, Listing, Ok as OkFrame, Page, Person};
use parlance_types::{AccountId, Action, MessageId, Seq, Settings, Title};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{RestBody, TOP};
use crate::DecodeError;
use crate::json::body::{self, Context, Wish};
use crate::json::decode_server::{listing, page};
use crate::json::encode_client::{write_action, write_context};
use crate::json::encode_server::{write_error, write_listing, write_ok, write_page};
use crate::json::read::At;
use crate::json::shapes::{ErrorIn, HeadIn, OkIn, PersonIn};
use crate::json::write::{Json, frame, object};

/// `POST …/messages`: what `send` says beside the place. The answer is an [`OkFrame`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// May be given as `Idempotency-Key` instead.
    pub message_id: Option<MessageId>,
    /// Anything but `create`.
    pub action: Action,
}

impl RestBody for Message {
    fn read(text: &str) -> Result<Self, DecodeError> {
        #[derive(Deserialize)]
        struct In<'a> {
            message_id: Option<MessageId>,
            #[serde(borrow)]
            body: Option<&'a RawValue>,
            reply_to: Option<Seq>,
            seen: Option<Seq>,
            silent: Option<bool>,
        }

        let read: In<'_> = TOP.read(text)?;
        let silent = read.silent.unwrap_or(false);
        let context = Context { to: None, reply_to: read.reply_to, seen: read.seen, silent };
        let body = TOP.need("body", read.body)?.get();
        let Wish { action, key } = body::action(At("body"), context, body)?;
        if key.is_some() {
            return Err(DecodeError::field(
                "body.kind",
                "a group is created with POST /v1/conversations",
            ));
        }
        Ok(Self { message_id: read.message_id, action })
    }

    fn write(&self, out: &mut BytesMut) {
        object(out, |fields| {
            fields.put_some("message_id", self.message_id);
            object(fields.name("body"), |body| write_action(body, &self.action, None));
            write_context(fields, &self.action);
        });
    }
}

/// `POST /v1/conversations`. The answer is a [`Head`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Names the group for its creator: the same key is the same group.
    pub key: Box<str>,
    /// How it is shown.
    pub title: Option<Title>,
    /// Beside the creator.
    pub members: Vec<AccountId>,
    /// What is left out is as by default.
    pub settings: Settings,
}

impl RestBody for Group {
    fn read(text: &str) -> Result<Self, DecodeError> {
        body::group(TOP, text).map(|(key, title, members, settings)| Self {
            key,
            title,
            members,
            settings,
        })
    }

    fn write(&self, out: &mut BytesMut) {
        object(out, |fields| {
            fields.put("key", &self.key).put_some("title", self.title.as_ref());
            fields.put("members", &self.members[..]).put("settings", self.settings);
        });
    }
}

/// `GET /v1/conversations`: a page of the list.
impl RestBody for Listing {
    fn read(text: &str) -> Result<Self, DecodeError> {
        listing(TOP, text)
    }

    fn write(&self, out: &mut BytesMut) {
        object(out, |fields| write_listing(fields, self));
    }
}

/// `GET /v1/conversations/{id}`.
impl RestBody for Head {
    fn read(text: &str) -> Result<Self, DecodeError> {
        TOP.read::<HeadIn>(text).map(Self::from)
    }

    fn write(&self, out: &mut BytesMut) {
        Json::write(self, out);
    }
}

/// `GET /v1/conversations/{id}/messages`. Its `id` says nothing here.
impl RestBody for Page {
    fn read(text: &str) -> Result<Self, DecodeError> {
        page(TOP, text)
    }

    fn write(&self, out: &mut BytesMut) {
        object(out, |fields| write_page(fields, self));
    }
}

/// The answer to a [`Message`]. Its `id` says nothing here.
impl RestBody for OkFrame {
    fn read(text: &str) -> Result<Self, DecodeError> {
        TOP.read::<OkIn>(text).map(Self::from)
    }

    fn write(&self, out: &mut BytesMut) {
        write_ok(self, None, out);
    }
}

/// `GET /v1/people/{account}`.
impl RestBody for Person {
    fn read(text: &str) -> Result<Self, DecodeError> {
        TOP.read::<PersonIn>(text).map(Self::from)
    }

    fn write(&self, out: &mut BytesMut) {
        Json::write(self, out);
    }
}

/// The answer to everything that is refused: the `error` frame, its key included.
impl RestBody for ErrorFrame {
    fn read(text: &str) -> Result<Self, DecodeError> {
        #[derive(Deserialize)]
        struct In {
            error: ErrorIn,
        }

        TOP.read::<In>(text).map(|read| read.error.into())
    }

    fn write(&self, out: &mut BytesMut) {
        frame("error", out, |fields| write_error(fields, self));
    }
}
