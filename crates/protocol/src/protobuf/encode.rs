//! What servers say all day, written straight from the frames; what they say once in a connection goes by way of JSON, as [`super::write`]
//! has it. Numbers come from the schema when this is compiled. **Both ways write the same bytes.**

use bytes::{BufMut as _, BytesMut};
use parlance_types::frame::{
    AccountMarks, Cursor, Deleted, Heads, MarkFrame, Now, Ok as OkFrame, Page, PageEntry, Person,
    ServerFrame,
};
use parlance_types::{Body, Event, MessageText, PresenceFrame, Reaction, Seq, SignalFrame};

use super::schema::{
    BODY, DELETE, EDIT, EVENT, LAG, MARK, MARKS, NOW, OK, PAGE, PERSON, PONG, PRESENCE, REACT,
    REACTION, SERVER_FRAME, SIGNAL, TEXT,
};
use super::wire::{put_bytes, put_length, put_number};
use super::write::{self, FRAMES};
use crate::cursor;
use crate::json;
use crate::json::write::Json as _;

/// The number of a field, known before anything runs.
macro_rules! number {
    ($message:ident.$field:ident) => {
        const { $message.number(stringify!($field)) }
    };
}

/// Bytes of an event beside its text.
const ROOM: usize = 256;

/// Writes a frame of a server as a message. Events are written as for others than the sender; see [`encode_event`].
pub fn encode_server(frame: &ServerFrame, out: &mut BytesMut) {
    match frame {
        ServerFrame::Event(event) => encode_event(event, false, out),
        ServerFrame::Mark(mark) => encode_mark(mark, out),
        ServerFrame::Signal(signal) => encode_signal(signal, out),
        ServerFrame::Presence(presence) => encode_presence(presence, out),
        ServerFrame::Ok(ok) => message(number!(SERVER_FRAME.ok), out, |out| write_ok(ok, out)),
        ServerFrame::Page(page) => {
            message(number!(SERVER_FRAME.page), out, |out| write_page(page, out));
        }
        ServerFrame::Pong { n, cursor } => message(number!(SERVER_FRAME.pong), out, |out| {
            put_number(number!(PONG.n), *n, out);
            if let Some(cursor) = cursor {
                put_cursor(number!(PONG.cursor), *cursor, out);
            }
        }),
        ServerFrame::Lag { cursor } => message(number!(SERVER_FRAME.lag), out, |out| {
            put_cursor(number!(LAG.cursor), *cursor, out);
        }),
        ServerFrame::Heads(heads) => encode_heads(heads, out),
        ServerFrame::Done { .. }
        | ServerFrame::Error(_)
        | ServerFrame::Ready(_)
        | ServerFrame::Bye(_) => by_json(out, |text| json::encode_server(frame, text)),
    }
}

/// Writes the `heads` frame.
pub fn encode_heads(heads: &Heads, out: &mut BytesMut) {
    by_json(out, |text| json::encode_heads(heads, text));
}

fn by_json(out: &mut BytesMut, encode: impl FnOnce(&mut BytesMut)) {
    let mut text = BytesMut::new();
    encode(&mut text);
    write::message(&SERVER_FRAME, &text, out);
}

/// Writes the `event` frame. `show_device`: for the sender's own devices.
pub fn encode_event(event: &Event, show_device: bool, out: &mut BytesMut) {
    out.reserve(ROOM + event.content.body.text().map_or(0, |(text, _)| text.len()));
    message(number!(SERVER_FRAME.event), out, |out| write_event(event, show_device, out));
}

/// Writes the `mark` frame.
pub fn encode_mark(mark: &MarkFrame, out: &mut BytesMut) {
    message(number!(SERVER_FRAME.mark), out, |out| {
        put_bytes(number!(MARK.conversation), mark.conversation.as_bytes(), out);
        for AccountMarks { account, delivered, read } in &mark.marks {
            nested(number!(MARK.marks), out, |out| {
                put_bytes(number!(MARKS.account), account.as_bytes(), out);
                put_seq(number!(MARKS.delivered), *delivered, out);
                put_seq(number!(MARKS.read), *read, out);
            });
        }
    });
}

