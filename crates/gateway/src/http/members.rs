//! Members of a conversation: who they are, their roles, their coming and going, and how far they have come.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use parlance_engine::shard::{MembersAnswer, MembersAsked};
use parlance_protocol::DecodeError;
use parlance_protocol::rest::{
    Additions, MarkPage, MemberPage, Message, NewMarks, NewRole, RestBody, decode,
};
use parlance_types::{AccountId, Action, Code, limits};

use super::ApiError;
use super::conversations::id;
use super::messages::{change, name};
use super::request::{Bearer, Body, Named, Params, answer};
use crate::Gateway;

/// Those that `?after=&limit=` asks for, and where to go on.
async fn some(
    gateway: &Gateway,
    viewer: AccountId,
    conversation: &str,
    params: &Params,
) -> Result<(MembersAnswer, Option<AccountId>), ApiError> {
    let after = params.text("after").map(str::parse).transpose();
    let after = after
        .map_err(|error: parlance_types::IdError| DecodeError::field("after", error.to_string()))?;
    let limit: usize = params.number("limit")?.unwrap_or(limits::PAGE_MEMBERS_MAX);
    let asked = MembersAsked { viewer, after, max: limit.clamp(1, limits::PAGE_MEMBERS_MAX) };
    let some = gateway.engine.members(id(conversation)?, asked).await?;
    let some = some.ok_or_else(|| ApiError::code(Code::NotFound))?;
    let last = some.members.last().map(|listed| listed.account);
    let next = last.filter(|_| some.more);
    Ok((some, next))
}

/// `GET …/members`
pub(super) async fn list(
    State(gateway): State<Gateway>,
    Bearer(signed): Bearer,
    Named(conversation): Named,
    params: Params,
) -> Result<Response, ApiError> {
    let (MembersAnswer { members, .. }, next) =
        some(&gateway, signed.account, &conversation, &params).await?;
    let accounts = members.iter().map(|listed| listed.account).collect();
    let people = gateway.engine.people(accounts).await;
    let page = MemberPage { people, members, next };
    Ok(answer(StatusCode::OK, |out| page.write(out)))
}

/// `GET …/marks`
pub(super) async fn marks(
    State(gateway): State<Gateway>,
    Bearer(signed): Bearer,
    Named(conversation): Named,
    params: Params,
) -> Result<Response, ApiError> {
    let (MembersAnswer { marks, .. }, next) =
        some(&gateway, signed.account, &conversation, &params).await?;
    Ok(answer(StatusCode::OK, |out| MarkPage { marks, next }.write(out)))
}

/// `PUT …/mark`
pub(super) async fn mark(
    State(gateway): State<Gateway>,
    Bearer(signed): Bearer,
    Named(conversation): Named,
    Body(body): Body,
) -> Result<Response, ApiError> {
    let NewMarks { delivered, read } = decode(&body)?;
    gateway.engine.mark_for(signed.account, id(&conversation)?, (delivered, read)).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// `POST …/members`
pub(super) async fn add(
    State(gateway): State<Gateway>,
    Bearer(signed): Bearer,
    Named(conversation): Named,
    headers: HeaderMap,
    Body(body): Body,
) -> Result<Response, ApiError> {
    let Additions { message_id, accounts } = decode(&body)?;
    let action = Action::Add { accounts };
    change(&gateway, signed, &conversation, &headers, Message { message_id, action }).await
}

/// `PATCH …/members/{account}`
pub(super) async fn role(
    State(gateway): State<Gateway>,
    Bearer(signed): Bearer,
    Named((conversation, account)): Named<(String, String)>,
    headers: HeaderMap,
    Body(body): Body,
) -> Result<Response, ApiError> {
    let NewRole { message_id, role } = decode(&body)?;
    let action = Action::Role { account: member(&account)?, role };
    change(&gateway, signed, &conversation, &headers, Message { message_id, action }).await
}

/// `DELETE …/members/{account}`: of oneself it is leaving.
pub(super) async fn remove(
    State(gateway): State<Gateway>,
    Bearer(signed): Bearer,
    Named((conversation, account)): Named<(String, String)>,
    headers: HeaderMap,
    Body(body): Body,
) -> Result<Response, ApiError> {
    let message_id = name(&body)?;
    let account = member(&account)?;
    let action = if account == signed.account { Action::Leave } else { Action::Remove { account } };
    change(&gateway, signed, &conversation, &headers, Message { message_id, action }).await
}

fn member(text: &str) -> Result<AccountId, ApiError> {
    text.parse().map_err(|_| ApiError::code(Code::NotFound))
}
