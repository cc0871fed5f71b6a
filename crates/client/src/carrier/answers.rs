//! A door whose frames come in answers: an event stream or polls bring the server's, and one request at a time takes the client's up.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Method;
use parlance_protocol::rest::{self, Polled};
use parlance_protocol::{encode_cursor, encode_poll_cursor};
use parlance_types::frame::{ClientFrame, Heads, Hello, RequestId, ServerFrame, SyncFrom};

use super::events::Events;
use super::upward::Question;
use crate::endpoint::Endpoint;
use crate::{ClientError, Http, HttpRequest};

type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;
type Asked = (Http, Result<Bytes, ClientError>);

/// How the server's frames come.
enum Down {
    /// Nobody said hello yet.
    Stream,
    Poll,
    Opening(Boxed<Result<Events, ClientError>>),
    Events(Box<Events>),
    Polling {
        token: Box<str>,
        asked: Boxed<Asked>,
    },
}

/// Both directions.
pub(crate) struct Answers {
    endpoint: Endpoint,
    down: Down,
    token: Box<str>,
    /// In the order in which the client said them.
    waiting: VecDeque<Question>,
    /// The connection for requests, while none is under way.
    idle: Option<Http>,
    asked: Option<(Question, Boxed<Asked>)>,
    /// The stream goes on with its listing by itself: who asked for pages that did not come yet, and pages that nobody asked for yet.
    listing: bool,
    asking: VecDeque<RequestId>,
    pages: VecDeque<Box<Heads>>,
    /// What asks for the next page of a listing that was asked for over REST.
    more: Option<Box<str>>,
}

impl std::fmt::Debug for Answers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Answers").field("waiting", &self.waiting.len()).finish_non_exhaustive()
    }
}

impl Answers {
    pub(super) fn stream(endpoint: &Endpoint) -> Self {
        Self::new(endpoint, Down::Stream)
    }

    pub(super) fn poll(endpoint: &Endpoint) -> Self {
        Self::new(endpoint, Down::Poll)
    }

    fn new(endpoint: &Endpoint, down: Down) -> Self {
        Self {
            endpoint: endpoint.clone(),
            down,
            token: "".into(),
            waiting: VecDeque::new(),
            idle: Some(Http::at(endpoint.clone())),
            asked: None,
            listing: false,
            asking: VecDeque::new(),
            pages: VecDeque::new(),
            more: None,
        }
    }

    pub(super) fn push(&mut self, frame: ClientFrame) {
        match frame {
            ClientFrame::Hello(hello) => self.begin(hello),
            ClientFrame::Sync(sync) if matches!(&sync.from, SyncFrom::More(more) if self.more.as_ref() != Some(more)) =>
            {
                self.asking.push_back(sync.id);
            }
            frame => self.waiting.extend(Question::of(frame)),
        }
    }

    fn begin(&mut self, hello: Hello) {
        self.token.clone_from(&hello.token);
        self.down = match self.down {
            Down::Poll | Down::Polling { .. } => {
                let cursor = hello.cursor.map(encode_cursor);
                let asked = poll(Http::at(self.endpoint.clone()), &hello.token, cursor.as_deref());
                Down::Polling { token: hello.token, asked }
            }
            _ => Down::Opening(Box::pin(Events::open(self.endpoint.clone(), hello))),
        };
    }

    /// What comes next, and whether more may come.
    pub(super) async fn next(&mut self) -> Result<(Vec<ServerFrame>, bool), ClientError> {
        if let Some(page) = self.page() {
            return Ok((vec![page], true));
        }
        poll_fn(|cx| {
            if let Poll::Ready(answered) = self.poll_upward(cx) {
                return Poll::Ready(answered.map(|frame| (frame.into_iter().collect(), true)));
            }
            self.poll_downward(cx)
        })
        .await
    }