/// Writes the `signal` frame.
pub fn encode_signal(signal: &SignalFrame, out: &mut BytesMut) {
    message(number!(SERVER_FRAME.signal), out, |out| {
        put_bytes(number!(SIGNAL.conversation), signal.conversation.as_bytes(), out);
        put_bytes(number!(SIGNAL.sender), signal.sender.as_bytes(), out);
        put_bytes(number!(SIGNAL.kind), signal.kind.as_str().as_bytes(), out);
    });
}

/// Writes the `presence` frame.
pub fn encode_presence(presence: &PresenceFrame, out: &mut BytesMut) {
    message(number!(SERVER_FRAME.presence), out, |out| {
        put_bytes(number!(PRESENCE.account), presence.account.as_bytes(), out);
        put_bytes(number!(PRESENCE.state), presence.state.as_str().as_bytes(), out);
        if let Some(text) = &presence.text {
            put_bytes(number!(PRESENCE.text), text.as_bytes(), out);
        }
        if let Some(until) = presence.until {
            put_number(number!(PRESENCE.until), until.get(), out);
        }
        if let Some(last_seen) = presence.last_seen {
            put_number(number!(PRESENCE.last_seen), last_seen.get(), out);
        }
    });
}

fn write_ok(ok: &OkFrame, out: &mut BytesMut) {
    put_number(number!(OK.id), ok.id, out);
    put_bytes(number!(OK.message_id), ok.message_id.as_bytes(), out);
    put_bytes(number!(OK.conversation), ok.conversation.as_bytes(), out);
    put_number(number!(OK.seq), ok.seq.get(), out);
    put_number(number!(OK.at), ok.at.get(), out);
    put_number(number!(OK.ordinal), ok.ordinal.get(), out);
    put_bytes(number!(OK.hash), ok.hash.as_bytes(), out);
    put_true(number!(OK.duplicate), ok.duplicate, out);
}

fn write_event(event: &Event, show_device: bool, out: &mut BytesMut) {
    put_bytes(number!(EVENT.conversation), event.conversation.as_bytes(), out);
    put_number(number!(EVENT.seq), event.seq.get(), out);
    put_number(number!(EVENT.at), event.at.get(), out);
    put_bytes(number!(EVENT.sender), event.sender.as_bytes(), out);
    if let Some(device) = event.device.filter(|_| show_device) {
        put_bytes(number!(EVENT.device), device.as_bytes(), out);
    }
    put_bytes(number!(EVENT.message_id), event.message_id.as_bytes(), out);
    put_number(number!(EVENT.ordinal), event.ordinal.get(), out);
    put_bytes(number!(EVENT.hash), event.hash.as_bytes(), out);
    nested(number!(EVENT.body), out, |out| write_body(&event.content.body, out));
    put_seq(number!(EVENT.reply_to), event.content.reply_to, out);
    put_seq(number!(EVENT.seen), event.content.seen, out);
    put_true(number!(EVENT.silent), event.content.silent, out);
}

/// What people say and do all day; the rest goes by way of JSON.
fn write_body(body: &Body, out: &mut BytesMut) {
    match body {
        Body::Text { text, entities } if entities.is_empty() => write_text(text, out),
        Body::Edit { target, text, entities } if entities.is_empty() => {
            nested(number!(BODY.edit), out, |out| {
                put_number(number!(EDIT.target), target.get(), out);
                nested(number!(EDIT.body), out, |out| write_text(text, out));
            });
        }
        Body::Delete { target } => nested(number!(BODY.delete), out, |out| {
            put_number(number!(DELETE.target), target.get(), out);
        }),
        Body::React { target, emoji } | Body::Unreact { target, emoji } => {
            let is_new = matches!(body, Body::React { .. });
            let kind = if is_new { number!(BODY.react) } else { number!(BODY.unreact) };
            nested(kind, out, |out| {
                put_number(number!(REACT.target), target.get(), out);
                put_bytes(number!(REACT.emoji), emoji.as_str().as_bytes(), out);
            });
        }
        other => {
            let mut text = BytesMut::new();
            other.write(&mut text);
            write::fields(&BODY, &text, out);
        }
    }
}

fn write_text(text: &MessageText, out: &mut BytesMut) {
    nested(number!(BODY.text), out, |out| {
        put_bytes(number!(TEXT.text), text.as_str().as_bytes(), out);
    });
}

