//! Changes: what the kinds of `send` say, under paths that name what they are about. And who is in a conversation and how far.

use bytes::BytesMut;
use parlance_types::frame::{AccountMarks, Person};
use parlance_types::{AccountId, Action, Entity, Listed, MessageId, MessageText, Role, Seq, Title};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{RestBody, TOP};
use crate::DecodeError;
use crate::json::body::{SettingsIn, version};
use crate::json::encode_event::{write_change, write_version};
use crate::json::read::{At, Checked, Fields};
use crate::json::shapes::{MarksIn, PersonIn};
use crate::json::write::object;

/// What names a change that says no more than its path: `DELETE …/messages/{seq}`, reactions, members.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Name {
    /// May be given as `Idempotency-Key` instead, and then there need be no body.
    pub message_id: Option<MessageId>,
}

impl RestBody for Name {
    fn read(text: &str) -> Result<Self, DecodeError> {
        #[derive(Deserialize)]
        struct In {
            message_id: Option<MessageId>,
        }

        TOP.read::<In>(text).map(|read| Self { message_id: read.message_id })
    }

    fn write(&self, out: &mut BytesMut) {
        object(out, |fields| {
            fields.put_some("message_id", self.message_id);
        });
    }
}

/// `PATCH …/messages/{seq}`: a new version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// May be given as `Idempotency-Key` instead.
    pub message_id: Option<MessageId>,
    /// What the message says from now on.
    pub text: MessageText,
    /// Beside the text.
    pub entities: Vec<Entity>,
}

impl RestBody for Version {
    fn read(text: &str) -> Result<Self, DecodeError> {
        #[derive(Deserialize)]
        struct In<'a> {
            message_id: Option<MessageId>,
            #[serde(borrow)]
            body: Option<&'a RawValue>,
        }

        let read: In<'_> = TOP.read(text)?;
        let (text, entities) = version(At("body"), TOP.need("body", read.body)?.get())?;
        Ok(Self { message_id: read.message_id, text, entities })
    }

    fn write(&self, out: &mut BytesMut) {
        object(out, |fields| {
            fields.put_some("message_id", self.message_id);
            write_version(fields, &self.text, &self.entities);
        });
    }
}

/// `POST …/members`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Additions {
    /// May be given as `Idempotency-Key` instead.
    pub message_id: Option<MessageId>,
    /// Who is to come in.
    pub accounts: Vec<AccountId>,
}

impl RestBody for Additions {
    fn read(text: &str) -> Result<Self, DecodeError> {
        #[derive(Deserialize)]
        struct In {
            message_id: Option<MessageId>,
            accounts: Option<Vec<AccountId>>,
        }

        let read: In = TOP.read(text)?;
        let accounts = TOP.need("accounts", read.accounts)?;
        Ok(Self { message_id: read.message_id, accounts })
    }

    fn write(&self, out: &mut BytesMut) {
        object(out, |fields| {
            fields.put_some("message_id", self.message_id).put("accounts", &self.accounts[..]);
        });
    }
}

/// `PATCH …/members/{account}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewRole {
    /// May be given as `Idempotency-Key` instead.
    pub message_id: Option<MessageId>,
    /// From now on.
    pub role: Role,
}

impl RestBody for NewRole {
    fn read(text: &str) -> Result<Self, DecodeError> {
        #[derive(Deserialize)]
        struct In {
            message_id: Option<MessageId>,
            role: Option<Role>,
        }

        let read: In = TOP.read(text)?;
        Ok(Self { message_id: read.message_id, role: TOP.need("role", read.role)? })
    }

    fn write(&self, out: &mut BytesMut) {
        object(out, |fields| {
            fields.put_some("message_id", self.message_id).put("role", self.role);
        });
    }
}

/// `PATCH /v1/conversations/{id}`: one thing at a time, since each is an event of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reform {
    /// May be given as `Idempotency-Key` instead.
    pub message_id: Option<MessageId>,
    /// A new title, description or settings.
    pub action: Action,
}

