//! The schema: which field of a frame has which number. **A number, once given, is given for ever.**

/// A message.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) name: &'static str,
    pub(super) shape: Shape,
    pub(super) fields: &'static [Field],
}

impl Message {
    /// The number of a field that is there, for those who are compiled with it.
    pub(super) const fn number(&self, name: &str) -> u32 {
        let mut index = 0;
        while index < self.fields.len() {
            if is_same(self.fields[index].name.as_bytes(), name.as_bytes()) {
                return self.fields[index].number;
            }
            index += 1;
        }
        panic!("no field of this name")
    }
}

const fn is_same(one: &[u8], other: &[u8]) -> bool {
    let mut index = 0;
    while index < one.len() && index < other.len() && one[index] == other[index] {
        index += 1;
    }
    index == one.len() && index == other.len()
}

/// How a message looks in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// An object with the fields.
    Fields,
    /// An object with one key, the name of the one field that is there.
    Named,
    /// An object whose `kind` is the name of the one field that is there, with that field's fields beside it.
    Kinded,
}

/// A field.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) number: u32,
    pub(super) name: &'static str,
    pub(super) of: Type,
    pub(super) many: bool,
}

/// What a field holds, and what that is in JSON.
#[derive(Debug)]
pub(super) enum Type {
    /// `string`.
    Text,
    /// `bool`.
    Flag,
    /// `uint64`.
    Number,
    /// `bytes`, 16 of them: a UUID.
    Id,
    /// `bytes`, 16 of them: hexadecimal digits.
    Hash,
    /// `map<string, uint64>`.
    Table,
    Is(&'static Message),
}

const fn one(number: u32, name: &'static str, of: Type) -> Field {
    Field { number, name, of, many: false }
}

const fn many(number: u32, name: &'static str, of: Type) -> Field {
    Field { number, name, of, many: true }
}

const fn fields(name: &'static str, fields: &'static [Field]) -> Message {
    Message { name, shape: Shape::Fields, fields }
}

use Type::{Flag, Hash, Id, Is, Number, Table, Text};

pub(super) static CLIENT_FRAME: Message = Message {
    name: "ClientFrame",
    shape: Shape::Named,
    fields: &[
        one(1, "hello", Is(&HELLO)),
        one(2, "send", Is(&SEND)),
        one(3, "mark", Is(&MARK_REQUEST)),
        one(4, "fetch", Is(&FETCH)),
        one(5, "sync", Is(&SYNC)),
        one(6, "ping", Is(&PING)),
        one(7, "signal", Is(&SIGNAL)),
        one(8, "presence", Is(&PRESENCE)),
        one(9, "watch", Is(&WATCH)),
    ],
};

pub(super) static SERVER_FRAME: Message = Message {
    name: "ServerFrame",
    shape: Shape::Named,
    fields: &[
        one(1, "ready", Is(&READY)),
        one(2, "heads", Is(&HEADS)),
        one(3, "ok", Is(&OK)),
        one(4, "error", Is(&ERROR)),
        one(5, "event", Is(&EVENT)),
        one(6, "mark", Is(&MARK)),
        one(7, "page", Is(&PAGE)),
        one(8, "lag", Is(&LAG)),
        one(9, "pong", Is(&PONG)),
        one(10, "bye", Is(&BYE)),
        one(11, "signal", Is(&SIGNAL)),
        one(12, "presence", Is(&PRESENCE)),
    ],
};

static HELLO: Message = fields(
    "Hello",
    &[one(1, "token", Text), one(2, "cursor", Text), one(3, "presence", Is(&PRESENCE))],
);
pub(super) static SEND: Message = fields(
    "Send",
    &[
        one(1, "id", Number),
        one(2, "conversation", Id),
        one(3, "to", Id),
        one(4, "message_id", Id),
        one(5, "body", Is(&ACTION)),
        one(6, "reply_to", Number),
        one(7, "seen", Number),
        one(8, "silent", Flag),
    ],
);
pub(super) static MARK_REQUEST: Message = fields(
    "MarkRequest",
    &[one(1, "conversation", Id), one(2, "delivered", Number), one(3, "read", Number)],
);
static FETCH: Message = fields(
    "Fetch",
    &[
        one(1, "id", Number),
        one(2, "conversation", Id),
        one(3, "after", Number),
        one(4, "before", Number),
        one(5, "around", Number),
        one(6, "changes_after", Number),
        one(7, "up_to", Number),
        one(8, "limit", Number),
    ],
);
static SYNC: Message = fields(
    "Sync",
    &[one(1, "id", Number), one(2, "cursor", Text), one(3, "more", Text), one(4, "limit", Number)],
);
pub(super) static PING: Message = fields("Ping", &[one(1, "n", Number)]);
pub(super) static SIGNAL: Message =
    fields("Signal", &[one(1, "conversation", Id), one(2, "sender", Id), one(3, "kind", Text)]);
pub(super) static PRESENCE: Message = fields(
    "Presence",
    &[
        one(1, "account", Id),
        one(2, "state", Text),
        one(3, "text", Text),
        one(4, "until", Number),
        one(5, "last_seen", Number),
    ],
);
static WATCH: Message =
    fields("Watch", &[one(1, "id", Number), many(2, "accounts", Id), one(3, "seconds", Number)]);

/// What a client wants; the numbers of the kinds.
pub(super) static ACTION: Message = Message {
    name: "Action",
    shape: Shape::Kinded,
    fields: &[
        one(1, "text", Is(&TEXT)),
        one(64, "edit", Is(&EDIT_ACTION)),
        one(65, "delete", Is(&DELETE)),
        one(66, "react", Is(&REACT)),
        one(67, "unreact", Is(&REACT)),
        one(128, "create", Is(&CREATE_ACTION)),
        one(129, "add", Is(&ADD)),
        one(130, "remove", Is(&REMOVE)),
        one(131, "leave", Is(&LEAVE)),
        one(132, "role", Is(&ROLE)),
        one(133, "rename", Is(&RENAME)),
        one(134, "describe", Is(&DESCRIBE)),
        one(135, "settings", Is(&SETTINGS)),
        one(192, "personal", Is(&PERSONAL)),
    ],
};

/// What an event says; the numbers of the kinds, and above them what stands in place of a body.
pub(super) static BODY: Message = Message {
    name: "Body",
    shape: Shape::Kinded,
    fields: &[
        one(1, "text", Is(&TEXT)),
        one(64, "edit", Is(&EDIT)),
        one(65, "delete", Is(&DELETE)),
        one(66, "react", Is(&REACT)),
        one(67, "unreact", Is(&REACT)),
        one(128, "create", Is(&CREATE)),
        one(129, "add", Is(&ADD)),
        one(130, "remove", Is(&REMOVE)),
        one(131, "leave", Is(&LEAVE)),
        one(132, "role", Is(&ROLE)),
        one(133, "rename", Is(&RENAME)),
        one(134, "describe", Is(&DESCRIBE)),
        one(135, "settings", Is(&SETTINGS)),
        one(192, "personal", Is(&PERSONAL)),
        one(1_000, "deleted", Is(&DELETED)),
        one(1_001, "hidden", Is(&HIDDEN)),
    ],
};

pub(super) static TEXT: Message =
    fields("Text", &[one(1, "text", Text), many(2, "entities", Is(&ENTITY)), one(3, "alt", Text)]);
static ENTITY: Message = fields(
    "Entity",
    &[
        one(1, "kind", Text),
        one(2, "offset", Number),
        one(3, "length", Number),
        one(4, "account", Id),
        one(5, "language", Text),
    ],
);
static EDIT_ACTION: Message =
    fields("EditAction", &[one(1, "target", Number), one(2, "body", Is(&ACTION))]);
pub(super) static EDIT: Message =
    fields("Edit", &[one(1, "target", Number), one(2, "body", Is(&BODY))]);
pub(super) static DELETE: Message = fields("Delete", &[one(1, "target", Number)]);
pub(super) static REACT: Message =
    fields("React", &[one(1, "target", Number), one(2, "emoji", Text)]);
static CREATE_ACTION: Message = fields(
    "CreateAction",
    &[
        one(1, "key", Text),
        one(2, "title", Text),
        many(3, "members", Id),
        one(4, "settings", Is(&SETTINGS)),
    ],
);
static CREATE: Message = fields(
    "Create",
    &[
        one(1, "conversation_kind", Text),
        one(2, "title", Text),
        many(3, "members", Is(&MEMBER)),
        one(4, "settings", Is(&SETTINGS)),
        one(5, "region", Number),
    ],
);
static ADD: Message = fields("Add", &[many(1, "accounts", Id)]);
static REMOVE: Message = fields("Remove", &[one(1, "account", Id)]);
static LEAVE: Message = fields("Leave", &[one(1, "promoted", Id)]);
static ROLE: Message = fields("Role", &[one(1, "account", Id), one(2, "role", Text)]);
static RENAME: Message = fields("Rename", &[one(1, "title", Text)]);
static DESCRIBE: Message = fields("Describe", &[one(1, "text", Text)]);
static SETTINGS: Message = fields(
    "Settings",
    &[one(1, "send", Text), one(2, "add", Text), one(3, "info", Text), one(4, "history", Text)],
);
static PERSONAL: Message = fields(
    "Personal",
    &[
        one(1, "conversation", Id),
        one(2, "based_on", Number),
        one(3, "mute_until", Number),
        one(4, "archived", Flag),
        one(5, "pinned", Flag),
        one(6, "cleared", Number),
        one(7, "hidden", Number),
        one(8, "unread", Flag),
        one(9, "draft", Text),
        // Where it stands in a head or an error: the event of the account log that made it so.
        one(10, "seq", Number),
    ],
);
static DELETED: Message = fields("Deleted", &[]);
static HIDDEN: Message = fields("Hidden", &[]);

static READY: Message = fields(
    "Ready",
    &[
        one(1, "connection", Id),
        one(2, "session", Id),
        one(3, "account", Id),
        one(4, "device", Id),
        one(5, "node", Text),
        one(6, "epoch", Hash),
        one(7, "heartbeat_ms", Number),
        one(8, "now", Number),
        one(9, "limits", Table),
        one(10, "resumed", Flag),
        many(11, "people", Is(&PERSON)),
        many(12, "heads", Is(&HEAD)),
        one(13, "more", Text),
        one(14, "cursor", Text),
    ],
);
static HEADS: Message = fields(
    "Heads",
    &[
        one(1, "id", Number),
        many(2, "people", Is(&PERSON)),
        many(3, "heads", Is(&HEAD)),
        one(4, "more", Text),
        one(5, "cursor", Text),
    ],
);
pub(super) static OK: Message = fields(
    "Ok",
    &[
        one(1, "id", Number),
        one(2, "message_id", Id),
        one(3, "conversation", Id),
        one(4, "seq", Number),
        one(5, "at", Number),
        one(6, "ordinal", Number),
        one(7, "hash", Hash),
        one(8, "duplicate", Flag),
    ],
);
static ERROR: Message = fields(
    "Error",
    &[
        one(1, "id", Number),
        one(2, "code", Text),
        one(3, "number", Number),
        one(4, "message", Text),
        one(5, "field", Text),
        one(6, "retry", Text),
        one(7, "retry_after_ms", Number),
        one(8, "outcome", Text),
        one(9, "now", Number),
        one(10, "trace", Text),
        one(11, "current", Is(&PERSONAL)),
    ],
);
/// Live, and in a page, where it may also be what is left of one or a run that is hidden.
pub(super) static EVENT: Message = fields(
    "Event",
    &[
        one(1, "conversation", Id),
        one(2, "seq", Number),
        one(3, "at", Number),
        one(4, "sender", Id),
        one(5, "device", Id),
        one(6, "message_id", Id),
        one(7, "ordinal", Number),
        one(8, "hash", Hash),
        one(9, "body", Is(&BODY)),
        one(10, "reply_to", Number),
        one(11, "seen", Number),
        one(12, "silent", Flag),
        one(13, "up_to", Number),
        one(14, "now", Is(&NOW)),
    ],
);
pub(super) static NOW: Message = fields(
    "Now",
    &[
        one(1, "as_of", Number),
        one(2, "body", Is(&BODY)),
        one(3, "edited", Flag),
        many(4, "reactions", Is(&REACTION)),
    ],
);
pub(super) static REACTION: Message =
    fields("Reaction", &[one(1, "emoji", Text), one(2, "account", Id), one(3, "seq", Number)]);
pub(super) static MARK: Message =
    fields("Mark", &[one(1, "conversation", Id), many(2, "marks", Is(&MARKS))]);
pub(super) static MARKS: Message =
    fields("Marks", &[one(1, "account", Id), one(2, "delivered", Number), one(3, "read", Number)]);
pub(super) static PAGE: Message = fields(
    "Page",
    &[
        one(1, "id", Number),
        one(2, "conversation", Id),
        many(3, "people", Is(&PERSON)),
        many(4, "events", Is(&EVENT)),
        one(5, "head", Number),
        one(6, "first", Number),
        one(7, "next", Number),
    ],
);
pub(super) static LAG: Message = fields("Lag", &[one(1, "cursor", Text)]);
pub(super) static PONG: Message = fields("Pong", &[one(1, "n", Number), one(2, "cursor", Text)]);
static BYE: Message = fields(
    "Bye",
    &[
        one(1, "code", Number),
        one(2, "reason", Text),
        one(3, "message", Text),
        one(4, "retry_after_ms", Number),
        one(5, "spread_ms", Number),
    ],
);
pub(super) static PERSON: Message =
    fields("Person", &[one(1, "account", Id), one(2, "handle", Text), one(3, "name", Text)]);
static MEMBER: Message = fields("Member", &[one(1, "account", Id), one(2, "role", Text)]);
static HEAD: Message = fields(
    "Head",
    &[
        one(1, "conversation", Id),
        one(2, "kind", Text),
        one(3, "title", Text),
        one(4, "description", Text),
        many(5, "members", Is(&MEMBER)),
        one(6, "member_count", Number),
        one(7, "role", Text),
        one(8, "seq", Number),
        one(9, "hash", Hash),
        one(10, "first", Number),
        one(11, "ordinal", Number),
        one(12, "unread", Number),
        many(13, "marks", Is(&MARKS)),
        one(14, "last", Is(&LAST)),
        one(15, "changed_at", Number),
        one(16, "settings", Is(&SETTINGS)),
        one(17, "personal", Is(&PERSONAL)),
    ],
);
static LAST: Message = fields(
    "Last",
    &[one(1, "seq", Number), one(2, "at", Number), one(3, "sender", Id), one(4, "text", Text)],
);
