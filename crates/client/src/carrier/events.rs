//! An event stream as it is read: bytes in, frames out. Owns the HTTP connection that it comes over.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use http::header::{AUTHORIZATION, HOST};
use http::{Method, Request};
use http_body_util::{BodyExt as _, Collected, Full};
use hyper::body::{Body as _, Incoming};
use hyper::client::conn::http1::{Connection, handshake};
use hyper_util::rt::TokioIo;
use parlance_protocol::json::decode_server;
use parlance_protocol::{decode_cursor, encode_cursor};
use parlance_types::frame::{Hello, ServerFrame};

use crate::ClientError;
use crate::endpoint::{Endpoint, Stream};
use crate::http::refusal;

/// One event is at most one frame; a page never comes here.
const EVENT_BYTES_MAX: usize = 1 << 20;

/// An open event stream.
#[derive(Debug)]
pub(super) struct Events {
    /// Moves only while somebody waits for an event; so no task is needed for it.
    connection: Pin<Box<Connection<TokioIo<Stream>, Full<Bytes>>>>,
    body: Incoming,
    ended: bool,
    /// What came and is no whole event yet.
    rest: BytesMut,
}

impl Events {
    pub(super) async fn open(endpoint: Endpoint, hello: Hello) -> Result<Self, ClientError> {
        let stream = endpoint.connect().await?;
        let (mut sender, connection) = handshake(TokioIo::new(stream)).await?;
        let mut connection = Box::pin(connection);
        let cursor = hello.cursor.map(|cursor| format!("?cursor={}", encode_cursor(cursor)));
        let request = Request::builder()
            .method(Method::GET)
            .uri(format!("/v1/events{}", cursor.unwrap_or_default()))
            .header(HOST, endpoint.authority())
            .header(AUTHORIZATION, format!("Bearer {}", hello.token))
            .body(Full::new(Bytes::new()))
            .map_err(|error| ClientError::Malformed(error.to_string()))?;
        let answer = sender.send_request(request);
        let answer = tokio::select! {
            answer = answer => answer?,
            ended = connection.as_mut() => {
                ended?;
                return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into());
            }
        };
        let (head, body) = answer.into_parts();
        if head.status.is_success() {
            return Ok(Self { connection, body, ended: false, rest: BytesMut::new() });
        }
        let body = async { body.collect().await.map(Collected::to_bytes) };
        let body = tokio::select! {
            body = body => body?,
            _ = connection => Bytes::new(),
        };
        Err(refusal(head.status, &body))
    }

    /// The frames of what comes next; `None`: the stream ended.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<Vec<ServerFrame>>, ClientError>> {
        loop {
            if !self.ended {
                self.ended = self.connection.as_mut().poll(cx).is_ready();
            }
            let Some(frame) = ready!(Pin::new(&mut self.body).poll_frame(cx)) else {
                return Poll::Ready(Ok(None));
            };
            let Ok(data) = frame?.into_data() else { continue };
            self.rest.extend_from_slice(&data);
            let frames = self.events()?;
            if !frames.is_empty() {
                return Poll::Ready(Ok(Some(frames)));
            }
        }
    }

    /// Takes the whole events out of what came.
    fn events(&mut self) -> Result<Vec<ServerFrame>, ClientError> {
        let mut frames = Vec::new();
        while let Some(end) = self.rest.windows(2).position(|bytes| bytes == b"\n\n") {
            let event = self.rest.split_to(end + 2);
            for line in event[..].split(|byte| *byte == b'\n') {
                if let Some(json) = line.strip_prefix(b"data: ") {
                    frames.extend(decode_server(json)?);
                } else if let Some(id) = line.strip_prefix(b"id: ") {
                    let cursor = std::str::from_utf8(id).ok().and_then(|id| decode_cursor(id).ok());
                    // As a pong says it.
                    frames.push(ServerFrame::Pong { n: 0, cursor });
                }
            }
        }
        if self.rest.len() > EVENT_BYTES_MAX {
            return Err(ClientError::Malformed("an event without an end".to_owned()));
        }
        Ok(frames)
    }
}
