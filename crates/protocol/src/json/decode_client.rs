//! Frames of clients, read by servers.

use parlance_types::frame::{
    ClientFrame, Fetch, FetchRange, Hello, MarkRequest, Place, RequestId, Send, Sync, SyncFrom,
};
use parlance_types::{AccountId, Action, Code, ConversationId, MessageId, Seq, limits};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::body::{self, Context, TextIn, Wish};
use super::ephemera::{PresenceIn, SignalIn, WatchIn, presence, signal, watch};
use super::read::{At, CursorText, Fields, sole_entry, too_deep};
use crate::DecodeError;

/// Reads a message from a client, one frame or an array of frames, and hands each to `sink`, in order.
///
/// A frame that is wrong is handed over as an error, and those after it are still read. Only what is wrong with the message as a
/// whole (not JSON, nested too deep, too many frames) is the one error of the whole message.
pub fn decode_client(bytes: &[u8], sink: &mut dyn FnMut(Result<ClientFrame, DecodeError>)) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return sink(Err(DecodeError::new(Code::MalformedFrame, "this is not UTF-8")));
    };
    if too_deep(text) {
        let message = format!("nested deeper than {}", limits::DEPTH_MAX);
        return sink(Err(DecodeError::new(Code::MalformedFrame, message)));
    }
    if !text.trim_ascii_start().starts_with('[') {
        return sink(frame(text));
    }
    match serde_json::from_str::<Vec<&RawValue>>(text) {
        Err(error) => sink(Err(malformed(&error))),
        Ok(frames) if frames.len() > limits::FRAMES_MAX => {
            let message = format!(
                "at most {} frames in an array; send the rest after it",
                limits::FRAMES_MAX
            );
            sink(Err(DecodeError::new(Code::FrameTooLarge, message)));
        }
        Ok(frames) => frames.into_iter().for_each(|raw| sink(frame(raw.get()))),
    }
}

fn frame(text: &str) -> Result<ClientFrame, DecodeError> {
    if text.len() > limits::FRAME_BYTES_MAX {
        let message = format!("at most {} bytes", limits::FRAME_BYTES_MAX);
        let id = sole_entry(text).ok().flatten().and_then(|(_, value)| request_id(value));
        return Err(DecodeError::new(Code::FrameTooLarge, message).with_id(id));
    }
    match serde_json::from_str::<FrameIn<Fields<TextIn>>>(text) {
        Ok(FrameIn::Send(Fields(read)))
            if !read.body.as_ref().is_some_and(|body| body.0.is_text()) =>
        {
            precisely(text)
        }
        Ok(read) => {
            from_wire(read, |Fields(read), context| body::message(At("send.body"), context, read))
        }
        Err(_) => precisely(text),
    }
}

/// The same again step by step: for other bodies than texts, and for what is wrong.
fn precisely(text: &str) -> Result<ClientFrame, DecodeError> {
    let Some((name, value)) = sole_entry(text).map_err(|error| malformed(&error))? else {
        return Err(DecodeError::new(
            Code::MalformedFrame,
            "a frame is an object with one key, the name of the frame",
        ));
    };
    let at = At(&name);
    let wire = match name.as_str() {
        "hello" => at.read(value).map(Fields).map(FrameIn::Hello),
        "send" => at.read(value).map(Fields).map(FrameIn::Send),
        "mark" => at.read(value).map(Fields).map(FrameIn::Mark),
        "fetch" => at.read(value).map(Fields).map(FrameIn::Fetch),
        "sync" => at.read(value).map(Fields).map(FrameIn::Sync),
        "signal" => at.read(value).map(Fields).map(FrameIn::Signal),
        "presence" => at.read(value).map(Fields).map(FrameIn::Presence),
        "watch" => at.read(value).map(Fields).map(FrameIn::Watch),
        "ping" => at.read(value).map(Fields).map(FrameIn::Ping),
        _ => Err(DecodeError::new(
            Code::UnknownFrame,
            "one of hello, send, mark, fetch, sync, signal, presence, watch, ping",
        )),
    };
    wire.map_err(|error| error.with_id(request_id(value))).and_then(|read| {
        from_wire(read, |raw: &RawValue, context| body::action(At("send.body"), context, raw.get()))
    })
}

