//! People: contacts, blocked accounts, and who was looked for.

use bytes::BytesMut;
use parlance_types::frame::Person;
use parlance_types::{AccountId, Micros};
use serde::Deserialize;

use super::{RestBody, TOP};
use crate::DecodeError;
use crate::json::shapes::PersonIn;
use crate::json::write::object;

/// `GET` and `PUT /v1/contacts/{account}` and `/v1/blocks/{account}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tied {
    /// As everybody sees them.
    pub person: Person,
    /// Since when.
    pub at: Micros,
}

impl RestBody for Tied {
    fn read(text: &str) -> Result<Self, DecodeError> {
        #[derive(Deserialize)]
        struct In {
            at: Option<Micros>,
        }

        let person: PersonIn = TOP.read(text)?;
        let In { at } = TOP.read(text)?;
        Ok(Self { person: person.into(), at: TOP.need("at", at)? })
    }

    fn write(&self, out: &mut BytesMut) {
        object(out, |fields| {
            let Person { account, handle, name } = &self.person;
            fields.put("account", account).put("handle", handle).put("name", name);
            fields.put("at", self.at);
        });
    }
}

/// `GET /v1/contacts`, `GET /v1/blocks` and `GET /v1/people`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeoplePage {
    /// Contacts and blocked accounts in order of their ids; those who were looked for, contacts first.
    pub people: Vec<Person>,
    /// Where to go on, as `after`; `None`: that was all.
    pub next: Option<AccountId>,
}

impl RestBody for PeoplePage {
    fn read(text: &str) -> Result<Self, DecodeError> {
        #[derive(Deserialize)]
        struct In {
            people: Option<Vec<PersonIn>>,
            next: Option<AccountId>,
        }

        let read: In = TOP.read(text)?;
        let people = TOP.need("people", read.people)?;
        Ok(Self { people: people.into_iter().map(Person::from).collect(), next: read.next })
    }

    fn write(&self, out: &mut BytesMut) {
        object(out, |fields| {
            fields.put("people", &self.people[..]).put_some("next", self.next);
        });
    }
}
