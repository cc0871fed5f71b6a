//! A server of its own for each test, people who sign up, and what they ask for by HTTP.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::private;
use crate::socket::Socket;
use crate::trust::{Stream, Trust};

/// How long anything may take before the test fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

const CONFIG: &str = "[server]\ndrain_seconds = 2\n[accounts.argon2]\nmemory_kib = 8\niterations = 1\nlanes = 1\n\
    [limits]\nsign_up_address.burst = 0\ncommands_account.burst = 0\ncommands_device.burst = 0\n";

/// The file beside a data directory that its servers log to.
const LOG: &str = "server.log";

/// A running server and its data directory.
pub(crate) struct Server {
    pub(crate) address: String,
    child: Child,
    data: Data,
    log: PathBuf,
    /// Whom its clients trust, where connections are secure.
    trust: Option<Trust>,
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
        let mut data = Self::new();
        data.path = path;
        data
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.path.clone()
    }

    /// Every server on this directory writes on.
    fn log(&self) -> std::fs::File {
        let path = self.directory.path().join(LOG);
        std::fs::File::options().create(true).append(true).open(path).expect("a log")
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
            .env("RUST_LOG", "debug")
            .stderr(self.log())
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
        let Some((_, address)) = line.trim().rsplit_once("://") else {
            child.wait().expect("reaped");
            return Err(data);
        };
        let log = data.directory.path().join(LOG);
        Ok(Self { address: address.to_owned(), child, data, log, trust: None })
    }

    /// From now on everything is asked over TLS.
    pub(crate) fn trusting(mut self, trust: Trust) -> Self {
        self.trust = Some(trust);
        self
    }

    /// A connection, over which nothing was said yet.
    fn stream(&self) -> Stream {
        let stream = TcpStream::connect(&self.address).expect("connected");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        match &self.trust {
            None => Stream::Plain(stream),
            Some(trust) => trust.over(stream),
        }
    }

    pub(crate) fn data(&self) -> &Path {
        self.data.directory.path()
    }

    /// What it and those before it on its directory have said.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).expect("a log")
    }

    /// Its data directory.
    pub(crate) fn store(&self) -> PathBuf {
        self.data.path()
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
        self.call_bytes(method, path, token, body.unwrap_or_default().as_bytes())
    }

    /// As [`Server::call_text`], with a body that may be anything.
    pub(crate) fn call_bytes(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: &[u8],
    ) -> (u16, String) {
        let (head, body) = self.call_whole(method, path, token, body);
        let status = head.split(' ').nth(1).expect("a status").parse().expect("a number");
        (status, body)
    }

    /// As [`Server::call_bytes`]; the head of the answer, and its body.
    pub(crate) fn call_whole(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: &[u8],
    ) -> (String, String) {
        let authorization =
            token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
        self.call_with(method, path, &authorization, body)
    }

    /// As [`Server::call_whole`], with these lines in the head of the request.
    pub(crate) fn call_with(
        &self,
        method: &str,
        path: &str,
        more: &str,
        body: &[u8],
    ) -> (String, String) {
        if let Ok(said) = serde_json::from_slice(body) {
            private::note(&said);
        }
        let mut stream = self.stream();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: parlance\r\nConnection: close\r\nContent-Type: application/json\r\n{more}Content-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(request.as_bytes()).expect("written");
        stream.write_all(body).expect("written");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("read");
        let answer = String::from_utf8(answer).expect("UTF-8");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        if let Ok(heard) = serde_json::from_str(body) {
            private::note(&heard);
        }
        (head.to_owned(), body.to_owned())
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
        self.sign_in_with(handle, "correct horse")
    }

    pub(crate) fn sign_in_with(&self, handle: &str, password: &str) -> Person {
        let body = json!({"handle": handle, "password": password});
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
        let mut socket = Socket::upgrade(&self.address, stream)?;
        socket.send_unless_closed(&json!({"hello": {"token": person.token}}));
        socket.is_greeted().then_some(socket)
    }

    /// Opens a socket and says nothing.
    pub(crate) fn open(&self) -> Socket {
        Socket::upgrade(&self.address, self.stream()).expect("upgraded")
    }
}

impl Drop for Server {
    #[expect(
        clippy::print_stdout,
        reason = "of a test that failed, its output is where people look"
    )]
    fn drop(&mut self) {
        // It may have ended already; the test has said what it thinks of that.
        drop(self.child.kill());
        drop(self.child.wait());
        if std::thread::panicking()
            && let Ok(log) = std::fs::read(&self.log)
        {
            let end = &log[log.len().saturating_sub(4_096)..];
            println!("the end of the log: {}", String::from_utf8_lossy(end));
        }
    }
}

impl Drop for Data {
    /// Searches what all servers on this directory have logged: once, when all that is private is known.
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let Ok(log) = std::fs::read(self.directory.path().join(LOG)) else { return };
        if let Some((private, line)) = private::found_in(&log) {
            panic!("{private:?} is in a log: {line}");
        }
    }
}

/// Looks again and again; fails if it never is so.
pub(crate) fn wait_until(what: &str, mut is: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is() {
        assert!(Instant::now() < deadline, "never {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Somebody who is signed in.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) account: String,
    pub(crate) token: String,
    pub(crate) refresh: String,
    pub(crate) session: String,
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
            session: text("session"),
        }
    }
}
