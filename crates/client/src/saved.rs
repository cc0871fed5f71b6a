//! What has to survive the process, as JSON: positions with their trails, and the outbox as the frames that it will send.

use bytes::BytesMut;
use parlance_protocol::json::{decode_client, encode_client};
use parlance_protocol::rest::{self, PersonalSettings};
use parlance_protocol::{decode_cursor, encode_cursor};
use parlance_types::frame::{ClientFrame, Send};
use parlance_types::{ConversationId, Hash, MessageId, PersonalAt, Seq};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::machine::{Entry, Saved, Trail};
use crate::{ClientError, Stored};

#[derive(Serialize, Deserialize)]
struct SavedText {
    cursor: Option<String>,
    conversations: Vec<TrailText>,
    outbox: Vec<EntryText>,
    #[serde(default)]
    personal: Vec<PersonalText>,
}

#[derive(Serialize, Deserialize)]
struct PersonalText {
    conversation: ConversationId,
    settings: Box<RawValue>,
}

#[derive(Serialize, Deserialize)]
struct TrailText {
    conversation: ConversationId,
    local: u64,
    points: Vec<(Seq, Hash)>,
}

#[derive(Serialize, Deserialize)]
struct EntryText {
    /// The name in the outbox; a frame that creates a group has none of its own.
    message_id: MessageId,
    frame: Box<RawValue>,
}

impl Saved {
    /// As text, to be stored.
    #[must_use]
    pub fn to_json(&self) -> String {
        let conversations = self.conversations.iter().map(|(conversation, trail)| TrailText {
            conversation: *conversation,
            local: trail.local(),
            points: trail.points().to_vec(),
        });
        let text = SavedText {
            cursor: self.cursor.map(encode_cursor),
            conversations: conversations.collect(),
            outbox: self.outbox.iter().map(EntryText::from).collect(),
            personal: self.personal.iter().map(PersonalText::of).collect(),
        };
        serde_json::to_string(&text).expect("ids, numbers and frames are JSON")
    }

    /// Reads what [`Self::to_json`] wrote. A cursor that is none is left out, which costs a full listing and loses nothing.
    pub fn from_json(text: &str) -> Result<Self, ClientError> {
        let malformed = |error: serde_json::Error| ClientError::Malformed(error.to_string());
        let SavedText { cursor, conversations, outbox, personal } =
            serde_json::from_str(text).map_err(malformed)?;
        let conversations = conversations
            .into_iter()
            .map(|TrailText { conversation, local, points }| {
                (conversation, Trail::restore(local, points))
            })
            .collect();
        Ok(Self {
            cursor: cursor.and_then(|text| decode_cursor(&text).ok()),
            conversations,
            outbox: outbox.iter().map(EntryText::read).collect::<Result<_, _>>()?,
            personal: personal.iter().map(PersonalText::read).collect::<Result<_, _>>()?,
        })
    }
}

/// The version of [`StoredText`].
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct StoredText {
    version: u32,
    tokens: Box<RawValue>,
    saved: Box<RawValue>,
}

impl Stored {
    /// As text, which is secret, to be stored.
    #[must_use]
    pub fn to_json(&self) -> String {
        let tokens = String::from_utf8(rest::encode(&self.tokens).to_vec());
        let raw = |text| RawValue::from_string(text).expect("it was written as JSON");
        let text = StoredText {
            version: VERSION,
            tokens: raw(tokens.expect("bodies are UTF-8")),
            saved: raw(self.saved.to_json()),
        };
        serde_json::to_string(&text).expect("JSON in JSON is JSON")
    }

    /// Reads what [`Self::to_json`] wrote.
    pub fn from_json(text: &str) -> Result<Self, ClientError> {
        let malformed = |error: serde_json::Error| ClientError::Malformed(error.to_string());
        let StoredText { version, tokens, saved } =
            serde_json::from_str(text).map_err(malformed)?;
        if version != VERSION {
            return Err(ClientError::Malformed(format!("stored in version {version}")));
        }
        let tokens = rest::decode(tokens.get().as_bytes())?;
        Ok(Self { tokens, saved: Saved::from_json(saved.get())? })
    }
}

