//! Members of a conversation: who they are, their roles, their coming and going, and how far they have come.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use parlance_engine::shard::{MembersAnswer, MembersAsked};
use parlance_protocol::rest::{
    Additions, MarkPage, MemberPage, NewMarks, NewRole, RestBody, decode,
};
use parlance_types::{AccountId, Action, Code, limits};

use super::ApiError;
use super::messages::name;
use super::request::{Bearer, Body, Named, Params, answer, id};
use super::writer::Writer;
use crate::Gateway;

/// Those that `?after=&limit=` asks for, and where to go on.
async fn some(
    gateway: &Gateway,
    viewer: AccountId,
    conversation: &str,
    params: &Params,
) -> Result<(MembersAnswer, Option<AccountId>), ApiError> {
    let (after, max) = params.page(limits::PAGE_MEMBERS_MAX)?;
    let asked = MembersAsked { viewer, after, max };
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
    writer: Writer,
    Named(conversation): Named,
    Body(body): Body,
) -> Result<Response, ApiError> {
    let Additions { message_id, accounts } = decode(&body)?;
    let action = Action::Add { accounts };
    writer.change(&conversation, message_id, action).await
}

/// `PATCH …/members/{account}`
pub(super) async fn role(
    writer: Writer,
    Named((conversation, account)): Named<(String, String)>,
    Body(body): Body,
) -> Result<Response, ApiError> {
    let NewRole { message_id, role } = decode(&body)?;
    let action = Action::Role { account: id(&account)?, role };
    writer.change(&conversation, message_id, action).await
}

/// `DELETE …/members/{account}`: of oneself it is leaving.
pub(super) async fn remove(
    writer: Writer,
    Named((conversation, account)): Named<(String, String)>,
    Body(body): Body,
) -> Result<Response, ApiError> {
    let message_id = name(&body)?;
    let account: AccountId = id(&account)?;
    let action =
        if account == writer.signed.account { Action::Leave } else { Action::Remove { account } };
    writer.change(&conversation, message_id, action).await
}