    fn poll_upward(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<ServerFrame>, ClientError>> {
        if self.asked.is_none()
            && let Some(question) = self.waiting.pop_front()
            && let Some(http) = self.idle.take()
        {
            let asked = ask(http, &question, &self.token);
            self.asked = Some((question, asked));
        }
        let Some((question, asked)) = &mut self.asked else { return Poll::Pending };
        let Poll::Ready((http, answer)) = asked.as_mut().poll(cx) else { return Poll::Pending };
        let read = question.read(answer);
        self.idle = Some(http);
        self.asked = None;
        if let Ok(Some(ServerFrame::Heads(heads))) = &read {
            self.more.clone_from(&heads.listing.more);
        }
        Poll::Ready(read)
    }

    fn poll_downward(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(Vec<ServerFrame>, bool), ClientError>> {
        loop {
            match &mut self.down {
                Down::Stream | Down::Poll => return Poll::Pending,
                Down::Opening(opening) => match opening.as_mut().poll(cx) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(Ok(events)) => self.down = Down::Events(Box::new(events)),
                    Poll::Ready(Err(error)) => return Poll::Ready(refused(error)),
                },
                Down::Events(events) => {
                    return events.poll(cx).map_ok(|frames| match frames {
                        Some(frames) => (self.mine(frames), true),
                        None => (Vec::new(), false),
                    });
                }
                Down::Polling { token, asked } => {
                    let Poll::Ready((http, answer)) = asked.as_mut().poll(cx) else {
                        return Poll::Pending;
                    };
                    let polled = answer.and_then(|bytes| Ok(rest::decode::<Polled>(&bytes)?));
                    let Polled { mut frames, cursor } = match polled {
                        Ok(polled) => polled,
                        Err(error) => return Poll::Ready(refused(error)),
                    };
                    *asked = poll(http, token, Some(&encode_poll_cursor(cursor)));
                    frames.push(ServerFrame::Pong { n: 0, cursor: Some(cursor.cursor) });
                    return Poll::Ready(Ok((self.mine(frames), true)));
                }
            }
        }
    }

    /// Pages of the listing that come by themselves wait for whoever asks for them. What is listed after a lag tells of conversations; it is
    /// asked for over REST besides.
    fn mine(&mut self, frames: Vec<ServerFrame>) -> Vec<ServerFrame> {
        let mut mine = Vec::with_capacity(frames.len());
        for frame in frames {
            match frame {
                ServerFrame::Ready(ready) => {
                    self.listing = ready.listing.more.is_some();
                    mine.push(ServerFrame::Ready(ready));
                }
                ServerFrame::Heads(mut heads) if heads.id == Some(0) => {
                    if self.listing {
                        self.listing = heads.listing.more.is_some();
                        self.pages.push_back(heads);
                    } else {
                        heads.id = None;
                        mine.push(ServerFrame::Heads(heads));
                    }
                }
                frame => mine.push(frame),
            }
        }
        mine
    }

    /// A page of the listing for whoever asked for it.
    fn page(&mut self) -> Option<ServerFrame> {
        if self.pages.is_empty() || self.asking.is_empty() {
            return None;
        }
        let mut heads = self.pages.pop_front()?;
        heads.id = self.asking.pop_front();
        Some(ServerFrame::Heads(heads))
    }
}

/// A refusal is said as a server says it on a socket; everything else is a lost connection.
fn refused(error: ClientError) -> Result<(Vec<ServerFrame>, bool), ClientError> {
    match error {
        ClientError::Refused(error) => Ok((vec![ServerFrame::Error(*error)], false)),
        error => Err(error),
    }
}

fn ask(mut http: Http, question: &Question, token: &str) -> Boxed<Asked> {
    let (method, body) = (question.method.clone(), question.body.clone());
    let (path, token) = (question.path.clone(), token.to_owned());
    Box::pin(async move {
        let request = HttpRequest { method, path: &path, token: Some(&token), body };
        let answer = http.request(&request).await;
        (http, answer)
    })
}

fn poll(mut http: Http, token: &str, cursor: Option<&str>) -> Boxed<Asked> {
    let cursor = cursor.map(|cursor| format!("?cursor={cursor}")).unwrap_or_default();
    let (path, token) = (format!("/v1/poll{cursor}"), token.to_owned());
    Box::pin(async move {
        let request =
            HttpRequest { method: Method::GET, path: &path, token: Some(&token), body: None };
        let answer = http.request(&request).await;
        (http, answer)
    })
}
