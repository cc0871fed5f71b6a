//! A server of its own for each test, people who sign up, and sockets that speak the protocol by hand.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tungstenite::client::IntoClientRequest;
use tungstenite::{Message, WebSocket};

/// How long anything may take before the test fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

const CONFIG: &str =
    "[server]\ndrain_seconds = 2\n[accounts.argon2]\nmemory_kib = 8\niterations = 1\nlanes = 1\n";

/// A running server and its data directory.
pub(crate) struct Server {
    pub(crate) address: String,
    child: Child,
    data: Data,
}

/// A data directory that outlives the servers that use it.
pub(crate) struct Data {
    directory: tempfile::TempDir,
    path: PathBuf,
}

impl Data {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join("data");
        Self { directory, path }
    }

    /// A place that somebody else cleans up.
    pub(crate) fn at(path: PathBuf) -> Self {
        Self { path, ..Self::new() }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.path.clone()
    }

    fn config(&self) -> PathBuf {
        let path = self.directory.path().join("parlance.toml");
        std::fs::write(&path, CONFIG).expect("the configuration is written");
        path
    }

    pub(crate) fn serve(self) -> Server {
        self.serve_with(&[])
    }

    /// What starts a server on this directory; `settings` are keys of the configuration as the environment gives them.
    pub(crate) fn command(&self, settings: &[(&str, &str)]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_parlance"));
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(self.path())
            .arg("--config")
            .arg(self.config())
            .env("RUST_LOG", "warn")
            .envs(settings.iter().copied());
        command
    }

    pub(crate) fn serve_with(self, settings: &[(&str, &str)]) -> Server {
        let Ok(server) = self.try_serve_with(settings) else { panic!("the server did not start") };
        server
    }

    /// As [`Data::serve_with`], where the server may refuse to start.
    pub(crate) fn try_serve_with(self, settings: &[(&str, &str)]) -> Result<Server, Self> {
        Server::spawn(self.command(settings), self)
    }
}

impl Server {
    pub(crate) fn start() -> Self {
        Data::new().serve()
    }

    /// Runs what ends up as a server on `data`. `Err`: it did not start.
    pub(crate) fn spawn(mut command: Command, data: Data) -> Result<Self, Data> {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the server starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("a line");
        let Some((_, address)) = line.trim().rsplit_once("http://") else {
            child.wait().expect("reaped");
            return Err(data);
        };
        Ok(Self { address: address.to_owned(), child, data })
    }

    pub(crate) fn data(&self) -> &Path {
        self.data.directory.path()
    }

    /// What is left after a kill.
    pub(crate) fn kill(mut self) -> Data {
        self.child.kill().expect("killed");
        self.child.wait().expect("reaped");
        self.into_data()
    }

    fn into_data(mut self) -> Data {
        std::mem::replace(&mut self.data, Data::new())
    }

    /// Of the process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal, by its name.
    pub(crate) fn signal(&self, name: &str) {
        let (option, pid) = (format!("-{name}"), self.id().to_string());
        assert!(Command::new("kill").args([&option, &pid]).status().expect("kill runs").success());
    }

    /// Sends a signal again and again until the process has ended; gives the exit code.
    pub(crate) fn signal_until_ended(mut self, name: &str) -> (Data, Option<i32>) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("asked") {
                return (self.into_data(), status.code());
            }
            assert!(Instant::now() < deadline, "it ignores SIG{name}");
            // Not reaped yet, so the id is still its own.
            self.signal(name);
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// SIGTERM; gives the exit code.
    pub(crate) fn stop(self) -> (Data, Option<i32>) {
        self.signal("TERM");
        self.wait()
    }

    /// Waits for its end; gives the exit code.
    pub(crate) fn wait(mut self) -> (Data, Option<i32>) {
        let status = self.child.wait().expect("reaped");
        (self.into_data(), status.code())
    }

    /// A request; the status and the JSON body.
    pub(crate) fn call(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: Option<&Value>,
    ) -> (u16, Value) {
        let (status, text) =
            self.call_text(method, path, token, body.map(Value::to_string).as_deref());
        let value = if text.is_empty() {
            Value::Null
        } else {
            serde_json::from_str(&text).unwrap_or(Value::String(text))
        };
        (status, value)
    }