impl RestBody for Reform {
    fn read(text: &str) -> Result<Self, DecodeError> {
        #[derive(Deserialize)]
        struct In {
            message_id: Option<MessageId>,
            title: Option<Checked<Title>>,
            description: Option<String>,
            settings: Option<Fields<SettingsIn>>,
        }

        let In { message_id, title, description, settings } = TOP.read(text)?;
        let action = match (title, description, settings) {
            (Some(title), None, None) => Action::Rename { title: title.0 },
            (None, Some(text), None) if text.is_empty() => Action::Describe { text: None },
            (None, Some(text), None) => {
                let text = MessageText::new(&text);
                let text = text.map_err(|error| TOP.wrong("description", error.to_string()))?;
                Action::Describe { text: Some(text) }
            }
            (None, None, Some(Fields(settings))) => Action::Settings(settings.change()),
            _ => {
                let message = "give one of title, description and settings at a time";
                return Err(TOP.wrong("title", message));
            }
        };
        Ok(Self { message_id, action })
    }

    fn write(&self, out: &mut BytesMut) {
        object(out, |fields| {
            fields.put_some("message_id", self.message_id);
            match &self.action {
                Action::Rename { title } => {
                    fields.put("title", title);
                }
                Action::Describe { text } => {
                    fields.put("description", text.as_ref().map_or("", MessageText::as_str));
                }
                Action::Settings(change) => {
                    object(fields.name("settings"), |settings| write_change(settings, *change));
                }
                _ => {}
            }
        });
    }
}

/// `PUT …/mark`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewMarks {
    /// Everything up to here has arrived.
    pub delivered: Option<Seq>,
    /// Everything up to here was read.
    pub read: Option<Seq>,
}

impl RestBody for NewMarks {
    fn read(text: &str) -> Result<Self, DecodeError> {
        #[derive(Deserialize)]
        struct In {
            delivered: Option<Seq>,
            read: Option<Seq>,
        }

        let In { delivered, read } = TOP.read(text)?;
        if delivered.is_none() && read.is_none() {
            return Err(TOP.wrong("read", "give delivered, read or both"));
        }
        Ok(Self { delivered, read })
    }

    fn write(&self, out: &mut BytesMut) {
        object(out, |fields| {
            fields.put_some("delivered", self.delivered).put_some("read", self.read);
        });
    }
}

/// The answer of `GET …/members`: in order of their ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemberPage {
    /// Who they are.
    pub people: Vec<Person>,
    /// With their roles.
    pub members: Vec<Listed>,
    /// Where to go on, as `after`; `None`: that was all.
    pub next: Option<AccountId>,
}

impl RestBody for MemberPage {
    fn read(text: &str) -> Result<Self, DecodeError> {
        #[derive(Deserialize)]
        struct In {
            people: Option<Vec<Fields<PersonIn>>>,
            members: Option<Vec<Listed>>,
            next: Option<AccountId>,
        }

        let read: In = TOP.read(text)?;
        let people = read.people.unwrap_or_default();
        Ok(Self {
            people: people.into_iter().map(|Fields(person)| person.into()).collect(),
            members: TOP.need("members", read.members)?,
            next: read.next,
        })
    }

    fn write(&self, out: &mut BytesMut) {
        object(out, |fields| {
            fields.put("people", &self.people[..]).put("members", &self.members[..]);
            fields.put_some("next", self.next);
        });
    }
}

/// The answer of `GET …/marks`: in order of ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MarkPage {
    /// How far each has come.
    pub marks: Vec<AccountMarks>,
    /// Where to go on, as `after`; `None`: that was all.
    pub next: Option<AccountId>,
}

impl RestBody for MarkPage {
    fn read(text: &str) -> Result<Self, DecodeError> {
        #[derive(Deserialize)]
        struct In {
            marks: Option<Vec<Fields<MarksIn>>>,
            next: Option<AccountId>,
        }

        let read: In = TOP.read(text)?;
        let marks = TOP.need("marks", read.marks)?;
        let marks = marks.into_iter().map(|Fields(marks)| marks.into()).collect();
        Ok(Self { marks, next: read.next })
    }

    fn write(&self, out: &mut BytesMut) {
        object(out, |fields| {
            fields.put("marks", &self.marks[..]).put_some("next", self.next);
        });
    }
}