fn malformed(error: &serde_json::Error) -> DecodeError {
    DecodeError::new(Code::MalformedFrame, format!("this is not JSON: {error}"))
}

/// The number of a request whose other fields are wrong.
fn request_id(value: &str) -> Option<RequestId> {
    #[derive(Deserialize)]
    struct Id {
        id: RequestId,
    }

    serde_json::from_str::<Fields<Id>>(value).ok().map(|Fields(read)| read.id)
}

fn from_wire<B>(
    read: FrameIn<B>,
    body: impl FnOnce(B, Context) -> Result<Wish, DecodeError>,
) -> Result<ClientFrame, DecodeError> {
    match read {
        FrameIn::Hello(Fields(read)) => hello(read).map(ClientFrame::Hello),
        FrameIn::Send(Fields(read)) => {
            let id = read.id;
            send(read, body).map(ClientFrame::Send).map_err(|error| error.with_id(id))
        }
        FrameIn::Mark(Fields(read)) => mark(&read).map(ClientFrame::Mark),
        FrameIn::Fetch(Fields(read)) => {
            fetch(&read).map(ClientFrame::Fetch).map_err(|error| error.with_id(read.id))
        }
        FrameIn::Sync(Fields(read)) => {
            let id = read.id;
            sync(read).map(ClientFrame::Sync).map_err(|error| error.with_id(id))
        }
        FrameIn::Signal(Fields(read)) => signal(&read).map(ClientFrame::Signal),
        FrameIn::Presence(Fields(read)) => {
            presence(At("presence"), read).map(ClientFrame::Presence)
        }
        FrameIn::Watch(Fields(read)) => {
            let id = read.id;
            watch(read).map(ClientFrame::Watch).map_err(|error| error.with_id(id))
        }
        FrameIn::Ping(Fields(read)) => Ok(ClientFrame::Ping { n: At("ping").need("n", read.n)? }),
    }
}

fn hello(read: HelloIn) -> Result<Hello, DecodeError> {
    let token = At("hello").need("token", read.token)?;
    let presence = read.presence.map(|Fields(read)| presence(At("hello.presence"), read));
    let presence = presence.transpose()?;
    Ok(Hello { token, cursor: read.cursor.map(|cursor| cursor.0), presence })
}

fn send<B>(
    read: SendIn<B>,
    body: impl FnOnce(B, Context) -> Result<Wish, DecodeError>,
) -> Result<Send, DecodeError> {
    let at = At("send");
    let id = at.need("id", read.id)?;
    let silent = read.silent.unwrap_or(false);
    let context = Context { to: read.to, reply_to: read.reply_to, seen: read.seen, silent };
    let Wish { action, key } = body(at.need("body", read.body)?, context)?;
    let place = match (key, read.conversation, read.to) {
        (Some(key), None, None) => {
            return Ok(Send { id, place: Place::Key(key), message_id: None, action });
        }
        (Some(_), Some(_), _) => {
            return Err(at.wrong("conversation", "create takes neither conversation nor to"));
        }
        (Some(_), None, Some(_)) | (None, Some(_), Some(_)) => {
            return Err(at.wrong("to", "give either conversation or to; for create neither"));
        }
        // It belongs into the log of the own devices, and nowhere else.
        (None, None, None) if matches!(action, Action::Personal(_)) => Place::Account,
        (None, None, None) => {
            return Err(at.wrong("conversation", "give either conversation or to"));
        }
        (None, Some(conversation), None) => Place::Conversation(conversation),
        (None, None, Some(account)) => Place::To(account),
    };
    let message_id = at.need("message_id", read.message_id)?;
    Ok(Send { id, place, message_id: Some(message_id), action })
}

fn mark(read: &MarkIn) -> Result<MarkRequest, DecodeError> {
    let at = At("mark");
    let conversation = at.need("conversation", read.conversation)?;
    if read.delivered.is_none() && read.read.is_none() {
        return Err(at.wrong("read", "give delivered, read or both"));
    }
    Ok(MarkRequest { conversation, delivered: read.delivered, read: read.read })
}

