//! Sets the scene over the HTTP interface: accounts, devices, groups. Owns the connections that it asks over.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::Method;
use parlance_client::{Http, HttpRequest, Secret, SignIn};
use parlance_types::{AccountId, ConversationId, MessageId};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use crate::random::Random;
use crate::{LoadError, ids};

/// Requests under way at a time.
const WORKERS: usize = 16;
const PASSWORD: &str = "correct horse battery staple";

/// An account and a session of it.
#[derive(Clone, Debug)]
pub(crate) struct Seat {
    pub(crate) account: AccountId,
    pub(crate) token: String,
    pub(crate) handle: String,
}

/// A server's accounts and conversations, as the drill makes them.
#[derive(Debug)]
pub(crate) struct World {
    runtime: Runtime,
    url: String,
    /// Tells the handles of this run from those of others.
    prefix: String,
    accounts: usize,
    groups: usize,
}

/// One request to be made.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) token: Option<String>,
    pub(crate) body: Value,
}

impl World {
    pub(crate) fn new(address: std::net::SocketAddr) -> Result<Self, LoadError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let mut seed = [0; 8];
        getrandom::fill(&mut seed).map_err(std::io::Error::other)?;
        let prefix = format!("d{:x}.", Random::new(u64::from_ne_bytes(seed)).below(1 << 32));
        Ok(Self { runtime, url: format!("http://{address}"), prefix, accounts: 0, groups: 0 })
    }

    /// Tells this run's handles from those of others.
    pub(crate) fn tag(&self) -> &str {
        self.prefix.trim_matches(['d', '.'])
    }

    pub(crate) fn sign_up(&mut self, count: usize) -> Result<Vec<Seat>, LoadError> {
        let first = self.accounts;
        let handles = (first..first + count).map(|n| format!("{}{n}", self.prefix)).collect();
        self.accounts += count;
        self.sign_up_as(handles, None)
    }

    /// `names` are the display names.
    pub(crate) fn sign_up_as(
        &mut self,
        handles: Vec<String>,
        names: Option<&[String]>,
    ) -> Result<Vec<Seat>, LoadError> {
        let asks = handles.iter().enumerate().map(|(index, handle)| {
            let mut body = json!({"handle": handle, "password": PASSWORD});
            if let Some(names) = names {
                body["name"] = json!(names[index]);
            }
            Ask { method: Method::POST, path: "/v1/accounts".into(), token: None, body }
        });
        let answers = self.ask_all(asks.collect())?;
        answers.iter().zip(handles).map(|(answer, handle)| seat(answer, handle)).collect()
    }

    /// Another device of each.
    pub(crate) fn sign_in(&mut self, seats: &[Seat]) -> Result<Vec<Seat>, LoadError> {
        let asks = seats.iter().map(|seat| Ask {
            method: Method::POST,
            path: "/v1/session".into(),
            token: None,
            body: json!({"handle": seat.handle, "password": PASSWORD}),
        });
        let answers = self.ask_all(asks.collect())?;
        answers.iter().zip(seats).map(|(answer, of)| seat(answer, of.handle.clone())).collect()
    }

    /// A group of the first and all others for each list of seats; the heads' `seq` beside the ids.
    pub(crate) fn groups(
        &mut self,
        lists: &[Vec<&Seat>],
        title: Option<&str>,
    ) -> Result<Vec<(ConversationId, u64)>, LoadError> {
        let mut asks = Vec::with_capacity(lists.len());
        for list in lists {
            self.groups += 1;
            let members: Vec<AccountId> = list[1..].iter().map(|seat| seat.account).collect();
            let mut body =
                json!({"key": format!("{}{}", self.prefix, self.groups), "members": members});
            if let Some(title) = title {
                body["title"] = json!(title);
            }
            let token = Some(list[0].token.clone());
            asks.push(Ask { method: Method::POST, path: "/v1/conversations".into(), token, body });
        }
        self.ask_all(asks)?.iter().map(place).collect()
    }

    /// The direct conversation of each two, with a first message in it.
    pub(crate) fn directs(
        &mut self,
        pairs: &[(&Seat, &Seat)],
    ) -> Result<Vec<(ConversationId, u64)>, LoadError> {
        let mut random = Random::new(pairs.len() as u64);
        let asks = pairs.iter().map(|(from, to)| {
            let message_id: MessageId = ids::random(&mut random);
            Ask {
                method: Method::POST,
                path: format!("/v1/directs/{}/messages", to.account),
                token: Some(from.token.clone()),
                body: json!({"message_id": message_id, "body": {"kind": "text", "text": "hello"}}),
            }
        });
        self.ask_all(asks.collect())?.iter().map(place).collect()
    }

    /// The answers in the order of the questions.
    pub(crate) fn ask_all(&self, asks: Vec<Ask>) -> Result<Vec<Value>, LoadError> {
        let count = asks.len();
        let asks = Arc::new(asks);
        let next = Arc::new(AtomicUsize::new(0));
        let mut answers = vec![Value::Null; count];
        self.runtime.block_on(async {
            let mut workers: JoinSet<Result<_, LoadError>> = JoinSet::new();
            for _ in 0..WORKERS.min(count) {
                let (asks, next) = (asks.clone(), next.clone());
                let mut http = Http::new(&self.url)?;
                workers.spawn(async move {
                    let mut answers = Vec::new();
                    loop {
                        let index = next.fetch_add(1, Ordering::Relaxed);
                        let Some(ask) = asks.get(index) else { return Ok(answers) };
                        answers.push((index, put(&mut http, ask).await?));
                    }
                });
            }
            while let Some(done) = workers.join_next().await {
                for (index, answer) in done.map_err(std::io::Error::other)?? {
                    answers[index] = answer;
                }
            }
            Ok(answers)
        })
    }
}

/// What a client signs in with.
pub(crate) fn credentials(seat: &Seat) -> Result<SignIn, LoadError> {
    let handle = seat.handle.parse().map_err(|_| LoadError::Answer("handle"))?;
    Ok(SignIn { handle, password: Secret::new(PASSWORD), device_name: None })
}

async fn put(http: &mut Http, ask: &Ask) -> Result<Value, LoadError> {
    let body = (!ask.body.is_null()).then(|| Bytes::from(ask.body.to_string()));
    let request = HttpRequest {
        method: ask.method.clone(),
        path: &ask.path,
        token: ask.token.as_deref(),
        body,
    };
    let answer = http.request(&request).await?;
    if answer.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_slice(&answer).map_err(|_| LoadError::Answer("JSON"))
}

fn seat(answer: &Value, handle: String) -> Result<Seat, LoadError> {
    let account = answer["account"].as_str().and_then(|id| id.parse().ok());
    let token = answer["access_token"].as_str();
    Ok(Seat {
        account: account.ok_or(LoadError::Answer("account"))?,
        token: token.ok_or(LoadError::Answer("access_token"))?.to_owned(),
        handle,
    })
}

fn place(answer: &Value) -> Result<(ConversationId, u64), LoadError> {
    let conversation = answer["conversation"].as_str().and_then(|id| id.parse().ok());
    let seq = answer["seq"].as_u64();
    Ok((
        conversation.ok_or(LoadError::Answer("conversation"))?,
        seq.ok_or(LoadError::Answer("seq"))?,
    ))
}
