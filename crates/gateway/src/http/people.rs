//! People: oneself and others.

use std::collections::HashSet;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use parlance_engine::accounts::Signed;
use parlance_protocol::DecodeError;
use parlance_protocol::rest::{Me, PeoplePage, RestBody, decode_ids};
use parlance_types::frame::Person;
use parlance_types::{Code, Title, limits};

use super::ApiError;
use super::request::{Bearer, Named, Params, answer, cut, id};
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

/// `GET /v1/people?q=&after=&limit=` or `?handle=` or `?ids=`: by the beginning of a name, or exactly.
pub(super) async fn find(
    State(gateway): State<Gateway>,
    Bearer(signed): Bearer,
    params: Params,
) -> Result<Response, ApiError> {
    let accounts = gateway.engine.accounts();
    let asked = (params.text("q"), params.text("handle"), params.text("ids"));
    let (people, next) = match asked {
        (Some(text), None, None) => {
            let text =
                Title::new(text).map_err(|error| DecodeError::field("q", error.to_string()))?;
            let (after, limit) = params.page(limits::PEOPLE_MAX)?;
            let mut found = accounts.search(signed.account, &text, after, limit + 1).await?;
            let next = cut(&mut found, limit, |person| person.account);
            (found, next)
        }
        (None, Some(handle), None) => {
            // What is no handle has no account.
            let found = match handle.parse() {
                Ok(handle) => accounts.find(signed.account, &handle).await?,
                Err(_) => None,
            };
            (found.into_iter().collect(), None)
        }
        (None, None, Some(ids)) => {
            let mut ids = decode_ids(ids)?;
            let mut asked = HashSet::with_capacity(ids.len());
            ids.retain(|id| asked.insert(*id));
            (accounts.people(ids).await?, None)
        }
        _ => {
            let message =
                "give the beginning of a name as q, or a handle, or ids, and one of them only";
            return Err(DecodeError::field("q", message).into());
        }
    };
    Ok(answer(StatusCode::OK, |out| PeoplePage { people, next }.write(out)))
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
