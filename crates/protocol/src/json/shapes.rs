//! The frames of servers as they stand in JSON.

use parlance_types::frame::{
    AccountMarks, Bye, ErrorFrame, Head, Last, Ok as OkFrame, Person, RequestId,
};
use parlance_types::{
    AccountId, ConnectionId, ConversationId, ConversationKind, DeviceId, Emoji, Epoch, Handle,
    Hash, Listed, MessageId, Micros, Ordinal, Role, Seq, SessionId, Settings, Title,
};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::body::SettingsIn;
use super::decode_server::{close_code, code, marks};
use super::personal::PersonalIn;
use super::read::{Checked, CursorText};

#[derive(Deserialize)]
pub(crate) struct ReadyIn {
    pub(crate) connection: ConnectionId,
    pub(crate) session: SessionId,
    pub(crate) account: AccountId,
    pub(crate) device: DeviceId,
    pub(crate) node: Box<str>,
    pub(crate) epoch: Epoch,
    pub(crate) heartbeat_ms: u64,
    pub(crate) now: Micros,
    pub(crate) resumed: bool,
}

#[derive(Deserialize)]
pub(crate) struct HeadsIn {
    pub(crate) id: Option<RequestId>,
}

#[derive(Deserialize)]
pub(crate) struct ListingIn {
    pub(crate) people: Vec<PersonIn>,
    pub(crate) heads: Vec<HeadIn>,
    pub(crate) more: Option<Box<str>>,
    pub(crate) cursor: Option<CursorText>,
}

#[derive(Deserialize)]
pub(crate) struct PersonIn {
    account: AccountId,
    handle: Handle,
    name: Checked<Title>,
}

impl From<PersonIn> for Person {
    fn from(read: PersonIn) -> Self {
        Self { account: read.account, handle: read.handle, name: read.name.0 }
    }
}

#[derive(Deserialize)]
pub(crate) struct HeadIn {
    conversation: ConversationId,
    kind: ConversationKind,
    title: Option<Checked<Title>>,
    description: Option<Box<str>>,
    members: Vec<Listed>,
    member_count: usize,
    role: Option<Role>,
    seq: Seq,
    hash: Hash,
    first: Seq,
    ordinal: Ordinal,
    unread: u64,
    marks: Vec<MarksIn>,
    last: Option<LastIn>,
    changed_at: Micros,
    settings: SettingsIn,
    personal: Option<PersonalIn>,
}

impl From<HeadIn> for Head {
    fn from(read: HeadIn) -> Self {
        Self {
            conversation: read.conversation,
            kind: read.kind,
            title: read.title.map(|title| title.0),
            description: read.description,
            members: read.members,
            member_count: read.member_count,
            role: read.role,
            seq: read.seq,
            hash: read.hash,
            first: read.first,
            ordinal: read.ordinal,
            unread: read.unread,
            marks: marks(read.marks),
            last: read.last.map(|LastIn { seq, at, sender, text }| Last { seq, at, sender, text }),
            changed_at: read.changed_at,
            settings: Settings::default().with(read.settings.change()),
            personal: read.personal.and_then(PersonalIn::at_seq).map(Box::new),
        }
    }
}

#[derive(Deserialize)]
struct LastIn {
    seq: Seq,
    at: Micros,
    sender: AccountId,
    text: Option<Box<str>>,
}

#[derive(Deserialize)]
pub(crate) struct MarkIn {
    pub(crate) conversation: ConversationId,
    pub(crate) marks: Vec<MarksIn>,
}

#[derive(Deserialize)]
pub(crate) struct MarksIn {
    pub(crate) account: AccountId,
    pub(crate) delivered: Option<Seq>,
    pub(crate) read: Option<Seq>,
}

impl From<MarksIn> for AccountMarks {
    fn from(MarksIn { account, delivered, read }: MarksIn) -> Self {
        Self { account, delivered, read }
    }
}

/// What tells an `ok` of a message from any other.
#[derive(Deserialize)]
pub(crate) struct AnswerIn {
    #[serde(default)]
    pub(crate) id: RequestId,
    pub(crate) message_id: Option<MessageId>,
}

#[derive(Deserialize)]
pub(crate) struct OkIn {
    #[serde(default)]
    id: RequestId,
    conversation: ConversationId,
    message_id: MessageId,
    seq: Seq,
    at: Micros,
    hash: Hash,
    ordinal: Ordinal,
    #[serde(default)]
    duplicate: bool,
}

impl From<OkIn> for OkFrame {
    fn from(read: OkIn) -> Self {
        let OkIn { id, conversation, message_id, seq, at, hash, ordinal, duplicate } = read;
        Self { id, conversation, message_id, seq, at, hash, ordinal, duplicate }
    }
}

