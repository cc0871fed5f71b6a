//! Frames of servers, read by SDKs and tools.
//!
//! A client must live with servers that are newer than it: frames that are not known are left out, an event of a kind that is not
//! known shows the words that it brings for that (`alt`); without such words a live one is left out, so that the gap makes the
//! client fetch it, and in a page it stands without its body. Codes that are not known become one with the same advice.

use parlance_types::frame::{
    AccountMarks, Deleted, Head, Heads, Listing, MarkFrame, Now, Page, PageEntry, Person, Ready,
    ServerFrame,
};
use parlance_types::{
    CloseCode, Code, Content, Event, PresenceFrame, Reaction, SignalFrame, SignalKind,
};
use serde_json::value::RawValue;

use super::body;
use super::ephemera::presence_state;
use super::read::{At, sole_entry};
use super::shapes::{
    AnswerIn, ByeIn, DeletedIn, EntryIn, ErrorIn, EventIn, HeadsIn, LagIn, ListingIn, MarkIn,
    MarksIn, NowIn, OkIn, PageIn, PersonIn, PongIn, PresenceIn, ReactionIn, ReadyIn, SignalIn,
};
use crate::DecodeError;

/// Reads a message from a server: one frame or an array of frames, those that are known here.
pub fn decode_server(bytes: &[u8]) -> Result<Vec<ServerFrame>, DecodeError> {
    let text = std::str::from_utf8(bytes)
        .map_err(|_| DecodeError::new(Code::MalformedFrame, "this is not UTF-8"))?;
    if !text.trim_ascii_start().starts_with('[') {
        return Ok(frame(text)?.into_iter().collect());
    }
    let frames: Vec<&RawValue> = serde_json::from_str(text).map_err(|error| malformed(&error))?;
    frames.into_iter().filter_map(|raw| frame(raw.get()).transpose()).collect()
}

fn frame(text: &str) -> Result<Option<ServerFrame>, DecodeError> {
    let Some((name, value)) = sole_entry(text).map_err(|error| malformed(&error))? else {
        return Err(DecodeError::new(
            Code::MalformedFrame,
            "a frame is an object with one key, the name of the frame",
        ));
    };
    let at = At(&name);
    Ok(Some(match name.as_str() {
        "ready" => ServerFrame::Ready(Box::new(ready(at, value)?)),
        "heads" => {
            let id = at.read::<HeadsIn>(value)?.id;
            ServerFrame::Heads(Box::new(Heads { id, listing: listing(at, value)? }))
        }
        "ok" => match at.read::<AnswerIn>(value)? {
            AnswerIn { id, message_id: None } => ServerFrame::Done { id },
            AnswerIn { .. } => ServerFrame::Ok(at.read::<OkIn>(value)?.into()),
        },
        "error" => ServerFrame::Error(at.read::<ErrorIn>(value)?.into()),
        "event" => match event(at, value)? {
            Some(event) => ServerFrame::Event(Box::new(event)),
            None => return Ok(None),
        },
        "mark" => {
            let read: MarkIn = at.read(value)?;
            ServerFrame::Mark(MarkFrame {
                conversation: read.conversation,
                marks: marks(read.marks),
            })
        }
        "signal" => {
            let read: SignalIn = at.read(value)?;
            let known = SignalKind::ALL.iter().find(|known| known.as_str() == &*read.kind);
            let Some(kind) = known.copied() else { return Ok(None) };
            let SignalIn { conversation, sender, .. } = read;
            ServerFrame::Signal(SignalFrame { conversation, sender, kind })
        }
        "presence" => {
            let PresenceIn { account, state, text, until, last_seen } = at.read(value)?;
            let Some(state) = presence_state(&state) else { return Ok(None) };
            let text = text.map(|text| text.0);
            ServerFrame::Presence(PresenceFrame { account, state, text, until, last_seen })
        }
        "page" => ServerFrame::Page(Box::new(page(at, value)?)),
        "lag" => ServerFrame::Lag { cursor: at.read::<LagIn>(value)?.cursor.0 },
        "pong" => {
            let read: PongIn = at.read(value)?;
            ServerFrame::Pong { n: read.n, cursor: read.cursor.map(|cursor| cursor.0) }
        }
        "bye" => ServerFrame::Bye(at.read::<ByeIn>(value)?.into()),
        _ => return Ok(None),
    }))
}

fn ready(at: At<'_>, text: &str) -> Result<Ready, DecodeError> {
    let read: ReadyIn = at.read(text)?;
    let ReadyIn { connection, session, account, device, node, epoch, heartbeat_ms, now, resumed } =
        read;
    let listing = listing(at, text)?;
    Ok(Ready {
        connection,
        session,
        account,
        device,
        node,
        epoch,
        heartbeat_ms,
        now,
        resumed,
        listing,
    })
}

