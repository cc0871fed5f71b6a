//! Frames of servers, written by gateways.

use bytes::BytesMut;
use parlance_types::frame::{
    AccountMarks, Bye, Deleted, ErrorFrame, Head, Heads, Last, Listing, MarkFrame, Now,
    Ok as OkFrame, Page, PageEntry, Person, Ready, RequestId, ServerFrame,
};
use parlance_types::{Code, Listed, PresenceFrame, Reaction, SignalFrame, limits};

use super::encode_event::{encode_event, open};
use super::write::{Json, Object, frame, number, object, raw};

/// Bytes of an `ok`.
const OK_ROOM: usize = 320;

/// Writes a frame. Events are written as for others than the sender; see [`encode_event`].
pub fn encode_server(server_frame: &ServerFrame, out: &mut BytesMut) {
    match server_frame {
        ServerFrame::Ok(ok) => {
            raw(out, "{\"ok\":");
            write_ok(ok, Some(ok.id), out);
            raw(out, "}");
        }
        ServerFrame::Event(event) => encode_event(event, false, out),
        ServerFrame::Mark(mark) => encode_mark(mark, out),
        ServerFrame::Done { id } => frame("ok", out, |fields| {
            fields.put("id", id);
        }),
        ServerFrame::Signal(signal) => encode_signal(signal, out),
        ServerFrame::Presence(presence) => encode_presence(presence, out),
        ServerFrame::Pong { n, cursor } => frame("pong", out, |fields| {
            fields.put("n", n).put_some("cursor", *cursor);
        }),
        ServerFrame::Error(error) => frame("error", out, |fields| write_error(fields, error)),
        ServerFrame::Ready(ready) => frame("ready", out, |fields| write_ready(fields, ready)),
        ServerFrame::Heads(heads) => encode_heads(heads, out),
        ServerFrame::Page(page) => frame("page", out, |fields| {
            fields.put("id", page.id);
            write_page(fields, page);
        }),
        ServerFrame::Lag { cursor } => frame("lag", out, |fields| {
            fields.put("cursor", cursor);
        }),
        ServerFrame::Bye(bye) => frame("bye", out, |fields| write_bye(fields, bye)),
    }
}

/// Writes the `mark` frame.
pub fn encode_mark(mark: &MarkFrame, out: &mut BytesMut) {
    raw(out, "{\"mark\":{\"conversation\":\"");
    raw(out, mark.conversation.encode_text(&mut [0; 36]));
    raw(out, "\",\"marks\":");
    mark.marks[..].write(out);
    raw(out, "}}");
}

/// Writes the `signal` frame.
pub fn encode_signal(signal: &SignalFrame, out: &mut BytesMut) {
    frame("signal", out, |fields| {
        fields.put("conversation", signal.conversation).put("sender", signal.sender);
        fields.put("kind", signal.kind.as_str());
    });
}

/// Writes the `presence` frame.
pub fn encode_presence(presence: &PresenceFrame, out: &mut BytesMut) {
    frame("presence", out, |fields| {
        fields.put("account", presence.account).put("state", presence.state.as_str());
        fields.put_some("text", presence.text.as_ref()).put_some("until", presence.until);
        fields.put_some("last_seen", presence.last_seen);
    });
}

/// Writes the `heads` frame.
pub fn encode_heads(heads: &Heads, out: &mut BytesMut) {
    frame("heads", out, |fields| {
        fields.put_some("id", heads.id);
        write_listing(fields, &heads.listing);
    });
}

/// Writes what an `ok` says, with `id` in a frame and without it over REST.
pub(crate) fn write_ok(ok: &OkFrame, id: Option<RequestId>, out: &mut BytesMut) {
    out.reserve(OK_ROOM);
    raw(out, "{");
    if let Some(id) = id {
        raw(out, "\"id\":");
        number(out, id);
        raw(out, ",");
    }
    raw(out, "\"message_id\":\"");
    raw(out, ok.message_id.encode_text(&mut [0; 36]));
    raw(out, "\",\"conversation\":\"");
    raw(out, ok.conversation.encode_text(&mut [0; 36]));
    raw(out, "\",\"seq\":");
    number(out, ok.seq.get());
    raw(out, ",\"at\":");
    number(out, ok.at.get());
    raw(out, ",\"ordinal\":");
    number(out, ok.ordinal.get());
    raw(out, ",\"hash\":\"");
    raw(out, ok.hash.encode_text(&mut [0; 32]));
    raw(out, if ok.duplicate { "\",\"duplicate\":true}" } else { "\"}" });
}

pub(crate) fn write_error(fields: &mut Object<'_>, error: &ErrorFrame) {
    let code = error.code;
    fields.put_some("id", error.id).put("code", code.as_str()).put("number", code.number());
    fields.put("message", error.message.as_deref().unwrap_or(code.message()));
    fields.put_some("field", error.field.as_deref()).put("retry", code.retry().as_str());
    fields.put_some("retry_after_ms", error.retry_after_ms);
    fields.put_some("outcome", (code == Code::OutcomeUnknown).then_some("unknown"));
    fields.put_some("now", error.now).put_some("trace", error.trace.as_deref());
    fields.put_some("current", error.current.as_deref());
}

