//! Every limit that a client can meet, once. `ready.limits` and `docs/limits.md` are made from [`TABLE`].

/// Characters (Unicode scalar values) in the text of a message.
pub const TEXT_CHARS_MAX: usize = 20_000;
/// Bytes (UTF-8) in the text of a message.
pub const TEXT_BYTES_MAX: usize = 40_000;
/// Characters of a title or a person's name.
pub const TITLE_CHARS_MAX: usize = 100;
/// Bytes of a reaction.
pub const EMOJI_BYTES_MAX: usize = 64;
/// Entities in one text.
pub const ENTITIES_MAX: usize = 200;
/// Bytes of the language named by a `pre` entity.
pub const LANGUAGE_BYTES_MAX: usize = 32;
/// Bytes of the key that names a group for its creator.
pub const GROUP_KEY_BYTES_MAX: usize = 64;
/// Distinct reactions on one message.
pub const REACTIONS_MAX: usize = 20;
/// Times that one message can be edited.
pub const EDITS_MAX: usize = 100;
/// Members of a group, the creator included.
pub const MEMBERS_MAX: usize = 1_000;
/// Times that one account can join the same group.
pub const INTERVALS_MAX: usize = 100;
/// Members named in a head; the rest are counted.
pub const HEAD_MEMBERS_MAX: usize = 20;
/// Characters of the last message shown in a head.
pub const PREVIEW_CHARS_MAX: usize = 200;
/// Bytes of a frame from a client.
pub const FRAME_BYTES_MAX: usize = 128 * 1024;
/// Frames in an array from a client.
pub const FRAMES_MAX: usize = 100;
/// Depth of nesting in JSON from a client.
pub const DEPTH_MAX: usize = 16;
/// Bytes of the body of an HTTP request.
pub const REQUEST_BYTES_MAX: usize = 256 * 1024;
/// Events in a page.
pub const PAGE_EVENTS_MAX: usize = 100;
/// Bytes of the events in a page.
pub const PAGE_BYTES_MAX: usize = 256 * 1024;
/// Heads in a page of a listing.
pub const PAGE_HEADS_MAX: usize = 100;
/// Heads in a page of a listing, unless the client says otherwise.
pub const PAGE_HEADS_DEFAULT: usize = 20;
/// Members in a page of members or of their marks.
pub const PAGE_MEMBERS_MAX: usize = 100;
/// Characters of a handle.
pub const HANDLE_CHARS_MIN: usize = 3;
/// Characters of a handle.
pub const HANDLE_CHARS_MAX: usize = 32;
/// Bytes of a password.
pub const PASSWORD_BYTES_MIN: usize = 8;
/// Bytes of a password.
pub const PASSWORD_BYTES_MAX: usize = 256;
/// Living sessions of an account; of more, those that were not used for longest end.
pub const SESSIONS_MAX: usize = 100;
/// Accounts in one request for people.
pub const PEOPLE_MAX: usize = 100;
/// Bytes of a draft.
pub const DRAFT_BYTES_MAX: usize = 8_000;
/// Drafts that an account can keep at a time.
pub const DRAFTS_MAX: usize = 100;
/// Conversations of which an account can keep personal settings at a time.
pub const PERSONAL_MAX: usize = 5_000;
/// Contacts of one account.
pub const CONTACTS_MAX: usize = 10_000;
/// Accounts that one account can block.
pub const BLOCKS_MAX: usize = 10_000;
/// Milliseconds from the upgrade to the first frame.
pub const HELLO_MS_MAX: u64 = 2_000;
/// Milliseconds between two pings of a client.
pub const HEARTBEAT_MS: u64 = 30_000;
/// Milliseconds beyond the heartbeat after which a silent side is dead.
pub const HEARTBEAT_GRACE_MS: u64 = 10_000;
/// Milliseconds that a socket may accept no byte before it is closed.
pub const STALLED_MS_MAX: u64 = 60_000;
/// Milliseconds for which a connection by long polling is kept with nobody waiting.
pub const POLL_ABSENT_MS_MAX: u64 = 30_000;
/// Seconds that a long poll waits for something to say.
pub const POLL_WAIT_SECONDS_MAX: u64 = 60;
/// Seconds that a long poll waits, unless the client says otherwise.
pub const POLL_WAIT_SECONDS_DEFAULT: u64 = 25;
/// Connections by long polling of one session.
pub const POLLS_MAX: usize = 4;
/// Bytes of frames in one answer to a long poll; one frame may be larger.
pub const POLL_BYTES_MAX: usize = 256 * 1024;
/// Milliseconds that a ticket for an event stream is good for.
pub const STREAM_TICKET_MS: u64 = 30_000;
/// Tickets for event streams of one account that are good at a time.
pub const STREAM_TICKETS_MAX: usize = 8;
/// Milliseconds that a message id may be ahead of the server's clock.
pub const ID_AHEAD_MS_MAX: u64 = 5 * 60 * 1000;
/// Milliseconds after which a message id that may be a retry is an old one: finding its original may need the disk.
pub const OLD_ID_MS: u64 = 10 * 60 * 1000;
/// Commands of one account with such ids, not greater than its last one there, that are taken in a minute.
pub const OLD_IDS_PER_MINUTE_MAX: u32 = 300;
/// Requests (`fetch`, `sync`) of one connection that are worked on at a time.
pub const REQUESTS_MAX: usize = 8;
/// Commands of one connection that are in flight before the server stops reading its socket.
pub const COMMANDS_MAX: usize = 1_024;

