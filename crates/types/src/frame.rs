//! The frames of the protocol, as values. `parlance-protocol` turns them into bytes and back; `docs/protocol.md` describes them.

use crate::Action;
use crate::{
    AccountId, Body, CloseCode, Code, ConnectionId, ConversationId, ConversationKind, DeviceId,
    Epoch, Event, Handle, Hash, Listed, MessageId, Micros, Ordinal, PersonalAt, Position,
    PresenceFrame, PresenceRequest, Reaction, Role, Seq, SessionId, Settings, SignalFrame,
    SignalRequest, Title, WatchRequest,
};

/// How far a connection has everything: opaque text on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cursor {
    pub epoch: Epoch,
    pub position: Position,
}

/// The number by which a client tells its requests apart on one connection.
pub type RequestId = u64;

/// From a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientFrame {
    Hello(Hello),
    Send(Send),
    Mark(MarkRequest),
    Fetch(Fetch),
    Sync(Sync),
    Signal(SignalRequest),
    Presence(PresenceRequest),
    Watch(WatchRequest),
    Ping { n: u64 },
}

/// The first frame of a connection.
#[derive(Clone, PartialEq, Eq)]
pub struct Hello {
    pub token: Box<str>,
    /// Resume from here.
    pub cursor: Option<Cursor>,
    /// What [`ClientFrame::Presence`] would say, before anybody sees the connection.
    pub presence: Option<PresenceRequest>,
}

impl std::fmt::Debug for Hello {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hello").field("cursor", &self.cursor).finish_non_exhaustive()
    }
}

/// The only way to write into a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Send {
    pub id: RequestId,
    pub place: Place,
    /// Names the command for ever. For `create` it derives from the key and whatever the client gave is ignored.
    pub message_id: Option<MessageId>,
    pub action: Action,
}

/// Where a [`Send`] goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    Conversation(ConversationId),
    /// The direct conversation with this account (or one's own notes), created with the message.
    To(AccountId),
    /// A new group, named by its creator's key.
    Key(Box<str>),
    /// The log of the sender's own devices, created with its first event.
    Account,
}

/// Watermarks of the connection's account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MarkRequest {
    pub conversation: ConversationId,
    pub delivered: Option<Seq>,
    pub read: Option<Seq>,
}

/// A range of a log, or what changed in a range already held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fetch {
    pub id: RequestId,
    pub conversation: ConversationId,
    pub range: FetchRange,
    /// Events wanted, at most [`crate::limits::PAGE_EVENTS_MAX`].
    pub limit: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FetchRange {
    /// Ascending from the first event above `after` (0: from the start of what is visible).
    After { after: u64 },
    /// The `limit` events just below `before`, in ascending order. `None`: the newest.
    Before { before: Option<Seq> },
    /// Half of `limit` on either side of `around`.
    Around { around: Seq },
    /// The targets at or below `up_to` that events above `after` touched.
    ChangesAfter { after: u64, up_to: Seq },
}

/// Heads changed since a cursor, or the next page of a listing. Also ends `lag`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sync {
    pub id: RequestId,
    pub from: SyncFrom,
    /// Heads wanted in a page, at most [`crate::limits::PAGE_HEADS_MAX`].
    pub limit: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SyncFrom {
    /// Everything.
    Start,
    Cursor(Cursor),
    /// The `more` of the page before.
    More(Box<str>),
}

/// From the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerFrame {
    Ready(Box<Ready>),
    Heads(Box<Heads>),
    Ok(Ok),
    /// A request other than `send` was done.
    Done {
        id: RequestId,
    },
    Error(ErrorFrame),
    Event(Box<Event>),
    Mark(MarkFrame),
    Signal(SignalFrame),
    Presence(PresenceFrame),
    Page(Box<Page>),
    /// Pushes are complete up to the cursor and have stopped.
    Lag {
        cursor: Cursor,
    },
    Pong {
        n: u64,
        cursor: Option<Cursor>,
    },
    Bye(Bye),
}

/// Answer to `hello`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ready {
    pub connection: ConnectionId,
    pub session: SessionId,
    pub account: AccountId,
    pub device: DeviceId,
    pub node: Box<str>,
    pub epoch: Epoch,
    pub heartbeat_ms: u64,
    pub now: Micros,
    /// The cursor of `hello` was of this epoch: the heads are what changed since.
    pub resumed: bool,
    pub listing: Listing,
}

/// A page of a listing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    pub people: Vec<Person>,
    pub heads: Vec<Head>,
    /// On every page but the last: the rest is to be had with `sync {more}`.
    pub more: Option<Box<str>>,
    /// On the last page only.
    pub cursor: Option<Cursor>,
}

