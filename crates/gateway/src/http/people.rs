//! People: oneself and others.

use std::collections::HashSet;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use parlance_engine::accounts::Signed;
use parlance_protocol::DecodeError;
use parlance_protocol::rest::{Me, People, RestBody, decode_ids};
use parlance_types::Code;
use parlance_types::frame::Person;

use super::ApiError;
use super::request::{Bearer, Named, Params, answer, id};
use crate::Gateway;

/// `GET /v1/me`
pub(super) async fn me(
    State(gateway): State<Gateway>,
    Bearer(signed): Bearer,
) -> Result<Response, ApiError> {
    let person = gateway.engine.accounts().person(signed.account).await?;
    oneself(signed, person)
}

/// How an account is shown to itself.
pub(super) fn oneself(signed: Signed, person: Option<Person>) -> Result<Response, ApiError> {
    let person = person.ok_or_else(|| ApiError::code(Code::NotFound))?;
    let me = Me { person, device: signed.device, session: signed.session };
    Ok(answer(StatusCode::OK, |out| me.write(out)))
}

/// `GET /v1/people?q=` or `?ids=`: one exact handle, or ids.
pub(super) async fn find(
    State(gateway): State<Gateway>,
    Bearer(_): Bearer,
    params: Params,
) -> Result<Response, ApiError> {
    let accounts = gateway.engine.accounts();
    let people = match (params.text("q"), params.text("ids")) {
        (Some(handle), None) => accounts.find(handle).await?.into_iter().collect(),
        (None, Some(ids)) => {
            let mut ids = decode_ids(ids)?;
            let mut asked = HashSet::with_capacity(ids.len());
            ids.retain(|id| asked.insert(*id));
            accounts.people(ids).await?
        }
        _ => return Err(DecodeError::field("q", "give a handle as q, or ids, and not both").into()),
    };
    Ok(answer(StatusCode::OK, |out| People(people).write(out)))
}

/// `GET /v1/people/{account}`
pub(super) async fn one(
    State(gateway): State<Gateway>,
    Bearer(_): Bearer,
    Named(account): Named,
) -> Result<Response, ApiError> {
    let person = gateway.engine.accounts().person(id(&account)?).await?;
    let person = person.ok_or_else(|| ApiError::code(Code::NotFound))?;
    Ok(answer(StatusCode::OK, |out| person.write(out)))
}