/// The part of `ready` and `heads` that lists.
pub(crate) fn listing(at: At<'_>, text: &str) -> Result<Listing, DecodeError> {
    let read: ListingIn = at.read(text)?;
    Ok(Listing {
        people: people(read.people),
        heads: read.heads.into_iter().map(Head::from).collect(),
        more: read.more,
        cursor: read.cursor.map(|cursor| cursor.0),
    })
}

/// A page of history; over REST it answers no numbered request.
pub(crate) fn page(at: At<'_>, text: &str) -> Result<Page, DecodeError> {
    let read: PageIn<'_> = at.read(text)?;
    let mut events = Vec::with_capacity(read.events.len());
    for (index, raw) in read.events.iter().enumerate() {
        events.push(entry(At(&format!("{}.events[{index}]", at.0)), raw.get())?);
    }
    Ok(Page {
        id: read.id,
        conversation: read.conversation,
        people: people(read.people),
        events,
        head: read.head,
        first: read.first,
        next: read.next,
    })
}

fn entry(at: At<'_>, text: &str) -> Result<PageEntry, DecodeError> {
    let read: EntryIn = at.read(text)?;
    if &*read.body.kind == "hidden" {
        return Ok(PageEntry::Hidden { seq: read.seq, up_to: at.need("up_to", read.up_to)? });
    }
    if &*read.body.kind != "deleted"
        && let Some(event) = event(at, text)?
    {
        let now = read.now.map(|now| self::now(At(&format!("{}.now", at.0)), now)).transpose()?;
        return Ok(PageEntry::Event { event: Box::new(event), now });
    }
    let DeletedIn { at, sender, message_id, ordinal, hash } = at.read(text)?;
    Ok(PageEntry::Deleted(Deleted { seq: read.seq, at, sender, message_id, ordinal, hash }))
}

fn event(at: At<'_>, text: &str) -> Result<Option<Event>, DecodeError> {
    let read: EventIn<'_> = at.read(text)?;
    let Some(body) = body::body(At(&format!("{}.body", at.0)), read.body.get())? else {
        return Ok(None);
    };
    let content = Content { body, reply_to: read.reply_to, seen: read.seen, silent: read.silent };
    let EventIn { conversation, seq, at, sender, device, message_id, ordinal, hash, .. } = read;
    Ok(Some(Event { conversation, seq, at, sender, device, message_id, ordinal, hash, content }))
}

fn now(at: At<'_>, read: NowIn<'_>) -> Result<Now, DecodeError> {
    let body = match read.body {
        Some(body) => body::body(At(&format!("{}.body", at.0)), body.get())?,
        None => None,
    };
    let reaction =
        |read: ReactionIn| Reaction { emoji: read.emoji.0, account: read.account, seq: read.seq };
    let reactions = read.reactions.into_iter().map(reaction).collect();
    Ok(Now { as_of: read.as_of, body, edited: read.edited, reactions })
}

fn people(read: Vec<PersonIn>) -> Vec<Person> {
    read.into_iter().map(Person::from).collect()
}

pub(super) fn marks(read: Vec<MarksIn>) -> Vec<AccountMarks> {
    let marks = |MarksIn { account, delivered, read }| AccountMarks { account, delivered, read };
    read.into_iter().map(marks).collect()
}

/// The code of this number, or the best known one with the same advice.
pub(super) fn code(number: u16, retry: &str) -> Code {
    let known = Code::ALL.iter().find(|code| code.number() == number);
    known.copied().unwrap_or(match retry {
        "now" => Code::OutcomeUnknown,
        "after" => Code::Unavailable,
        "reauthenticate" => Code::Unauthenticated,
        _ => Code::Forbidden,
    })
}

/// The close code of this number, or the best known one of its range.
pub(super) fn close_code(number: u16) -> CloseCode {
    let known = CloseCode::ALL.iter().find(|code| code.number() == number);
    known.copied().unwrap_or(match number {
        4100..4200 => CloseCode::ShuttingDown,
        4200..4300 => CloseCode::Unauthenticated,
        4300..4400 => CloseCode::Overloaded,
        4400..4500 => CloseCode::ProtocolViolation,
        _ => CloseCode::Silent,
    })
}

fn malformed(error: &serde_json::Error) -> DecodeError {
    DecodeError::new(Code::MalformedFrame, format!("this is not JSON: {error}"))
}
