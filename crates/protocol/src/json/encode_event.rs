//! Events as they are pushed and as they stand in pages. The hot half of what a server writes.
//!
//! What every event has is written from a template: its spans are constants, and only ids, numbers and text are put between.

use bytes::BytesMut;
use parlance_types::{Body, Entity, Event, Kind, MessageText, Settings, SettingsChange};

use super::personal;
use super::write::{Json, Object, number, object, raw};

/// Bytes of an event beside its text.
const ROOM: usize = 512;

/// Writes the `event` frame. `show_device`: for the sender's own devices.
pub fn encode_event(event: &Event, show_device: bool, out: &mut BytesMut) {
    raw(out, "{\"event\":");
    open(event, show_device, out);
    raw(out, "}}");
}

/// Writes an event without its closing brace.
pub(super) fn open(event: &Event, show_device: bool, out: &mut BytesMut) {
    let text = event.content.body.text().map_or(0, |(text, _)| text.len());
    out.reserve(ROOM + text);
    raw(out, "{\"conversation\":\"");
    raw(out, event.conversation.encode_text(&mut [0; 36]));
    raw(out, "\",\"seq\":");
    number(out, event.seq.get());
    raw(out, ",\"at\":");
    number(out, event.at.get());
    raw(out, ",\"sender\":\"");
    raw(out, event.sender.encode_text(&mut [0; 36]));
    if let Some(device) = event.device.filter(|_| show_device) {
        raw(out, "\",\"device\":\"");
        raw(out, device.encode_text(&mut [0; 36]));
    }
    raw(out, "\",\"message_id\":\"");
    raw(out, event.message_id.encode_text(&mut [0; 36]));
    raw(out, "\",\"ordinal\":");
    number(out, event.ordinal.get());
    raw(out, ",\"hash\":\"");
    raw(out, event.hash.encode_text(&mut [0; 32]));
    raw(out, "\",\"body\":");
    event.content.body.write(out);
    if let Some(seq) = event.content.reply_to {
        raw(out, ",\"reply_to\":");
        number(out, seq.get());
    }
    if let Some(seq) = event.content.seen {
        raw(out, ",\"seen\":");
        number(out, seq.get());
    }
    if event.content.silent {
        raw(out, ",\"silent\":true");
    }
}

impl Json for Body {
    fn write(&self, out: &mut BytesMut) {
        object(out, |body| {
            body.put("kind", self.kind().as_str());
            match self {
                Self::Text { text, entities } => write_text(body, text, entities),
                Self::Edit { target, text, entities } => {
                    body.put("target", target);
                    write_version(body, text, entities);
                }
                Self::Delete { target } => {
                    body.put("target", target);
                }
                Self::React { target, emoji } | Self::Unreact { target, emoji } => {
                    body.put("target", target).put("emoji", emoji);
                }
                Self::Create { kind, title, members, settings, region } => {
                    body.put("conversation_kind", kind).put_some("title", title.as_ref());
                    body.put("members", &members[..]).put("settings", settings);
                    body.put_some("region", (*region != 0).then_some(*region));
                }
                Self::Add { accounts } => {
                    body.put("accounts", &accounts[..]);
                }
                Self::Remove { account } => {
                    body.put("account", account);
                }
                Self::Leave { promoted } => {
                    body.put_some("promoted", promoted.as_ref());
                }
                Self::Role { account, role } => {
                    body.put("account", account).put("role", role);
                }
                Self::Rename { title } => {
                    body.put("title", title);
                }
                Self::Describe { text } => {
                    body.put_some("text", text.as_ref());
                }
                Self::Settings(change) => write_change(body, *change),
                Self::Personal(change) => personal::write_change(body, change),
            }
        });
    }
}

/// What a body of kind `text` has beside its kind.
pub(super) fn write_text(body: &mut Object<'_>, text: &MessageText, entities: &[Entity]) {
    body.put("text", text).put_some("entities", (!entities.is_empty()).then_some(entities));
}

/// The new version that an edit brings: a body in the body.
pub(crate) fn write_version(body: &mut Object<'_>, text: &MessageText, entities: &[Entity]) {
    object(body.name("body"), |version| {
        version.put("kind", Kind::Text.as_str());
        write_text(version, text, entities);
    });
}

pub(crate) fn write_change(body: &mut Object<'_>, change: SettingsChange) {
    let SettingsChange { send, add, info, history } = change;
    body.put_some("send", send)
        .put_some("add", add)
        .put_some("info", info)
        .put_some("history", history);
}

impl Json for Settings {
    fn write(&self, out: &mut BytesMut) {
        object(out, |settings| {
            settings
                .put("send", self.send)
                .put("add", self.add)
                .put("info", self.info)
                .put("history", self.history);
        });
    }
}
