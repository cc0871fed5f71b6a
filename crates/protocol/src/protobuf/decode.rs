//! What clients say all day, read straight into frames. It knows the plain case only: whatever is not quite so is `None` here, and is read
//! by way of JSON, which also names what is wrong. **What both can read, both read as the same.**

use parlance_types::frame::{ClientFrame, MarkRequest, Place, Send};
use parlance_types::{AccountId, Action, ConversationId, MessageId, MessageText, Seq, limits};

use super::schema::{ACTION, CLIENT_FRAME, MARK_REQUEST, PING, SEND, TEXT};
use super::wire::{Raw, next};
use super::write::FRAMES;

/// The number of a field, known before anything runs.
macro_rules! numbers {
    ($($name:ident = $message:ident.$field:ident),*) => {
        $(const $name: u32 = $message.number(stringify!($field));)*
    };
}

/// A character takes at most six bytes in JSON: up to here the limit of a frame, which is one of JSON, cannot be reached.
const FRAME_BYTES_MAX: usize = limits::FRAME_BYTES_MAX / 8;

/// The frames of a message, if all are plain ones.
pub(super) fn plain(bytes: &[u8]) -> Option<Vec<ClientFrame>> {
    let (mut input, mut frames) = (bytes, Vec::with_capacity(1));
    while let Some((field, raw)) = next(&mut input).ok()? {
        let (FRAMES, Raw::Bytes(frame)) = (field, raw) else { return None };
        if frame.len() > FRAME_BYTES_MAX || frames.len() == limits::FRAMES_MAX {
            return None;
        }
        frames.push(plain_frame(frame)?);
    }
    Some(frames)
}

fn plain_frame(mut input: &[u8]) -> Option<ClientFrame> {
    numbers!(SENDS = CLIENT_FRAME.send, MARKS = CLIENT_FRAME.mark, PINGS = CLIENT_FRAME.ping);
    let (kind, Raw::Bytes(fields)) = next(&mut input).ok()?? else { return None };
    if !input.is_empty() {
        return None;
    }
    match kind {
        SENDS => send(fields).map(ClientFrame::Send),
        MARKS => mark(fields).map(ClientFrame::Mark),
        PINGS => ping(fields),
        _ => None,
    }
}

fn send(mut input: &[u8]) -> Option<Send> {
    numbers!(
        ID = SEND.id,
        CONVERSATION = SEND.conversation,
        TO = SEND.to,
        MESSAGE_ID = SEND.message_id,
        BODY = SEND.body,
        REPLY_TO = SEND.reply_to,
        SEEN = SEND.seen,
        SILENT = SEND.silent
    );
    let (mut id, mut conversation, mut to, mut message_id) = (None, None, None, None);
    let (mut body, mut reply_to, mut seen, mut silent) = (None, None, None, false);
    while let Some((field, raw)) = next(&mut input).ok()? {
        match (field, raw) {
            (ID, Raw::Number(number)) => id = Some(number),
            (CONVERSATION, Raw::Bytes(bytes)) => conversation = Some(bytes.try_into().ok()?),
            (TO, Raw::Bytes(bytes)) => to = Some(AccountId::from_bytes(bytes.try_into().ok()?)),
            (MESSAGE_ID, Raw::Bytes(bytes)) => message_id = Some(bytes.try_into().ok()?),
            (BODY, Raw::Bytes(bytes)) => body = Some(bytes),
            (REPLY_TO, Raw::Number(number)) => reply_to = Some(Seq::new(number)?),
            (SEEN, Raw::Number(number)) => seen = Some(Seq::new(number)?),
            (SILENT, Raw::Number(number)) => silent = number != 0,
            _ => return None,
        }
    }
    let place = match (conversation, to) {
        (Some(conversation), None) => Place::Conversation(ConversationId::from_bytes(conversation)),
        (None, Some(account)) => Place::To(account),
        _ => return None,
    };
    let (text, entities) = (text(body?)?, Vec::new());
    let action = Action::Send { to, text, entities, reply_to, seen, silent };
    Some(Send { id: id?, place, message_id: Some(MessageId::from_bytes(message_id?)), action })
}

/// A body of kind `text` with nothing but its text.
fn text(mut input: &[u8]) -> Option<MessageText> {
    numbers!(KIND = ACTION.text, WORDS = TEXT.text);
    let (KIND, Raw::Bytes(mut fields)) = next(&mut input).ok()?? else { return None };
    let (WORDS, Raw::Bytes(words)) = next(&mut fields).ok()?? else { return None };
    let plain = input.is_empty() && fields.is_empty();
    plain.then(|| MessageText::new(std::str::from_utf8(words).ok()?).ok())?
}

fn mark(mut input: &[u8]) -> Option<MarkRequest> {
    numbers!(
        CONVERSATION = MARK_REQUEST.conversation,
        DELIVERED = MARK_REQUEST.delivered,
        READ = MARK_REQUEST.read
    );
    let (mut conversation, mut delivered, mut read) = (None, None, None);
    while let Some((field, raw)) = next(&mut input).ok()? {
        match (field, raw) {
            (CONVERSATION, Raw::Bytes(bytes)) => conversation = Some(bytes.try_into().ok()?),
            (DELIVERED, Raw::Number(number)) => delivered = Some(Seq::new(number)?),
            (READ, Raw::Number(number)) => read = Some(Seq::new(number)?),
            _ => return None,
        }
    }
    let conversation = ConversationId::from_bytes(conversation?);
    let any = delivered.is_some() || read.is_some();
    any.then_some(MarkRequest { conversation, delivered, read })
}

fn ping(mut input: &[u8]) -> Option<ClientFrame> {
    numbers!(N = PING.n);
    match next(&mut input).ok()?? {
        (N, Raw::Number(n)) if input.is_empty() => Some(ClientFrame::Ping { n }),
        _ => None,
    }
}