/// Without `id`: a conversation that this account gained or regained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heads {
    pub id: Option<RequestId>,
    pub listing: Listing,
}

/// How an account is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    pub account: AccountId,
    pub handle: Handle,
    pub name: Title,
}

/// A conversation as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    pub conversation: ConversationId,
    pub kind: ConversationKind,
    pub title: Option<Title>,
    pub description: Option<Box<str>>,
    /// Both in a direct; in a group the first [`crate::limits::HEAD_MEMBERS_MAX`] in order of their ids.
    pub members: Vec<Listed>,
    pub member_count: usize,
    /// The reader's own; `None` for a former member.
    pub role: Option<Role>,
    /// The last event that the reader may see, and the chain there.
    pub seq: Seq,
    pub hash: Hash,
    /// The first event that the reader may see.
    pub first: Seq,
    pub ordinal: Ordinal,
    pub unread: u64,
    /// Own marks; in a direct also the other's.
    pub marks: Vec<AccountMarks>,
    /// The last message that the reader may see, its text shortened.
    pub last: Option<Last>,
    pub changed_at: Micros,
    pub settings: Settings,
    /// What the reader keeps of it. `None`: nothing, or not looked up; what is known of a later event stays.
    pub personal: Option<Box<PersonalAt>>,
}

/// The last message of a conversation in short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Last {
    pub seq: Seq,
    pub at: Micros,
    pub sender: AccountId,
    /// At most [`crate::limits::PREVIEW_CHARS_MAX`] characters. `None`: deleted.
    pub text: Option<Box<str>>,
}

/// How far an account has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountMarks {
    pub account: AccountId,
    pub delivered: Option<Seq>,
    pub read: Option<Seq>,
}

/// After the durable commit. Stands in the event's place on the sending connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ok {
    pub id: RequestId,
    pub conversation: ConversationId,
    pub message_id: MessageId,
    pub seq: Seq,
    pub at: Micros,
    pub hash: Hash,
    pub ordinal: Ordinal,
    /// A retry, or a change that changed nothing: the event existed before.
    pub duplicate: bool,
}

/// Something was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorFrame {
    pub id: Option<RequestId>,
    pub code: Code,
    /// More than [`Code::message`] says, safe for people. `None`: just that.
    pub message: Option<Box<str>>,
    /// The field at fault, as a path: `send.body.text`.
    pub field: Option<Box<str>>,
    pub retry_after_ms: Option<u64>,
    /// The server's time, where the client's clock is at fault.
    pub now: Option<Micros>,
    /// Finds the log entry of the operator.
    pub trace: Option<Box<str>>,
    /// How what was to be changed is now, where another device was first.
    pub current: Option<Box<PersonalAt>>,
}

impl ErrorFrame {
    pub fn new(id: Option<RequestId>, code: Code) -> Self {
        Self {
            id,
            code,
            message: None,
            field: None,
            retry_after_ms: None,
            now: None,
            trace: None,
            current: None,
        }
    }
}

/// Marks of others (and of own devices), coalesced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarkFrame {
    pub conversation: ConversationId,
    pub marks: Vec<AccountMarks>,
}

/// Answer to `fetch`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    pub id: RequestId,
    pub conversation: ConversationId,
    pub people: Vec<Person>,
    pub events: Vec<PageEntry>,
    /// The last event that the reader may see.
    pub head: Seq,
    /// The first event that the reader may see.
    pub first: Seq,
    /// Where to go on in the same direction; `None`: that was all.
    pub next: Option<Seq>,
}

/// A place in a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PageEntry {
    /// As logged, and beside it how it looks today.
    Event { event: Box<Event>, now: Option<Now> },
    /// Its content, or that of the message it edits, is gone.
    Deleted(Deleted),
    /// What this reader may not see: `seq` to `up_to`, and nothing else about it.
    Hidden { seq: Seq, up_to: Seq },
}

/// An event without its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deleted {
    pub seq: Seq,
    pub at: Micros,
    pub sender: AccountId,
    pub message_id: MessageId,
    pub ordinal: Ordinal,
    pub hash: Hash,
}

/// How an event looks today.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Now {
    /// The last event that is counted in; a later change applies only if its `seq` is greater.
    pub as_of: Seq,
    /// The body of the last edit.
    pub body: Option<Body>,
    pub edited: bool,
    pub reactions: Vec<Reaction>,
}

/// Before every deliberate close.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bye {
    pub code: CloseCode,
    pub retry_after_ms: Option<u64>,
    pub spread_ms: Option<u64>,
}