fn write_ready(fields: &mut Object<'_>, ready: &Ready) {
    fields.put("connection", ready.connection).put("session", ready.session);
    fields.put("account", ready.account).put("device", ready.device).put("node", &ready.node);
    fields.put("epoch", ready.epoch).put("heartbeat_ms", ready.heartbeat_ms).put("now", ready.now);
    object(fields.name("limits"), |table| {
        for (name, value, _) in limits::TABLE {
            table.put(name, *value);
        }
    });
    fields.put("resumed", ready.resumed);
    write_listing(fields, &ready.listing);
}

pub(crate) fn write_listing(fields: &mut Object<'_>, listing: &Listing) {
    fields.put("people", &listing.people[..]).put("heads", &listing.heads[..]);
    fields.put_some("more", listing.more.as_deref()).put_some("cursor", listing.cursor);
}

/// Writes a page without the number of the request that it answers.
pub(crate) fn write_page(fields: &mut Object<'_>, page: &Page) {
    fields.put("conversation", page.conversation).put("people", &page.people[..]);
    fields.put("events", &page.events[..]).put("head", page.head).put("first", page.first);
    fields.put_some("next", page.next);
}

fn write_bye(fields: &mut Object<'_>, bye: &Bye) {
    fields
        .put("code", bye.code.number())
        .put("reason", bye.code.as_str())
        .put("message", bye.code.message());
    fields.put_some("retry_after_ms", bye.retry_after_ms).put_some("spread_ms", bye.spread_ms);
}

impl Json for PageEntry {
    fn write(&self, out: &mut BytesMut) {
        match self {
            Self::Event { event, now } => {
                open(event, false, out);
                if let Some(now) = now {
                    raw(out, ",\"now\":");
                    now.write(out);
                }
                raw(out, "}");
            }
            Self::Deleted(deleted) => deleted.write(out),
            Self::Hidden { seq, up_to } => object(out, |entry| {
                entry.put("seq", seq).put("up_to", up_to);
                raw(entry.name("body"), "{\"kind\":\"hidden\"}");
            }),
        }
    }
}

impl Json for Deleted {
    fn write(&self, out: &mut BytesMut) {
        object(out, |entry| {
            entry.put("seq", self.seq).put("at", self.at).put("sender", self.sender);
            entry
                .put("message_id", self.message_id)
                .put("ordinal", self.ordinal)
                .put("hash", self.hash);
            raw(entry.name("body"), "{\"kind\":\"deleted\"}");
        });
    }
}

impl Json for Now {
    fn write(&self, out: &mut BytesMut) {
        object(out, |now| {
            now.put("as_of", self.as_of)
                .put_some("body", self.body.as_ref())
                .put_true("edited", self.edited);
            now.put_some("reactions", (!self.reactions.is_empty()).then_some(&self.reactions[..]));
        });
    }
}

impl Json for Reaction {
    fn write(&self, out: &mut BytesMut) {
        object(out, |reaction| {
            reaction.put("emoji", &self.emoji).put("account", self.account).put("seq", self.seq);
        });
    }
}

impl Json for Person {
    fn write(&self, out: &mut BytesMut) {
        object(out, |person| {
            person.put("account", self.account).put("handle", &self.handle).put("name", &self.name);
        });
    }
}

impl Json for Listed {
    fn write(&self, out: &mut BytesMut) {
        object(out, |member| {
            member.put("account", self.account).put("role", self.role);
        });
    }
}

impl Json for AccountMarks {
    fn write(&self, out: &mut BytesMut) {
        object(out, |marks| {
            marks
                .put("account", self.account)
                .put_some("delivered", self.delivered)
                .put_some("read", self.read);
        });
    }
}

impl Json for Head {
    fn write(&self, out: &mut BytesMut) {
        object(out, |head| {
            head.put("conversation", self.conversation).put("kind", self.kind);
            head.put_some("title", self.title.as_ref())
                .put_some("description", self.description.as_ref());
            head.put("members", &self.members[..])
                .put("member_count", self.member_count)
                .put_some("role", self.role);
            head.put("seq", self.seq).put("hash", self.hash).put("first", self.first);
            head.put("ordinal", self.ordinal)
                .put("unread", self.unread)
                .put("marks", &self.marks[..]);
            head.put_some("last", self.last.as_ref()).put("changed_at", self.changed_at);
            head.put("settings", self.settings).put_some("personal", self.personal.as_deref());
        });
    }
}

impl Json for Last {
    fn write(&self, out: &mut BytesMut) {
        object(out, |last| {
            last.put("seq", self.seq).put("at", self.at).put("sender", self.sender);
            last.put_some("text", self.text.as_deref());
        });
    }
}
