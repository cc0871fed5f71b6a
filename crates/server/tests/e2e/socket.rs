//! A WebSocket that speaks the protocol by hand, by a library that shares no code with the server.

use std::io::Write;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tungstenite::client::IntoClientRequest;
use tungstenite::{Message, WebSocket};

use crate::harness::{PATIENCE, Person};
use crate::private;
use crate::trust::Stream;

/// A socket that has said hello.
pub(crate) struct Socket {
    stream: WebSocket<Stream>,
    next: u64,
    pub(crate) ready: Value,
    /// Frames that came while another was waited for, in order.
    waiting: Vec<Value>,
}

/// A new message id.
pub(crate) fn message_id() -> String {
    uuid::Uuid::now_v7().to_string()
}

impl Socket {
    /// Upgrades a connection. `None`: the server went away.
    pub(crate) fn upgrade(address: &str, stream: impl Into<Stream>) -> Option<Self> {
        let stream = stream.into();
        stream.tcp().set_read_timeout(Some(PATIENCE)).expect("a timeout");
        let mut request =
            format!("ws://{address}/v1/socket").into_client_request().expect("a request");
        let protocol = "parlance.v1.json".parse().expect("a header");
        request.headers_mut().insert("Sec-WebSocket-Protocol", protocol);
        let (stream, _) = tungstenite::client(request, stream).ok()?;
        Some(Self { stream, next: 1, ready: Value::Null, waiting: Vec::new() })
    }

    pub(crate) fn send(&mut self, frame: &Value) {
        self.send_text(&frame.to_string());
    }

    pub(crate) fn send_text(&mut self, text: &str) {
        if let Ok(said) = serde_json::from_str(text) {
            private::note(&said);
        }
        self.stream.send(Message::text(text)).expect("sent");
    }

    /// Bytes on the wire as they are, right or wrong.
    pub(crate) fn send_raw(&mut self, bytes: &[u8]) {
        self.stream.get_mut().write_all(bytes).expect("written");
    }

    /// From now on what cannot be sent at once is not sent.
    pub(crate) fn do_not_wait(&mut self) {
        self.stream
            .get_mut()
            .tcp()
            .set_write_timeout(Some(Duration::from_millis(200)))
            .expect("set");
    }

    /// Whether the server still takes what is sent.
    pub(crate) fn try_send_text(&mut self, text: &str) -> bool {
        self.stream.send(Message::text(text)).is_ok()
    }

    /// Whether a frame that came speaks of `conversation`.
    pub(crate) fn saw_anything_of(&self, conversation: &str) -> bool {
        self.waiting.iter().any(|frame| frame.to_string().contains(conversation))
    }

    /// Drops frames that came while others were waited for.
    pub(crate) fn forget(&mut self) {
        self.waiting.clear();
    }

    pub(crate) fn send_unless_closed(&mut self, frame: &Value) {
        // The server may have died; reading finds out.
        drop(self.stream.send(Message::text(frame.to_string())));
    }

    /// Whether `ready` comes, and not the end of the server.
    pub(crate) fn is_greeted(&mut self) -> bool {
        match self.stream.read() {
            Ok(Message::Text(text)) if text.starts_with("{\"ready\"") => true,
            Ok(other) => panic!("{other}"),
            Err(_) => false,
        }
    }

    /// The next `ok`. `None`: the server died.
    pub(crate) fn ok_or_closed(&mut self) -> Option<Value> {
        loop {
            match self.stream.read() {
                Ok(Message::Text(text)) => {
                    let frame: Value = serde_json::from_str(&text).expect("JSON");
                    assert!(frame.get("error").is_none(), "{frame}");
                    if let Some(ok) = frame.get("ok") {
                        return Some(ok.clone());
                    }
                }
                Ok(_) => {}
                Err(_) => return None,
            }
        }
    }