fn write_page(page: &Page, out: &mut BytesMut) {
    put_number(number!(PAGE.id), page.id, out);
    put_bytes(number!(PAGE.conversation), page.conversation.as_bytes(), out);
    for Person { account, handle, name } in &page.people {
        nested(number!(PAGE.people), out, |out| {
            put_bytes(number!(PERSON.account), account.as_bytes(), out);
            put_bytes(number!(PERSON.handle), handle.as_str().as_bytes(), out);
            put_bytes(number!(PERSON.name), name.as_bytes(), out);
        });
    }
    for entry in &page.events {
        nested(number!(PAGE.events), out, |out| write_entry(entry, out));
    }
    put_number(number!(PAGE.head), page.head.get(), out);
    put_number(number!(PAGE.first), page.first.get(), out);
    put_seq(number!(PAGE.next), page.next, out);
}

fn write_entry(entry: &PageEntry, out: &mut BytesMut) {
    match entry {
        PageEntry::Event { event, now } => {
            write_event(event, false, out);
            if let Some(now) = now {
                nested(number!(EVENT.now), out, |out| write_now(now, out));
            }
        }
        PageEntry::Deleted(Deleted { seq, at, sender, message_id, ordinal, hash }) => {
            put_number(number!(EVENT.seq), seq.get(), out);
            put_number(number!(EVENT.at), at.get(), out);
            put_bytes(number!(EVENT.sender), sender.as_bytes(), out);
            put_bytes(number!(EVENT.message_id), message_id.as_bytes(), out);
            put_number(number!(EVENT.ordinal), ordinal.get(), out);
            put_bytes(number!(EVENT.hash), hash.as_bytes(), out);
            nested(number!(EVENT.body), out, |out| nested(number!(BODY.deleted), out, |_| {}));
        }
        PageEntry::Hidden { seq, up_to } => {
            put_number(number!(EVENT.seq), seq.get(), out);
            nested(number!(EVENT.body), out, |out| nested(number!(BODY.hidden), out, |_| {}));
            put_number(number!(EVENT.up_to), up_to.get(), out);
        }
    }
}

fn write_now(now: &Now, out: &mut BytesMut) {
    put_number(number!(NOW.as_of), now.as_of.get(), out);
    if let Some(body) = &now.body {
        nested(number!(NOW.body), out, |out| write_body(body, out));
    }
    put_true(number!(NOW.edited), now.edited, out);
    for Reaction { emoji, account, seq } in &now.reactions {
        nested(number!(NOW.reactions), out, |out| {
            put_bytes(number!(REACTION.emoji), emoji.as_str().as_bytes(), out);
            put_bytes(number!(REACTION.account), account.as_bytes(), out);
            put_number(number!(REACTION.seq), seq.get(), out);
        });
    }
}

/// A message of one frame.
fn message(frame: u32, out: &mut BytesMut, write: impl FnOnce(&mut BytesMut)) {
    nested(FRAMES, out, |out| nested(frame, out, write));
}

/// A field that is a message: its length stands before it and is known after it.
fn nested(field: u32, out: &mut BytesMut, write: impl FnOnce(&mut BytesMut)) {
    put_length(field, out);
    let start = out.len();
    write(out);
    let length = out.len() - start;
    if length < 0x80 {
        out[start - 1] = length as u8;
        return;
    }
    // Longer than its one byte: what follows moves up.
    let more = (length.ilog2() / 7) as usize;
    out.put_bytes(0, more);
    out.copy_within(start..start + length, start + more);
    for (index, byte) in out[start - 1..start + more].iter_mut().enumerate() {
        let bits = (length >> (7 * index)) as u8;
        *byte = if index < more { bits | 0x80 } else { bits };
    }
}

fn put_seq(field: u32, seq: Option<Seq>, out: &mut BytesMut) {
    if let Some(seq) = seq {
        put_number(field, seq.get(), out);
    }
}

fn put_true(field: u32, flag: bool, out: &mut BytesMut) {
    if flag {
        put_number(field, 1, out);
    }
}

fn put_cursor(field: u32, cursor: Cursor, out: &mut BytesMut) {
    cursor::with_text(cursor, |text| put_bytes(field, text.as_bytes(), out));
}
