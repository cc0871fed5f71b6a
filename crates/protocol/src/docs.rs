//! The parts of the documents that are made of tables in `types`: what they say cannot differ from what is done.

use std::fmt::Write as _;

use parlance_types::limits::{self, BUCKETS, TABLE};
use parlance_types::{CloseCode, Code, Kind, figures};

/// The documents that have generated parts.
pub const DOCUMENTS: [&str; 3] = ["protocol.md", "limits.md", "metrics.md"];

/// A generated part of a document, between `<!-- table: NAME -->` and `<!-- end -->`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// The name in the marker.
    pub name: &'static str,
    /// The table itself, in Markdown.
    pub markdown: String,
}

/// Every generated part.
pub fn tables() -> Vec<Table> {
    let table = |name, markdown| Table { name, markdown };
    vec![
        table("codes", codes()),
        table("close_codes", close_codes()),
        table("kinds", kinds()),
        table("limits", limits_sent()),
        table("other_limits", other_limits()),
        table("buckets", buckets()),
        table("door_limits", door_limits()),
        table("figures", figures()),
    ]
}

/// `text` with every generated part that it marks as it is today. `None`: a marker without an end.
pub fn fill(text: &str) -> Option<String> {
    let mut filled = text.to_owned();
    for Table { name, markdown } in tables() {
        let start = format!("<!-- table: {name} -->\n");
        let Some(at) = filled.find(&start) else { continue };
        let from = at + start.len();
        let to = from + filled[from..].find("<!-- end -->")?;
        filled.replace_range(from..to, &markdown);
    }
    Some(filled)
}

fn codes() -> String {
    let mut table =
        "| number | code | HTTP | retry | what a person is told |\n|---|---|---|---|---|\n"
            .to_owned();
    for code in Code::ALL {
        let (number, status, retry) = (code.number(), code.http_status(), code.retry().as_str());
        row(
            &mut table,
            format_args!("| {number} | `{code}` | {status} | {retry} | {} |", code.message()),
        );
    }
    table
}

fn close_codes() -> String {
    let mut table = "| code | reason | why |\n|---|---|---|\n".to_owned();
    for code in CloseCode::ALL {
        row(
            &mut table,
            format_args!("| {} | `{}` | {} |", code.number(), code.as_str(), code.message()),
        );
    }
    table
}

fn kinds() -> String {
    let mut table = "| number | kind |\n|---|---|\n".to_owned();
    for kind in Kind::ALL {
        row(&mut table, format_args!("| {} | `{}` |", kind.number(), kind.as_str()));
    }
    table
}

fn limits_sent() -> String {
    let mut table = "| name | at most | of what |\n|---|---|---|\n".to_owned();
    for (name, value, meaning) in TABLE {
        row(&mut table, format_args!("| `{name}` | {value} | {meaning} |"));
    }
    table
}

fn other_limits() -> String {
    let rows: &[(&str, u64)] = &[
        ("characters of a handle, at least", limits::HANDLE_CHARS_MIN as u64),
        ("characters of a handle, at most", limits::HANDLE_CHARS_MAX as u64),
        ("bytes of a password, at least", limits::PASSWORD_BYTES_MIN as u64),
        ("bytes of the `language` of a `pre` entity", limits::LANGUAGE_BYTES_MAX as u64),
        (
            "heads in a page of a listing, unless `limit` says otherwise",
            limits::PAGE_HEADS_DEFAULT as u64,
        ),
        ("members named in a head", limits::HEAD_MEMBERS_MAX as u64),
        ("characters of the last message in a head", limits::PREVIEW_CHARS_MAX as u64),
        ("times that an account can join the same group", limits::INTERVALS_MAX as u64),
        (
            "sessions of an account; beyond, those that were not used for longest end",
            limits::SESSIONS_MAX as u64,
        ),
        (
            "milliseconds beyond the heartbeat after which a silent side is dead",
            limits::HEARTBEAT_GRACE_MS,
        ),
        (
            "milliseconds that a socket may accept no byte before it is closed",
            limits::STALLED_MS_MAX,
        ),
        (
            "commands of a connection in flight before the server stops reading its socket",
            limits::COMMANDS_MAX as u64,
        ),
        (
            "milliseconds after which the message id of what may be a retry is an old one",
            limits::OLD_ID_MS,
        ),
        (
            "commands of an account with such old ids in a minute; beyond, `rate_limited`",
            limits::OLD_IDS_PER_MINUTE_MAX.into(),
        ),
        (
            "milliseconds in which the same signal of a connection is passed on once",
            limits::SIGNAL_AGAIN_MS,
        ),
        (
            "milliseconds for which a connection saves up one signal; those beyond are dropped",
            limits::SIGNAL_EVERY_MS,
        ),
        ("signals that a connection may have saved up", limits::SIGNALS_BURST),
        (
            "milliseconds after which busy, invisible and the text of a presence end, unless `until` says otherwise",
            limits::PRESENCE_MS,
        ),
        ("milliseconds after which they end whatever it says", limits::PRESENCE_MS_MAX),
        (
            "milliseconds between two things that watchers are told of the same account",
            limits::PRESENCE_AGAIN_MS,
        ),
        (
            "milliseconds that an account may be without a connection before its watchers are told",
            limits::PRESENCE_GRACE_MS,
        ),
        (
            "members of a conversation beyond which signals are dropped",
            limits::SIGNAL_MEMBERS_MAX as u64,
        ),
    ];
    what_and_limit(rows)
}

fn door_limits() -> String {
    what_and_limit(&[
        (
            "seconds that a long poll waits, unless `wait` says otherwise",
            limits::POLL_WAIT_SECONDS_DEFAULT,
        ),
        ("seconds that a long poll waits, at most", limits::POLL_WAIT_SECONDS_MAX),
        (
            "bytes of frames in one answer to a poll; one frame may be larger",
            limits::POLL_BYTES_MAX as u64,
        ),
        (
            "milliseconds for which a connection by long polling is kept while nobody polls",
            limits::POLL_ABSENT_MS_MAX,
        ),
        (
            "connections by long polling of one session; for one more the oldest ends",
            limits::POLLS_MAX as u64,
        ),
        ("milliseconds for which a ticket for an event stream is good", limits::STREAM_TICKET_MS),
        (
            "unused tickets of one account; for one more the oldest is worth nothing",
            limits::STREAM_TICKETS_MAX as u64,
        ),
    ])
}

fn what_and_limit(rows: &[(&str, u64)]) -> String {
    let mut table = "| what | limit |\n|---|---|\n".to_owned();
    for (meaning, value) in rows {
        row(&mut table, format_args!("| {meaning} | {value} |"));
    }
    table
}

fn buckets() -> String {
    let mut table = "| name | at once | a minute | of what |\n|---|---|---|---|\n".to_owned();
    for bucket in BUCKETS {
        let (name, burst, back) = (bucket.name, bucket.burst, bucket.per_minute);
        row(&mut table, format_args!("| `{name}` | {burst} | {back} | {} |", bucket.meaning));
    }
    table
}

fn figures() -> String {
    let mut table = "| name | type | unit | labels | what it is | when it is high |\n|---|---|---|---|---|---|\n".to_owned();
    for figures::Figure { name, kind, unit, labels, help, high } in figures::TABLE {
        let labels = labels.join(", ");
        row(
            &mut table,
            format_args!("| `{name}` | {kind} | {unit} | {labels} | {help} | {high} |"),
        );
    }
    table
}

fn row(table: &mut String, row: std::fmt::Arguments<'_>) {
    writeln!(table, "{row}").expect("a string takes everything");
}
