//! Frames of a client as requests of REST, and the answers as frames of a server.

use bytes::Bytes;
use http::Method;
use parlance_protocol::rest::{self, Group, Message, NewMarks, PutSettings};
use parlance_protocol::{encode_cursor, rest::RestBody};
use parlance_types::frame::{
    ClientFrame, ErrorFrame, Fetch, FetchRange, Head, Heads, Listing, MarkRequest, Ok as OkFrame,
    Page, Place, RequestId, Send, ServerFrame, Sync, SyncFrom,
};
use parlance_types::{Action, Hash, MessageId, Micros, Ordinal, PersonalChange, Seq};

use crate::ClientError;

/// What to ask for, and how to read the answer.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) body: Option<Bytes>,
    answer: Answer,
}

#[derive(Debug)]
enum Answer {
    Ok(RequestId),
    /// A group answers with its head.
    Group(RequestId, Option<MessageId>),
    Page(RequestId),
    Heads(RequestId),
    Nothing,
}

impl Question {
    /// `None`: there is nothing to ask, or no way to.
    pub(super) fn of(frame: ClientFrame) -> Option<Self> {
        match frame {
            ClientFrame::Send(send) => Some(Self::send(send)),
            ClientFrame::Mark(mark) => Some(Self::mark(mark)),
            ClientFrame::Fetch(fetch) => Some(Self::fetch(&fetch)),
            ClientFrame::Sync(sync) => Some(Self::sync(&sync)),
            // The moment belongs to sockets.
            ClientFrame::Hello(_)
            | ClientFrame::Ping { .. }
            | ClientFrame::Signal(_)
            | ClientFrame::Presence(_)
            | ClientFrame::Watch(_) => None,
        }
    }

    fn send(send: Send) -> Self {
        let Send { id, place, message_id, action } = send;
        let mut method = Method::POST;
        let (path, body, answer) = match (place, action) {
            (Place::Account, Action::Personal(change)) => {
                let PersonalChange { conversation, based_on, personal } = *change;
                let path = format!("/v1/conversations/{conversation}/settings");
                method = Method::PUT;
                let body = rest::encode(&PutSettings { message_id, based_on, personal });
                (path, body, Answer::Ok(id))
            }
            (Place::Key(key), Action::Create { title, members, settings }) => {
                let body = rest::encode(&Group { key, title, members, settings });
                ("/v1/conversations".to_owned(), body, Answer::Group(id, message_id))
            }
            (Place::To(account), action) => {
                let path = format!("/v1/directs/{account}/messages");
                (path, rest::encode(&Message { message_id, action }), Answer::Ok(id))
            }
            (Place::Conversation(conversation), action) => {
                let path = format!("/v1/conversations/{conversation}/messages");
                (path, rest::encode(&Message { message_id, action }), Answer::Ok(id))
            }
            // There is no way to say this; the server says so.
            (Place::Key(_) | Place::Account, action) => {
                let body = rest::encode(&Message { message_id, action });
                ("/v1/conversations".to_owned(), body, Answer::Ok(id))
            }
        };
        Self { method, path, body: Some(body), answer }
    }

    fn mark(mark: MarkRequest) -> Self {
        let MarkRequest { conversation, delivered, read } = mark;
        let body = Some(rest::encode(&NewMarks { delivered, read }));
        let path = format!("/v1/conversations/{conversation}/mark");
        Self { method: Method::PUT, path, body, answer: Answer::Nothing }
    }

    fn fetch(fetch: &Fetch) -> Self {
        let Fetch { id, conversation, range, limit } = fetch;
        let range = match range {
            FetchRange::After { after } => format!("&after={after}"),
            FetchRange::Before { before: Some(before) } => format!("&before={before}"),
            FetchRange::Before { before: None } => String::new(),
            FetchRange::Around { around } => format!("&around={around}"),
            FetchRange::ChangesAfter { after, up_to } => {
                format!("&changes_after={after}&up_to={up_to}")
            }
        };
        let path = format!("/v1/conversations/{conversation}/messages?limit={limit}{range}");
        Self { method: Method::GET, path, body: None, answer: Answer::Page(*id) }
    }

    fn sync(sync: &Sync) -> Self {
        let from = match &sync.from {
            SyncFrom::Start => String::new(),
            SyncFrom::Cursor(cursor) => format!("&cursor={}", encode_cursor(*cursor)),
            SyncFrom::More(more) => format!("&more={more}"),
        };
        let path = format!("/v1/conversations?limit={}{from}", sync.limit);
        Self { method: Method::GET, path, body: None, answer: Answer::Heads(sync.id) }
    }

    /// What the answer says. `Err`: the connection is lost.
    pub(super) fn read(
        &self,
        answer: Result<Bytes, ClientError>,
    ) -> Result<Option<ServerFrame>, ClientError> {
        let bytes = match answer {
            Ok(bytes) => bytes,
            Err(ClientError::Refused(error)) => {
                return Ok(Some(ServerFrame::Error(ErrorFrame { id: self.id(), ..*error })));
            }
            Err(error) => return Err(error),
        };
        Ok(match self.answer {
            Answer::Ok(id) => Some(ServerFrame::Ok(OkFrame { id, ..read::<OkFrame>(&bytes)? })),
            Answer::Group(id, message_id) => {
                Some(ServerFrame::Ok(created(id, message_id, &read::<Head>(&bytes)?)))
            }
            Answer::Page(id) => {
                Some(ServerFrame::Page(Box::new(Page { id, ..read::<Page>(&bytes)? })))
            }
            Answer::Heads(id) => {
                let listing: Listing = read(&bytes)?;
                Some(ServerFrame::Heads(Box::new(Heads { id: Some(id), listing })))
            }
            Answer::Nothing => None,
        })
    }

    fn id(&self) -> Option<RequestId> {
        match self.answer {
            Answer::Ok(id) | Answer::Group(id, _) | Answer::Page(id) | Answer::Heads(id) => {
                Some(id)
            }
            Answer::Nothing => None,
        }
    }
}

fn read<T: RestBody>(bytes: &[u8]) -> Result<T, ClientError> {
    Ok(rest::decode(bytes)?)
}

/// A group exists, whether or not it did before: as the answer to a retry, which names the event and claims no place in the order.
fn created(id: RequestId, message_id: Option<MessageId>, head: &Head) -> OkFrame {
    OkFrame {
        id,
        conversation: head.conversation,
        message_id: message_id.unwrap_or(MessageId::from_bytes([0; 16])),
        seq: Seq::FIRST,
        at: Micros::from_ms(0),
        hash: Hash::from_bytes([0; 16]),
        ordinal: Ordinal::ZERO,
        duplicate: true,
    }
}