fn fetch(read: &FetchIn) -> Result<Fetch, DecodeError> {
    let at = At("fetch");
    let id = at.need("id", read.id)?;
    let conversation = at.need("conversation", read.conversation)?;
    let range = match (read.after, read.before, read.around, read.changes_after) {
        (Some(after), None, None, None) => FetchRange::After { after },
        (None, before, None, None) => FetchRange::Before { before },
        (None, None, Some(around), None) => FetchRange::Around { around },
        (None, None, None, Some(after)) => {
            FetchRange::ChangesAfter { after, up_to: at.need("up_to", read.up_to)? }
        }
        (Some(_), Some(_), _, _) => return Err(at.wrong("before", ONE_RANGE)),
        (_, _, Some(_), _) => return Err(at.wrong("around", ONE_RANGE)),
        (_, _, _, Some(_)) => return Err(at.wrong("changes_after", ONE_RANGE)),
    };
    let limit = limit(at, read.limit, limits::PAGE_EVENTS_MAX, limits::PAGE_EVENTS_MAX)?;
    Ok(Fetch { id, conversation, range, limit })
}

const ONE_RANGE: &str =
    "give one of after, before, around and changes_after, or none for the newest";

fn sync(read: SyncIn) -> Result<Sync, DecodeError> {
    let at = At("sync");
    let from = match (read.cursor, read.more) {
        (None, None) => SyncFrom::Start,
        (Some(cursor), None) => SyncFrom::Cursor(cursor.0),
        (None, Some(more)) => SyncFrom::More(more),
        (Some(_), Some(_)) => return Err(at.wrong("more", "give either cursor or more")),
    };
    let limit = limit(at, read.limit, limits::PAGE_HEADS_DEFAULT, limits::PAGE_HEADS_MAX)?;
    Ok(Sync { id: at.need("id", read.id)?, from, limit })
}

fn limit(
    at: At<'_>,
    given: Option<usize>,
    default: usize,
    max: usize,
) -> Result<usize, DecodeError> {
    match given {
        None => Ok(default),
        Some(limit) if (1..=max).contains(&limit) => Ok(limit),
        Some(_) => Err(at.wrong("limit", format!("must be from 1 to {max}"))),
    }
}

/// `B`: the body of a `send`, as a text at once or as JSON to be read once its kind is known.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum FrameIn<B> {
    Hello(Fields<HelloIn>),
    Send(Fields<SendIn<B>>),
    Mark(Fields<MarkIn>),
    Fetch(Fields<FetchIn>),
    Sync(Fields<SyncIn>),
    Signal(Fields<SignalIn>),
    Presence(Fields<PresenceIn>),
    Watch(Fields<WatchIn>),
    Ping(Fields<PingIn>),
}

#[derive(Deserialize)]
struct HelloIn {
    token: Option<Box<str>>,
    cursor: Option<CursorText>,
    presence: Option<Fields<PresenceIn>>,
}

#[derive(Deserialize)]
struct SendIn<B> {
    id: Option<RequestId>,
    conversation: Option<ConversationId>,
    to: Option<AccountId>,
    message_id: Option<MessageId>,
    body: Option<B>,
    reply_to: Option<Seq>,
    seen: Option<Seq>,
    silent: Option<bool>,
}

#[derive(Deserialize)]
struct MarkIn {
    conversation: Option<ConversationId>,
    delivered: Option<Seq>,
    read: Option<Seq>,
}

#[derive(Deserialize)]
struct FetchIn {
    id: Option<RequestId>,
    conversation: Option<ConversationId>,
    after: Option<u64>,
    before: Option<Seq>,
    around: Option<Seq>,
    changes_after: Option<u64>,
    up_to: Option<Seq>,
    limit: Option<usize>,
}

#[derive(Deserialize)]
struct SyncIn {
    id: Option<RequestId>,
    cursor: Option<CursorText>,
    more: Option<Box<str>>,
    limit: Option<usize>,
}

#[derive(Deserialize)]
struct PingIn {
    n: Option<u64>,
}