    pub(crate) fn call_text(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: Option<&str>,
    ) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).expect("connected");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        let body = body.unwrap_or_default();
        let authorization =
            token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: parlance\r\nConnection: close\r\nContent-Type: application/json\r\n{authorization}Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).expect("written");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("read");
        let answer = String::from_utf8(answer).expect("UTF-8");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        let status = head.split(' ').nth(1).expect("a status").parse().expect("a number");
        (status, body.to_owned())
    }

    /// Signs up.
    pub(crate) fn join(&self, handle: &str) -> Person {
        let body = json!({"handle": handle, "password": "correct horse", "name": handle});
        let (status, answer) = self.call("POST", "/v1/accounts", None, Some(&body));
        assert_eq!(status, 201, "{answer}");
        Person::new(&answer)
    }

    /// Signs in on another device.
    pub(crate) fn sign_in(&self, handle: &str) -> Person {
        let body = json!({"handle": handle, "password": "correct horse"});
        let (status, answer) = self.call("POST", "/v1/session", None, Some(&body));
        assert_eq!(status, 200, "{answer}");
        Person::new(&answer)
    }

    /// Opens a socket and says hello.
    pub(crate) fn connect(&self, person: &Person, cursor: Option<&str>) -> Socket {
        let mut socket = self.open();
        let mut hello = json!({"token": person.token});
        if let Some(cursor) = cursor {
            hello["cursor"] = json!(cursor);
        }
        socket.send(&json!({"hello": hello}));
        socket.ready = socket.expect("ready");
        socket
    }

    /// As [`Server::connect`], for a server that may die at any moment.
    pub(crate) fn try_connect(&self, person: &Person) -> Option<Socket> {
        let stream = TcpStream::connect(&self.address).ok()?;
        let mut socket = self.upgrade(stream)?;
        socket.send_unless_closed(&json!({"hello": {"token": person.token}}));
        match socket.stream.read() {
            Ok(Message::Text(text)) if text.starts_with("{\"ready\"") => Some(socket),
            Ok(other) => panic!("{other}"),
            Err(_) => None,
        }
    }

    /// Opens a socket and says nothing.
    pub(crate) fn open(&self) -> Socket {
        let stream = TcpStream::connect(&self.address).expect("connected");
        self.upgrade(stream).expect("upgraded")
    }

    fn upgrade(&self, stream: TcpStream) -> Option<Socket> {
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        let mut request =
            format!("ws://{}/v1/socket", self.address).into_client_request().expect("a request");
        let protocol = "parlance.v1.json".parse().expect("a header");
        request.headers_mut().insert("Sec-WebSocket-Protocol", protocol);
        let (socket, _) = tungstenite::client(request, stream).ok()?;
        Some(Socket { stream: socket, next: 1, ready: Value::Null, waiting: Vec::new() })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already; the test has said what it thinks of that.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Somebody who is signed in.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) account: String,
    pub(crate) token: String,
    pub(crate) refresh: String,
}

impl Person {
    fn new(answer: &Value) -> Self {
        let text = |field: &str| {
            answer[field].as_str().unwrap_or_else(|| panic!("{field} in {answer}")).to_owned()
        };
        Self {
            account: text("account"),
            token: text("access_token"),
            refresh: text("refresh_token"),
        }
    }
}

/// A socket that has said hello.
pub(crate) struct Socket {
    stream: WebSocket<TcpStream>,
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
    pub(crate) fn send(&mut self, frame: &Value) {
        self.send_text(&frame.to_string());
    }

    pub(crate) fn send_text(&mut self, text: &str) {
        self.stream.send(Message::text(text)).expect("sent");
    }

    /// Drops frames that came while others were waited for.
    pub(crate) fn forget(&mut self) {
        self.waiting.clear();
    }

    pub(crate) fn send_unless_closed(&mut self, frame: &Value) {
        // The server may have died; reading finds out.
        drop(self.stream.send(Message::text(frame.to_string())));
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
