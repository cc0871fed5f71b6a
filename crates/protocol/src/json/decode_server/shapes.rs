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

use super::super::body::SettingsIn;
use super::super::read::{Checked, CursorText};
use super::{close_code, code, marks};

#[derive(Deserialize)]
pub(super) struct ReadyIn {
    pub(super) connection: ConnectionId,
    pub(super) session: SessionId,
    pub(super) account: AccountId,
    pub(super) device: DeviceId,
    pub(super) node: Box<str>,
    pub(super) epoch: Epoch,
    pub(super) heartbeat_ms: u64,
    pub(super) now: Micros,
    pub(super) resumed: bool,
}

#[derive(Deserialize)]
pub(super) struct HeadsIn {
    pub(super) id: Option<RequestId>,
}

#[derive(Deserialize)]
pub(super) struct ListingIn {
    pub(super) people: Vec<PersonIn>,
    pub(super) heads: Vec<HeadIn>,
    pub(super) more: Option<Box<str>>,
    pub(super) cursor: Option<CursorText>,
}

#[derive(Deserialize)]
pub(super) struct PersonIn {
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
pub(super) struct HeadIn {
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
pub(super) struct MarkIn {
    pub(super) conversation: ConversationId,
    pub(super) marks: Vec<MarksIn>,
}

#[derive(Deserialize)]
pub(super) struct MarksIn {
    pub(super) account: AccountId,
    pub(super) delivered: Option<Seq>,
    pub(super) read: Option<Seq>,
}

impl From<MarksIn> for AccountMarks {
    fn from(MarksIn { account, delivered, read }: MarksIn) -> Self {
        Self { account, delivered, read }
    }
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
        }
    }
}

#[derive(Deserialize)]
pub(super) struct EventIn<'a> {
    pub(super) conversation: ConversationId,
    pub(super) seq: Seq,
    pub(super) at: Micros,
    pub(super) sender: AccountId,
    pub(super) device: Option<DeviceId>,
    pub(super) message_id: MessageId,
    pub(super) ordinal: Ordinal,
    pub(super) hash: Hash,
    #[serde(borrow)]
    pub(super) body: &'a RawValue,
    pub(super) reply_to: Option<Seq>,
    pub(super) seen: Option<Seq>,
    #[serde(default)]
    pub(super) silent: bool,
}

#[derive(Deserialize)]
pub(super) struct PageIn<'a> {
    #[serde(default)]
    pub(super) id: RequestId,
    pub(super) conversation: ConversationId,
    pub(super) people: Vec<PersonIn>,
    #[serde(borrow)]
    pub(super) events: Vec<&'a RawValue>,
    pub(super) head: Seq,
    pub(super) first: Seq,
    pub(super) next: Option<Seq>,
}

/// What an entry of a page is can be told from its body.
#[derive(Deserialize)]
pub(super) struct EntryIn<'a> {
    pub(super) seq: Seq,
    pub(super) up_to: Option<Seq>,
    pub(super) body: EntryBodyIn,
    #[serde(borrow)]
    pub(super) now: Option<NowIn<'a>>,
}

#[derive(Deserialize)]
pub(super) struct EntryBodyIn {
    pub(super) kind: Box<str>,
}

#[derive(Deserialize)]
pub(super) struct NowIn<'a> {
    pub(super) as_of: Seq,
    #[serde(borrow)]
    pub(super) body: Option<&'a RawValue>,
    #[serde(default)]
    pub(super) edited: bool,
    #[serde(default)]
    pub(super) reactions: Vec<ReactionIn>,
}

#[derive(Deserialize)]
pub(super) struct ReactionIn {
    pub(super) emoji: Checked<Emoji>,
    pub(super) account: AccountId,
    pub(super) seq: Seq,
}

#[derive(Deserialize)]
pub(super) struct DeletedIn {
    pub(super) at: Micros,
    pub(super) sender: AccountId,
    pub(super) message_id: MessageId,
    pub(super) ordinal: Ordinal,
    pub(super) hash: Hash,
}

#[derive(Deserialize)]
pub(super) struct LagIn {
    pub(super) cursor: CursorText,
}

#[derive(Deserialize)]
pub(super) struct PongIn {
    pub(super) n: u64,
    pub(super) cursor: Option<CursorText>,
}

#[derive(Deserialize)]
pub(super) struct ByeIn {
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