/// Milliseconds after which what somebody was about to say is over, unless it was said again.
pub const SIGNAL_MS: u64 = 6_000;
/// Milliseconds in which the same signal of a connection is passed on once.
pub const SIGNAL_AGAIN_MS: u64 = 2_000;
/// Milliseconds for which a connection saves up the right to one signal; those beyond are dropped.
pub const SIGNAL_EVERY_MS: u64 = 500;
/// Signals that a connection may have saved up.
pub const SIGNALS_BURST: u64 = 6;
/// Members beyond which nobody is told what another is about to say.
pub const SIGNAL_MEMBERS_MAX: usize = 250;

/// Accounts that one connection watches.
pub const WATCHED_MAX: usize = 100;
/// Seconds for which a connection watches without saying so again.
pub const WATCH_SECONDS_MAX: u64 = 900;
/// Milliseconds after which busy, invisible and the text of a presence end, unless the client says otherwise.
pub const PRESENCE_MS: u64 = 24 * 60 * 60 * 1000;
/// Milliseconds after which they end whatever the client says.
pub const PRESENCE_MS_MAX: u64 = 7 * 24 * 60 * 60 * 1000;
/// Milliseconds between two things that watchers are told of the same account.
pub const PRESENCE_AGAIN_MS: u64 = 1_000;
/// Milliseconds that an account may be without a connection before its watchers are told.
pub const PRESENCE_GRACE_MS: u64 = 10_000;