    /// The next frame, whatever it is. `None`: the connection was closed, with this code.
    pub(crate) fn next(&mut self) -> Result<Value, Option<u16>> {
        if !self.waiting.is_empty() {
            return Ok(self.waiting.remove(0));
        }
        loop {
            match self.stream.read() {
                Ok(Message::Text(text)) => return Ok(serde_json::from_str(&text).expect("JSON")),
                Ok(Message::Close(close)) => return Err(close.map(|close| close.code.into())),
                Ok(_) => {}
                Err(tungstenite::Error::ConnectionClosed | tungstenite::Error::Protocol(_)) => {
                    return Err(None);
                }
                Err(tungstenite::Error::Io(error))
                    if error.kind() == std::io::ErrorKind::ConnectionReset =>
                {
                    return Err(None);
                }
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// The next frame named `name`; what comes before it stays.
    pub(crate) fn expect(&mut self, name: &str) -> Value {
        self.expect_where(name, |_| true)
    }

    pub(crate) fn expect_where(&mut self, name: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        let found = |frame: &Value| frame.get(name).is_some_and(&wanted);
        if let Some(index) = self.waiting.iter().position(found) {
            return self.waiting.remove(index)[name].clone();
        }
        let mut skipped = std::mem::take(&mut self.waiting);
        loop {
            assert!(Instant::now() < deadline, "no {name}; got {skipped:?}");
            let frame = match self.next() {
                Ok(frame) => frame,
                Err(code) => {
                    panic!("closed with {code:?} while waiting for {name}; got {skipped:?}")
                }
            };
            if found(&frame) {
                self.waiting = skipped;
                return frame[name].clone();
            }
            skipped.push(frame);
        }
    }

    /// The code with which the server closes; frames before that are dropped.
    pub(crate) fn closed(&mut self) -> Option<u16> {
        loop {
            if let Err(code) = self.next() {
                return code;
            }
        }
    }

    /// Sends `body` and gives the answer: `ok` or `error`.
    pub(crate) fn ask(&mut self, mut send: Value) -> Result<Value, Value> {
        let id = self.next;
        self.next += 1;
        send["id"] = json!(id);
        self.send(&json!({"send": send}));
        self.answer(id)
    }

    /// The answer to the request `id`, which was sent before.
    pub(crate) fn outcome(&mut self, id: u64) -> Result<Value, Value> {
        self.answer(id)
    }

    fn answer(&mut self, id: u64) -> Result<Value, Value> {
        let mut skipped = std::mem::take(&mut self.waiting);
        loop {
            let frame =
                self.next().unwrap_or_else(|code| panic!("closed with {code:?}; got {skipped:?}"));
            for (name, result) in
                [("ok", Ok(())), ("error", Err(())), ("page", Ok(())), ("heads", Ok(()))]
            {
                if frame[name]["id"] == json!(id) {
                    self.waiting = skipped;
                    let value = frame[name].clone();
                    return if result.is_ok() { Ok(value) } else { Err(value) };
                }
            }
            skipped.push(frame);
        }
    }

    pub(crate) fn say_to(&mut self, account: &str, text: &str) -> Value {
        let send = json!({"to": account, "message_id": message_id(), "body": {"kind": "text", "text": text}});
        self.ask(send).expect("accepted")
    }

    pub(crate) fn say(&mut self, conversation: &str, text: &str) -> Value {
        self.change(conversation, json!({"kind": "text", "text": text})).expect("accepted")
    }

    #[expect(clippy::needless_pass_by_value, reason = "tests write the body where they send it")]
    pub(crate) fn change(&mut self, conversation: &str, body: Value) -> Result<Value, Value> {
        self.ask(json!({"conversation": conversation, "message_id": message_id(), "body": body}))
    }

    pub(crate) fn create(&mut self, key: &str, members: &[&Person]) -> String {
        let members: Vec<&str> = members.iter().map(|person| person.account.as_str()).collect();
        let body = json!({"kind": "create", "key": key, "title": key, "members": members});
        let ok = self.ask(json!({"body": body})).expect("created");
        ok["conversation"].as_str().expect("an id").to_owned()
    }

    pub(crate) fn fetch(&mut self, mut range: Value) -> Result<Value, Value> {
        let id = self.next;
        self.next += 1;
        range["id"] = json!(id);
        self.send(&json!({"fetch": range}));
        self.answer(id)
    }

    /// All events of a conversation, through pages.
    pub(crate) fn history(&mut self, conversation: &str) -> Vec<Value> {
        let mut events = Vec::new();
        let mut after = 0;
        loop {
            let page = self
                .fetch(json!({"conversation": conversation, "after": after, "limit": 100}))
                .expect("a page");
            events.extend(page["events"].as_array().expect("events").iter().cloned());
            match page["next"].as_u64() {
                Some(next) => after = next,
                None => return events,
            }
        }
    }

    /// The cursor after everything that was sent so far.
    pub(crate) fn cursor(&mut self) -> String {
        self.send(&json!({"ping": {"n": 77}}));
        let pong = self.expect_where("pong", |pong| pong["n"] == json!(77));
        pong["cursor"].as_str().expect("a cursor").to_owned()
    }
}

/// Texts of the messages in `events`.
pub(crate) fn texts(events: &[Value]) -> Vec<String> {
    let messages = events.iter().filter(|event| event["body"]["kind"] == json!("text"));
    messages.map(|event| event["body"]["text"].as_str().expect("a text").to_owned()).collect()
}
