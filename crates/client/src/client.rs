//! A signed-in device: its session, the HTTP interface, and the way to a live connection.

use std::fmt::Write;
use std::time::Instant;

use bytes::Bytes;
use http::Method;
use parlance_protocol::rest::{
    self, PeoplePage, Refresh, RestBody, Secret, SignIn, SignUp, Tokens,
};
use parlance_types::frame::Person;
use parlance_types::{AccountId, Code, DeviceId, Handle, Title};

use crate::connection::Connection;
use crate::endpoint::Endpoint;
use crate::machine::{Machine, Options, Saved};
use crate::storage::{Keeper, Storage};
use crate::{ClientError, Http, HttpRequest};

/// A device of an account, signed in.
#[derive(Debug)]
pub struct Client {
    http: Http,
    tokens: Tokens,
}

impl Client {
    /// Makes an account and signs this device in. `url` is `https://host[:port]`, or `http`.
    pub async fn sign_up(url: &str, account: &SignUp) -> Result<Self, ClientError> {
        Self::begin(url, "/v1/accounts", account).await
    }

    /// Signs this device in to an account that exists.
    pub async fn sign_in(url: &str, credentials: &SignIn) -> Result<Self, ClientError> {
        Self::begin(url, "/v1/session", credentials).await
    }

    /// A device that was signed in before, with the tokens that [`Self::tokens`] gave last.
    pub fn resume(url: &str, tokens: Tokens) -> Result<Self, ClientError> {
        Ok(Self { http: Http::new(url)?, tokens })
    }

    /// The device that `storage` remembers. `None`: nobody signed in there yet.
    pub fn stored(url: &str, storage: &dyn Storage) -> Result<Option<Self>, ClientError> {
        let stored = storage.load().map_err(ClientError::Storage)?;
        stored.map(|stored| Self::resume(url, stored.tokens)).transpose()
    }

    /// What to keep (secretly) to go on with [`Self::resume`]; changes with [`Self::refresh`].
    #[must_use]
    pub const fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    /// Whose device this is.
    #[must_use]
    pub const fn account(&self) -> AccountId {
        self.tokens.account
    }

    /// Which device this is.
    #[must_use]
    pub const fn device(&self) -> DeviceId {
        self.tokens.device
    }

    /// Gets new tokens for the old ones. After a lost answer the old ones may be used again for a minute.
    pub async fn refresh(&mut self) -> Result<(), ClientError> {
        let refresh_token = Secret::new(self.tokens.refresh_token.expose());
        let body = Some(rest::encode(&Refresh { refresh_token }));
        let path = "/v1/session/refresh";
        let request = HttpRequest { method: Method::POST, path, token: None, body };
        self.tokens = rest::decode(&self.http.request(&request).await?)?;
        Ok(())
    }

    /// The account with this handle, if there is one.
    pub async fn find(&mut self, handle: &Handle) -> Result<Option<Person>, ClientError> {
        let page: PeoplePage = self.get(&format!("/v1/people?handle={handle}")).await?;
        Ok(page.people.into_iter().next())
    }

    /// Those with a handle or a word of their name that begins like this, own contacts first; `after` is the page before's `next`.
    pub async fn search(
        &mut self,
        text: &Title,
        after: Option<AccountId>,
    ) -> Result<PeoplePage, ClientError> {
        let mut path = String::from("/v1/people?q=");
        for byte in text.bytes() {
            write!(path, "%{byte:02x}").expect("text grows as long as there is memory");
        }
        if let Some(after) = after {
            write!(path, "&after={after}").expect("text grows as long as there is memory");
        }
        self.get(&path).await
    }

    /// Asks for anything that this SDK has no method for.
    pub async fn get<T: RestBody>(&mut self, path: &str) -> Result<T, ClientError> {
        Ok(rest::decode(&self.request(Method::GET, path, None).await?)?)
    }

    /// Sends anything that this SDK has no method for. The answer's body is given as it is. A token that has expired is refreshed.
    pub async fn request(
        &mut self,
        method: Method,
        path: &str,
        body: Option<Bytes>,
    ) -> Result<Bytes, ClientError> {
        let token = Some(self.tokens.access_token.expose());
        let request = HttpRequest { method: method.clone(), path, token, body: body.clone() };
        match self.http.request(&request).await {
            Err(ClientError::Refused(error)) if error.code == Code::TokenExpired => {}
            outcome => return outcome,
        }
        self.refresh().await?;
        let token = Some(self.tokens.access_token.expose());
        self.http.request(&HttpRequest { method, path, token, body }).await
    }

    /// A connection that goes on where `saved` ends, and that lives until it is dropped. It connects when it is first polled.
    pub fn connect(self, saved: Saved, backlog: u64) -> Result<Connection, ClientError> {
        self.begin_at(saved, backlog, None)
    }

    /// The same, with everything that has to survive in `storage`: it goes on where that ends, and keeps it up to date by itself.
    pub fn connect_stored(
        self,
        storage: impl Storage + 'static,
        backlog: u64,
    ) -> Result<Connection, ClientError> {
        let keeper = Keeper::new(Box::new(storage), &self.tokens)?;
        self.begin_at(keeper.saved().clone(), backlog, Some(keeper))
    }

    fn begin_at(
        self,
        saved: Saved,
        backlog: u64,
        keeper: Option<Keeper>,
    ) -> Result<Connection, ClientError> {
        let mut seed = [0; 8];
        getrandom::fill(&mut seed).map_err(std::io::Error::other)?;
        let options = Options { backlog, seed: u64::from_ne_bytes(seed) };
        let mut machine = Machine::new(saved, options, Instant::now());
        machine.authenticate(Instant::now(), self.tokens.access_token.expose());
        Ok(Connection::new(self, machine, keeper))
    }

    pub(crate) const fn endpoint(&self) -> &Endpoint {
        self.http.endpoint()
    }

    async fn begin<T: RestBody>(url: &str, path: &str, body: &T) -> Result<Self, ClientError> {
        let mut http = Http::new(url)?;
        let body = Some(rest::encode(body));
        let request = HttpRequest { method: Method::POST, path, token: None, body };
        let tokens = rest::decode(&http.request(&request).await?)?;
        Ok(Self { http, tokens })
    }
}