impl PersonalText {
    fn of((conversation, kept): &(ConversationId, PersonalAt)) -> Self {
        let bytes = rest::encode(&PersonalSettings(Some(kept.clone())));
        let text = String::from_utf8(bytes.to_vec()).expect("bodies are UTF-8");
        let settings = RawValue::from_string(text).expect("bodies are JSON");
        Self { conversation: *conversation, settings }
    }

    fn read(&self) -> Result<(ConversationId, PersonalAt), ClientError> {
        let PersonalSettings(kept) = rest::decode(self.settings.get().as_bytes())?;
        let kept = kept.ok_or_else(|| ClientError::Malformed("settings have a seq".to_owned()))?;
        Ok((self.conversation, kept))
    }
}

impl From<&Entry> for EntryText {
    fn from(entry: &Entry) -> Self {
        let frame = ClientFrame::Send(Send {
            id: 0,
            place: entry.place.clone(),
            message_id: Some(entry.message_id),
            action: entry.action.clone(),
        });
        let mut bytes = BytesMut::new();
        encode_client(&frame, &mut bytes);
        let text = String::from_utf8(bytes.to_vec()).expect("frames are UTF-8");
        let frame = RawValue::from_string(text).expect("frames are JSON");
        Self { message_id: entry.message_id, frame }
    }
}

impl EntryText {
    fn read(&self) -> Result<Entry, ClientError> {
        let mut read = None;
        decode_client(self.frame.get().as_bytes(), &mut |frame| read = Some(frame));
        match read.transpose()? {
            Some(ClientFrame::Send(Send { place, action, .. })) => {
                Ok(Entry { message_id: self.message_id, place, action })
            }
            _ => Err(ClientError::Malformed("an outbox holds send frames".to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use parlance_types::frame::{Cursor, Place};
    use parlance_types::{
        AccountId, Action, DraftText, Epoch, MessageText, Personal, PersonalChange, Position,
        Settings,
    };

    use super::*;

    #[test]
    fn what_was_saved_reads_back_equal() {
        let conversation = ConversationId::from_bytes([7; 16]);
        let points = (3..=5).map(|n| (Seq::new(n).unwrap(), Hash::from_bytes([n as u8; 16])));
        let entry = |n: u8, place, action| Entry {
            message_id: MessageId::from_time(n.into(), [n; 10]),
            place,
            action,
        };
        let text = Action::Send {
            to: None,
            text: MessageText::new("so \"long\"\n").unwrap(),
            entities: Vec::new(),
            reply_to: Seq::new(4),
            seen: None,
            silent: true,
        };
        let to = AccountId::from_bytes([8; 16]);
        let Action::Send { text: words, .. } = text.clone() else { unreachable!() };
        let direct = Action::Send {
            to: Some(to),
            text: words,
            entities: Vec::new(),
            reply_to: None,
            seen: None,
            silent: false,
        };
        let create =
            Action::Create { title: None, members: vec![to], settings: Settings::default() };
        let draft = DraftText::new("so \"far\"").ok();
        let personal = Personal { archived: true, draft, ..Personal::default() };
        let wish = PersonalChange { conversation, based_on: None, personal: personal.clone() };
        let kept = PersonalAt { seq: Seq::FIRST, personal };
        let saved = Saved {
            cursor: Some(Cursor { epoch: Epoch::from_bytes([1; 16]), position: Position::new(9) }),
            conversations: vec![(conversation, Trail::restore(6, points))],
            outbox: vec![
                entry(1, Place::Conversation(conversation), text),
                entry(2, Place::To(to), direct),
                entry(3, Place::Key("k".into()), create),
                entry(4, Place::Account, Action::Personal(Box::new(wish))),
            ],
            personal: vec![(conversation, kept)],
        };
        assert_eq!(Saved::from_json(&saved.to_json()).unwrap(), saved);
        assert!(Saved::from_json("{}").is_err());
        let empty = Saved::default();
        assert_eq!(Saved::from_json(&empty.to_json()).unwrap(), empty);
    }
}