/// Name (as in `ready.limits`), value, and what it limits.
pub const TABLE: &[(&str, u64, &str)] = &[
    ("text_chars", TEXT_CHARS_MAX as u64, "characters in the text of a message"),
    ("text_bytes", TEXT_BYTES_MAX as u64, "bytes in the text of a message"),
    ("title_chars", TITLE_CHARS_MAX as u64, "characters of a title or a person's name"),
    ("emoji_bytes", EMOJI_BYTES_MAX as u64, "bytes of a reaction"),
    ("entities", ENTITIES_MAX as u64, "entities in one text"),
    (
        "group_key_bytes",
        GROUP_KEY_BYTES_MAX as u64,
        "bytes of the key that names a group for its creator",
    ),
    ("reactions", REACTIONS_MAX as u64, "distinct reactions on one message"),
    ("edits", EDITS_MAX as u64, "times that one message can be edited"),
    ("members", MEMBERS_MAX as u64, "members of a group"),
    ("frame_bytes", FRAME_BYTES_MAX as u64, "bytes of a frame from a client"),
    ("frames", FRAMES_MAX as u64, "frames in an array from a client"),
    ("depth", DEPTH_MAX as u64, "depth of nesting in JSON from a client"),
    ("request_bytes", REQUEST_BYTES_MAX as u64, "bytes of the body of an HTTP request"),
    ("page_events", PAGE_EVENTS_MAX as u64, "events in a page"),
    ("page_bytes", PAGE_BYTES_MAX as u64, "bytes of the events in a page"),
    ("page_heads", PAGE_HEADS_MAX as u64, "heads in a page of a listing"),
    ("page_members", PAGE_MEMBERS_MAX as u64, "members in a page of members or of their marks"),
    ("people", PEOPLE_MAX as u64, "accounts in one request for people"),
    ("password_bytes", PASSWORD_BYTES_MAX as u64, "bytes of a password"),
    ("contacts", CONTACTS_MAX as u64, "contacts of an account"),
    ("blocks", BLOCKS_MAX as u64, "accounts that an account can block"),
    ("draft_bytes", DRAFT_BYTES_MAX as u64, "bytes of a draft"),
    ("drafts", DRAFTS_MAX as u64, "drafts that an account can keep at a time"),
    (
        "personal",
        PERSONAL_MAX as u64,
        "conversations of which an account can keep personal settings at a time",
    ),
    ("hello_ms", HELLO_MS_MAX, "milliseconds from the upgrade to the first frame"),
    (
        "id_ahead_ms",
        ID_AHEAD_MS_MAX,
        "milliseconds that a message id may be ahead of the server's clock",
    ),
    (
        "requests",
        REQUESTS_MAX as u64,
        "fetch and sync requests of a connection that are worked on at a time",
    ),
    ("watched", WATCHED_MAX as u64, "accounts that a connection watches"),
    ("watch_seconds", WATCH_SECONDS_MAX, "seconds for which a watch lasts"),
    (
        "signal_ms",
        SIGNAL_MS,
        "milliseconds after which typing or recording is over, unless it was said again",
    ),
];

/// How much of something in which time, unless the configuration (`[limits.NAME]`) says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    pub name: &'static str,
    /// So many at once.
    pub burst: u32,
    /// So many back in a minute. Where either is 0 there is no limit.
    pub per_minute: u32,
    /// What is counted.
    pub meaning: &'static str,
}

pub const SIGN_IN_PAIR: Bucket = Bucket {
    name: "sign_in_pair",
    burst: 10,
    per_minute: 2,
    meaning: "wrong passwords for one account from one address",
};
pub const SIGN_IN_ACCOUNT: Bucket = Bucket {
    name: "sign_in_account",
    burst: 100,
    per_minute: 10,
    meaning: "wrong passwords for one account from anywhere, beside addresses from which its owner signed in lately",
};
pub const SIGN_IN_ADDRESS: Bucket = Bucket {
    name: "sign_in_address",
    burst: 50,
    per_minute: 20,
    meaning: "wrong passwords from one address",
};
pub const SIGN_UP_ADDRESS: Bucket = Bucket {
    name: "sign_up_address",
    burst: 50,
    per_minute: 20,
    meaning: "new accounts from one address",
};
pub const COMMANDS_ACCOUNT: Bucket = Bucket {
    name: "commands_account",
    burst: 1000,
    per_minute: 3000,
    meaning: "commands (whatever is sent into conversations) of one account",
};
pub const COMMANDS_DEVICE: Bucket = Bucket {
    name: "commands_device",
    burst: 500,
    per_minute: 1800,
    meaning: "commands of one device",
};

/// Every bucket.
pub const BUCKETS: &[Bucket] = &[
    SIGN_IN_PAIR,
    SIGN_IN_ACCOUNT,
    SIGN_IN_ADDRESS,
    SIGN_UP_ADDRESS,
    COMMANDS_ACCOUNT,
    COMMANDS_DEVICE,
];