#[derive(Deserialize)]
pub(crate) struct ErrorIn {
    id: Option<RequestId>,
    number: u16,
    message: Box<str>,
    field: Option<Box<str>>,
    retry: Box<str>,
    retry_after_ms: Option<u64>,
    now: Option<Micros>,
    trace: Option<Box<str>>,
    current: Option<PersonalIn>,
}

impl From<ErrorIn> for ErrorFrame {
    fn from(read: ErrorIn) -> Self {
        let code = code(read.number, &read.retry);
        Self {
            id: read.id,
            code,
            message: (&*read.message != code.message()).then_some(read.message),
            field: read.field,
            retry_after_ms: read.retry_after_ms,
            now: read.now,
            trace: read.trace,
            current: read.current.and_then(PersonalIn::at_seq).map(Box::new),
        }
    }
}

#[derive(Deserialize)]
pub(crate) struct EventIn<'a> {
    pub(crate) conversation: ConversationId,
    pub(crate) seq: Seq,
    pub(crate) at: Micros,
    pub(crate) sender: AccountId,
    pub(crate) device: Option<DeviceId>,
    pub(crate) message_id: MessageId,
    pub(crate) ordinal: Ordinal,
    pub(crate) hash: Hash,
    #[serde(borrow)]
    pub(crate) body: &'a RawValue,
    pub(crate) reply_to: Option<Seq>,
    pub(crate) seen: Option<Seq>,
    #[serde(default)]
    pub(crate) silent: bool,
}

#[derive(Deserialize)]
pub(crate) struct PageIn<'a> {
    #[serde(default)]
    pub(crate) id: RequestId,
    pub(crate) conversation: ConversationId,
    pub(crate) people: Vec<PersonIn>,
    #[serde(borrow)]
    pub(crate) events: Vec<&'a RawValue>,
    pub(crate) head: Seq,
    pub(crate) first: Seq,
    pub(crate) next: Option<Seq>,
}

/// What an entry of a page is can be told from its body.
#[derive(Deserialize)]
pub(crate) struct EntryIn<'a> {
    pub(crate) seq: Seq,
    pub(crate) up_to: Option<Seq>,
    pub(crate) body: EntryBodyIn,
    #[serde(borrow)]
    pub(crate) now: Option<NowIn<'a>>,
}

#[derive(Deserialize)]
pub(crate) struct EntryBodyIn {
    pub(crate) kind: Box<str>,
}

#[derive(Deserialize)]
pub(crate) struct NowIn<'a> {
    pub(crate) as_of: Seq,
    #[serde(borrow)]
    pub(crate) body: Option<&'a RawValue>,
    #[serde(default)]
    pub(crate) edited: bool,
    #[serde(default)]
    pub(crate) reactions: Vec<ReactionIn>,
}

#[derive(Deserialize)]
pub(crate) struct ReactionIn {
    pub(crate) emoji: Checked<Emoji>,
    pub(crate) account: AccountId,
    pub(crate) seq: Seq,
}

#[derive(Deserialize)]
pub(crate) struct DeletedIn {
    pub(crate) at: Micros,
    pub(crate) sender: AccountId,
    pub(crate) message_id: MessageId,
    pub(crate) ordinal: Ordinal,
    pub(crate) hash: Hash,
}

#[derive(Deserialize)]
pub(crate) struct SignalIn {
    pub(crate) conversation: ConversationId,
    pub(crate) sender: AccountId,
    pub(crate) kind: Box<str>,
}

#[derive(Deserialize)]
pub(crate) struct PresenceIn {
    pub(crate) account: AccountId,
    pub(crate) state: Box<str>,
    pub(crate) text: Option<Checked<Title>>,
    pub(crate) until: Option<Micros>,
    pub(crate) last_seen: Option<Micros>,
}

#[derive(Deserialize)]
pub(crate) struct LagIn {
    pub(crate) cursor: CursorText,
}

#[derive(Deserialize)]
pub(crate) struct PongIn {
    pub(crate) n: u64,
    pub(crate) cursor: Option<CursorText>,
}

#[derive(Deserialize)]
pub(crate) struct ByeIn {
    code: u16,
    retry_after_ms: Option<u64>,
    spread_ms: Option<u64>,
}

impl From<ByeIn> for Bye {
    fn from(read: ByeIn) -> Self {
        Self {
            code: close_code(read.code),
            retry_after_ms: read.retry_after_ms,
            spread_ms: read.spread_ms,
        }
    }
}
