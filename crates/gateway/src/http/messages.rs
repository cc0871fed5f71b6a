//! Messages: sending and reading.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use parlance_protocol::DecodeError;
use parlance_protocol::rest::{Message, Name, RestBody, Version, decode};
use parlance_types::frame::{Fetch, FetchRange, PageEntry, Place};
use parlance_types::{Action, Code, Emoji, MessageId, Seq, limits};

use super::ApiError;
use super::request::{Bearer, Body, Named, Params, answer, id};
use super::writer::Writer;
use crate::Gateway;

/// `POST /v1/conversations/{conversation}/messages`
pub(super) async fn send(
    writer: Writer,
    Named(conversation): Named,
    Body(body): Body,
) -> Result<Response, ApiError> {
    let place = Place::Conversation(id(&conversation)?);
    writer.write(place, decode(&body)?).await
}

/// `POST /v1/directs/{account}/messages`
pub(super) async fn send_direct(
    writer: Writer,
    Named(account): Named,
    Body(body): Body,
) -> Result<Response, ApiError> {
    let place = Place::To(id(&account)?);
    let message: Message = decode(&body)?;
    if !matches!(message.action, Action::Send { .. }) {
        return Err(
            DecodeError::field("body.kind", "only messages here; name the conversation").into()
        );
    }
    writer.write(place, message).await
}

/// The name of a change whose path says everything else.
pub(super) fn name(body: &[u8]) -> Result<Option<MessageId>, ApiError> {
    if body.is_empty() {
        return Ok(None);
    }
    Ok(decode::<Name>(body)?.message_id)
}

/// What a `seq` in a path names; what is no seq names nothing.
fn target(text: &str) -> Result<Seq, ApiError> {
    text.parse().ok().and_then(Seq::new).ok_or_else(|| ApiError::code(Code::NotFound))
}

/// `PATCH …/messages/{seq}`
pub(super) async fn edit(
    writer: Writer,
    Named((conversation, seq)): Named<(String, String)>,
    Body(body): Body,
) -> Result<Response, ApiError> {
    let Version { message_id, text, entities } = decode(&body)?;
    let action = Action::Edit { target: target(&seq)?, text, entities };
    writer.change(&conversation, message_id, action).await
}

/// `DELETE …/messages/{seq}`
pub(super) async fn delete(
    writer: Writer,
    Named((conversation, seq)): Named<(String, String)>,
    Body(body): Body,
) -> Result<Response, ApiError> {
    let message_id = name(&body)?;
    let action = Action::Delete { target: target(&seq)? };
    writer.change(&conversation, message_id, action).await
}

/// `PUT …/messages/{seq}/reactions/{emoji}`
pub(super) async fn react(
    writer: Writer,
    Named((conversation, seq, emoji)): Named<(String, String, String)>,
    Body(body): Body,
) -> Result<Response, ApiError> {
    let message_id = name(&body)?;
    let action = Action::React { target: target(&seq)?, emoji: reaction(&emoji)? };
    writer.change(&conversation, message_id, action).await
}

/// `DELETE …/messages/{seq}/reactions/{emoji}`
pub(super) async fn unreact(
    writer: Writer,
    Named((conversation, seq, emoji)): Named<(String, String, String)>,
    Body(body): Body,
) -> Result<Response, ApiError> {
    let message_id = name(&body)?;
    let action = Action::Unreact { target: target(&seq)?, emoji: reaction(&emoji)? };
    writer.change(&conversation, message_id, action).await
}

fn reaction(text: &str) -> Result<Emoji, ApiError> {
    Emoji::new(text).map_err(|error| DecodeError::field("emoji", error.to_string()).into())
}

/// `GET …/messages/{seq}`: a page of one.
pub(super) async fn one(
    State(gateway): State<Gateway>,
    Bearer(signed): Bearer,
    Named((conversation, seq)): Named<(String, String)>,
) -> Result<Response, ApiError> {
    let seq = target(&seq)?;
    let range = FetchRange::After { after: seq.get() - 1 };
    let fetch = Fetch { id: 0, conversation: id(&conversation)?, range, limit: 1 };
    let mut page = gateway.engine.fetch(signed.account, fetch).await?;
    let is_it = match page.events.first() {
        Some(PageEntry::Event { event, .. }) => event.seq == seq,
        Some(PageEntry::Deleted(deleted)) => deleted.seq == seq,
        Some(PageEntry::Hidden { .. }) | None => false,
    };
    if !is_it {
        return Err(ApiError::code(Code::NotFound));
    }
    page.next = None;
    Ok(answer(StatusCode::OK, |out| page.write(out)))
}

/// `GET …/messages/{seq}/versions`
pub(super) async fn versions(
    State(gateway): State<Gateway>,
    Bearer(signed): Bearer,
    Named((conversation, seq)): Named<(String, String)>,
    params: Params,
) -> Result<Response, ApiError> {
    let of = (id(&conversation)?, target(&seq)?);
    let after = params.number("after")?.unwrap_or(0);
    let page = gateway.engine.versions(signed.account, of, after).await?;
    Ok(answer(StatusCode::OK, |out| page.write(out)))
}

/// Which range; the fields of the `fetch` frame.
fn range(params: &Params) -> Result<FetchRange, ApiError> {
    let seq = |name: &'static str, value: u64| {
        Seq::new(value)
            .ok_or_else(|| ApiError::from(DecodeError::field(name, "a seq is a number from 1")))
    };
    let names = ["after", "before", "around", "changes_after"];
    let mut given = names.into_iter().filter(|name| params.text(name).is_some());
    let Some(name) = given.next() else { return Ok(FetchRange::Before { before: None }) };
    if given.next().is_some() {
        let message = "only one of after, before, around and changes_after";
        return Err(DecodeError::field("after", message).into());
    }
    let value = params.number(name)?.unwrap_or(0);
    Ok(match name {
        "after" => FetchRange::After { after: value },
        "before" => FetchRange::Before { before: Some(seq(name, value)?) },
        "around" => FetchRange::Around { around: seq(name, value)? },
        _ => {
            let up_to = params.number("up_to")?.unwrap_or(0);
            FetchRange::ChangesAfter { after: value, up_to: seq("up_to", up_to)? }
        }
    })
}

/// `GET /v1/conversations/{conversation}/messages`
pub(super) async fn page(
    State(gateway): State<Gateway>,
    Bearer(signed): Bearer,
    Named(conversation): Named,
    params: Params,
) -> Result<Response, ApiError> {
    let limit = params.number("limit")?.unwrap_or(limits::PAGE_EVENTS_MAX);
    let range = range(&params)?;
    let fetch = Fetch { id: 0, conversation: id(&conversation)?, range, limit };
    let page = gateway.engine.fetch(signed.account, fetch).await?;
    Ok(answer(StatusCode::OK, |out| page.write(out)))
}
