//! Contacts and blocks: the same paths for both.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{MethodRouter, get};
use parlance_engine::accounts::Tie;
use parlance_protocol::rest::{PeoplePage, RestBody, Tied};
use parlance_types::{AccountId, Code, Micros, limits};

use super::ApiError;
use super::request::{Bearer, Named, Params, answer, cut, id};
use crate::Gateway;

/// `GET /v1/contacts` or `GET /v1/blocks`
pub(super) fn all(tie: Tie) -> MethodRouter<Gateway> {
    get(move |state, bearer, params| list(tie, state, bearer, params))
}

/// `GET`, `PUT` and `DELETE` of one of them.
pub(super) fn one(tie: Tie) -> MethodRouter<Gateway> {
    get(move |state, bearer, named| show(tie, state, bearer, named))
        .put(move |state, bearer, named| add(tie, state, bearer, named))
        .delete(move |state, bearer, named| remove(tie, state, bearer, named))
}

async fn list(
    tie: Tie,
    State(gateway): State<Gateway>,
    Bearer(signed): Bearer,
    params: Params,
) -> Result<Response, ApiError> {
    let (after, limit) = params.page(limits::PEOPLE_MAX)?;
    let accounts = gateway.engine.accounts();
    let mut ties = accounts.ties(signed.account, tie, after, limit + 1).await?;
    let next = cut(&mut ties, limit, |(other, _)| *other);
    let people = accounts.people(ties.into_iter().map(|(other, _)| other).collect()).await?;
    Ok(answer(StatusCode::OK, |out| PeoplePage { people, next }.write(out)))
}

async fn show(
    tie: Tie,
    State(gateway): State<Gateway>,
    Bearer(signed): Bearer,
    Named(other): Named,
) -> Result<Response, ApiError> {
    let other = id(&other)?;
    let at = gateway.engine.accounts().tied(signed.account, tie, other).await?;
    let at = at.ok_or_else(|| ApiError::code(Code::NotFound))?;
    tied(&gateway, other, at, StatusCode::OK).await
}

async fn add(
    tie: Tie,
    State(gateway): State<Gateway>,
    Bearer(signed): Bearer,
    Named(other): Named,
) -> Result<Response, ApiError> {
    let other = id(&other)?;
    let engine = gateway.engine.clone();
    // Goes on when the client went away: what is written must be known to whoever stamps commands.
    let work =
        gateway.tasks.spawn(async move { engine.accounts().tie(signed.account, tie, other).await });
    let (at, is_new) = work.await.map_err(|_| ApiError::code(Code::OutcomeUnknown))??;
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    tied(&gateway, other, at, status).await
}

async fn remove(
    tie: Tie,
    State(gateway): State<Gateway>,
    Bearer(signed): Bearer,
    Named(other): Named,
) -> Result<StatusCode, ApiError> {
    let other = id(&other)?;
    let engine = gateway.engine.clone();
    let work = gateway
        .tasks
        .spawn(async move { engine.accounts().untie(signed.account, tie, other).await });
    work.await.map_err(|_| ApiError::code(Code::OutcomeUnknown))??;
    Ok(StatusCode::NO_CONTENT)
}

async fn tied(
    gateway: &Gateway,
    other: AccountId,
    at: Micros,
    status: StatusCode,
) -> Result<Response, ApiError> {
    let person = gateway.engine.accounts().person(other).await?;
    let person = person.ok_or_else(|| ApiError::code(Code::NotFound))?;
    Ok(answer(status, |out| Tied { person, at }.write(out)))
}
