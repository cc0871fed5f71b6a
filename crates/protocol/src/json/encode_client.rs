//! Frames of clients, written by SDKs and tools.

use bytes::BytesMut;
use parlance_types::Action;
use parlance_types::frame::{ClientFrame, Fetch, FetchRange, Place, Send, SyncFrom};

use super::encode_event::{write_change, write_text, write_version};
use super::ephemera::write_presence;
use super::personal;
use super::write::{Object, frame, object};

/// Writes a frame.
pub fn encode_client(client_frame: &ClientFrame, out: &mut BytesMut) {
    match client_frame {
        ClientFrame::Hello(hello) => frame("hello", out, |fields| {
            fields.put("token", &hello.token).put_some("cursor", hello.cursor);
            if let Some(presence) = &hello.presence {
                object(fields.name("presence"), |fields| write_presence(fields, presence));
            }
        }),
        ClientFrame::Send(send) => frame("send", out, |fields| write_send(fields, send)),
        ClientFrame::Mark(mark) => frame("mark", out, |fields| {
            fields.put("conversation", mark.conversation);
            fields.put_some("delivered", mark.delivered).put_some("read", mark.read);
        }),
        ClientFrame::Fetch(fetch) => frame("fetch", out, |fields| write_fetch(fields, fetch)),
        ClientFrame::Sync(sync) => frame("sync", out, |fields| {
            fields.put("id", sync.id);
            match &sync.from {
                SyncFrom::Start => &mut *fields,
                SyncFrom::Cursor(cursor) => fields.put("cursor", cursor),
                SyncFrom::More(more) => fields.put("more", more),
            };
            fields.put("limit", sync.limit);
        }),
        ClientFrame::Signal(signal) => frame("signal", out, |fields| {
            fields.put("conversation", signal.conversation).put("kind", signal.kind.as_str());
        }),
        ClientFrame::Presence(presence) => {
            frame("presence", out, |fields| write_presence(fields, presence));
        }
        ClientFrame::Watch(watch) => frame("watch", out, |fields| {
            fields.put("id", watch.id).put("accounts", &watch.accounts[..]);
            fields.put("seconds", watch.seconds);
        }),
        ClientFrame::Ping { n } => frame("ping", out, |fields| {
            fields.put("n", n);
        }),
    }
}

fn write_send(fields: &mut Object<'_>, send: &Send) {
    fields.put("id", send.id);
    let key = match &send.place {
        Place::Conversation(conversation) => {
            fields.put("conversation", conversation);
            None
        }
        Place::To(account) => {
            fields.put("to", account);
            None
        }
        Place::Key(key) => Some(&**key),
        Place::Account => None,
    };
    fields.put_some("message_id", send.message_id);
    object(fields.name("body"), |body| write_action(body, &send.action, key));
    write_context(fields, &send.action);
}

/// What stands beside the body of a message.
pub(crate) fn write_context(fields: &mut Object<'_>, action: &Action) {
    if let Action::Send { reply_to, seen, silent, .. } = action {
        fields.put_some("reply_to", *reply_to).put_some("seen", *seen).put_true("silent", *silent);
    }
}

pub(crate) fn write_action(body: &mut Object<'_>, action: &Action, key: Option<&str>) {
    body.put("kind", action.kind().as_str());
    match action {
        Action::Send { text, entities, .. } => {
            write_text(body, text, entities);
        }
        Action::Edit { target, text, entities } => {
            body.put("target", target);
            write_version(body, text, entities);
        }
        Action::Delete { target } => {
            body.put("target", target);
        }
        Action::React { target, emoji } | Action::Unreact { target, emoji } => {
            body.put("target", target).put("emoji", emoji);
        }
        Action::Create { title, members, settings } => {
            body.put_some("key", key).put_some("title", title.as_ref());
            body.put("members", &members[..]).put("settings", settings);
        }
        Action::Add { accounts } => {
            body.put("accounts", &accounts[..]);
        }
        Action::Remove { account } => {
            body.put("account", account);
        }
        Action::Leave => {}
        Action::Role { account, role } => {
            body.put("account", account).put("role", role);
        }
        Action::Rename { title } => {
            body.put("title", title);
        }
        Action::Describe { text } => {
            body.put_some("text", text.as_ref());
        }
        Action::Settings(change) => write_change(body, *change),
        Action::Personal(change) => personal::write_change(body, change),
    }
}

fn write_fetch(fields: &mut Object<'_>, fetch: &Fetch) {
    fields.put("id", fetch.id).put("conversation", fetch.conversation);
    match fetch.range {
        FetchRange::After { after } => fields.put("after", after),
        FetchRange::Before { before } => fields.put_some("before", before),
        FetchRange::Around { around } => fields.put("around", around),
        FetchRange::ChangesAfter { after, up_to } => {
            fields.put("changes_after", after).put("up_to", up_to)
        }
    };
    fields.put("limit", fetch.limit);
}
