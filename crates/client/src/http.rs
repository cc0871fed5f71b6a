//! One HTTP/1.1 connection that is kept alive: JSON in, JSON out. Knows no path and no body of the protocol.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1::{Connection, SendRequest, handshake};
use hyper_util::rt::TokioIo;
use parlance_protocol::rest;
use parlance_types::frame::ErrorFrame;

use crate::ClientError;
use crate::endpoint::{Endpoint, Stream};

/// An answer larger than this is not one of the protocol's.
const ANSWER_BYTES_MAX: usize = 8 * 1024 * 1024;

/// A server's HTTP interface. Requests go one after the other over one connection, which is made when first needed.
#[derive(Debug)]
pub struct Http {
    endpoint: Endpoint,
    link: Option<Link>,
}

#[derive(Debug)]
struct Link {
    sender: SendRequest<Full<Bytes>>,
    /// Moves only while somebody waits for an answer; so no task is needed for it.
    connection: Pin<Box<Connection<TokioIo<Stream>, Full<Bytes>>>>,
}

/// What to ask for.
#[derive(Clone, Debug)]
pub struct HttpRequest<'a> {
    /// `GET`, `POST` …
    pub method: Method,
    /// With its query.
    pub path: &'a str,
    /// The access token, if the path asks for one.
    pub token: Option<&'a str>,
    /// JSON.
    pub body: Option<Bytes>,
}

impl Http {
    /// `url` is `https://host[:port]`, or `http` where nobody can listen. The certificates that this machine trusts count; a
    /// file of them that the environment names in `SSL_CERT_FILE` takes their place.
    pub fn new(url: &str) -> Result<Self, ClientError> {
        Ok(Self { endpoint: Endpoint::new(url)?, link: None })
    }

    pub(crate) const fn at(endpoint: Endpoint) -> Self {
        Self { endpoint, link: None }
    }

    /// Host and port.
    #[must_use]
    pub fn authority(&self) -> &str {
        self.endpoint.authority()
    }

    pub(crate) const fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The body of a successful answer. A connection that the server closed meanwhile is replaced, once and only where the
    /// request surely did not reach it.
    pub async fn request(&mut self, request: &HttpRequest<'_>) -> Result<Bytes, ClientError> {
        let reused = self.link.is_some();
        match self.attempt(request).await {
            Err(ClientError::Http(error)) if reused && error.is_canceled() => {
                self.attempt(request).await
            }
            outcome => outcome,
        }
    }

    async fn attempt(&mut self, request: &HttpRequest<'_>) -> Result<Bytes, ClientError> {
        let mut link = match self.link.take() {
            Some(link) => link,
            None => Link::open(&self.endpoint).await?,
        };
        let mut parts = Request::builder()
            .method(request.method.clone())
            .uri(request.path)
            .header(HOST, self.endpoint.authority());
        if let Some(token) = request.token {
            parts = parts.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        if request.body.is_some() {
            parts = parts.header(CONTENT_TYPE, "application/json");
        }
        let body = Full::new(request.body.clone().unwrap_or_default());
        let sent = parts.body(body).map_err(|error| ClientError::Malformed(error.to_string()))?;
        let (status, bytes) = link.exchange(sent).await?;
        self.link = Some(link);
        if status.is_success() {
            return Ok(bytes);
        }
        Err(refusal(status, &bytes))
    }
}

impl Link {
    async fn open(endpoint: &Endpoint) -> Result<Self, ClientError> {
        let stream = endpoint.connect().await?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        Ok(Self { sender, connection: Box::pin(connection) })
    }

    async fn exchange(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<(StatusCode, Bytes), ClientError> {
        let answer = async {
            self.sender.ready().await?;
            let (parts, body) = self.sender.send_request(request).await?.into_parts();
            let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
            let body = body.map_err(|error| ClientError::Malformed(error.to_string()))?;
            Ok((parts.status, body.to_bytes()))
        };
        let mut answer = pin!(answer);
        let mut ended = false;
        poll_fn(|context| {
            if !ended {
                // How the connection ended is told by the answer that is or is not there.
                ended = self.connection.as_mut().poll(context).is_ready();
            }
            match answer.as_mut().poll(context) {
                Poll::Ready(outcome) => Poll::Ready(outcome),
                Poll::Pending => Poll::Pending,
            }
        })
        .await
    }
}

pub(crate) fn refusal(status: StatusCode, bytes: &[u8]) -> ClientError {
    match rest::decode::<ErrorFrame>(bytes) {
        Ok(error) => ClientError::Refused(Box::new(error)),
        Err(_) => ClientError::Malformed(format!("status {status} without an error")),
    }
}
