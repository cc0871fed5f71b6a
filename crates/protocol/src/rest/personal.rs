//! `…/settings`: what the owner of the account keeps of a conversation.

use bytes::BytesMut;
use parlance_types::{MessageId, Personal, PersonalAt, Seq};
use serde::Deserialize;

use super::{RestBody, TOP};
use crate::DecodeError;
use crate::json::personal::{PersonalIn, write_settings};
use crate::json::write::{Json, object};

/// `PUT /v1/conversations/{id}/settings`: the whole settings as they are to be. The answer is an
/// [`Ok`](parlance_types::frame::Ok).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PutSettings {
    /// May be given as `Idempotency-Key` instead.
    pub message_id: Option<MessageId>,
    /// The `seq` of the settings that the device knew.
    pub based_on: Option<Seq>,
    /// What is left out is not wished any more.
    pub personal: Personal,
}

impl RestBody for PutSettings {
    fn read(text: &str) -> Result<Self, DecodeError> {
        #[derive(Deserialize)]
        struct In {
            message_id: Option<MessageId>,
        }

        let In { message_id } = TOP.read(text)?;
        let (based_on, personal) = TOP.read::<PersonalIn>(text)?.wish(TOP)?;
        Ok(Self { message_id, based_on, personal })
    }

    fn write(&self, out: &mut BytesMut) {
        object(out, |fields| {
            fields.put_some("message_id", self.message_id).put_some("based_on", self.based_on);
            write_settings(fields, &self.personal);
        });
    }
}

/// `GET /v1/conversations/{id}/settings`. Without `seq`: nothing was ever wished.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonalSettings(pub Option<PersonalAt>);

impl RestBody for PersonalSettings {
    fn read(text: &str) -> Result<Self, DecodeError> {
        TOP.read::<PersonalIn>(text).map(|read| Self(read.at_seq()))
    }

    fn write(&self, out: &mut BytesMut) {
        match &self.0 {
            Some(kept) => Json::write(kept, out),
            None => object(out, |_| {}),
        }
    }
}
