//! What the Rust SDK does by itself, in its examples as their users run them: remembers, comes back, and finds a way in.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::client::example;
use crate::harness::{Server, wait_until};
use crate::socket::texts;

const PASSWORD: &str = "correct horse\n";

/// A running example.
struct Program {
    child: Child,
    out: BufReader<ChildStdout>,
}

impl Program {
    fn start(name: &str, arguments: &[&str]) -> Self {
        let mut command = Command::new(example(name));
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("it starts");
        // It does not read where it is signed in already.
        drop(child.stdin.take().expect("piped").write_all(PASSWORD.as_bytes()));
        let out = BufReader::new(child.stdout.take().expect("piped"));
        Self { child, out }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.out.read_line(&mut line).expect("a line");
        line.trim_end().to_owned()
    }

    /// The next line, as JSON, of an event that is a message.
    fn message(&mut self) -> Value {
        loop {
            let line = self.line();
            let value: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line:?}"));
            if value["event"]["body"]["kind"] == json!("text") {
                return value["event"].clone();
            }
        }
    }

    /// As `kill -9` does.
    fn kill(mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("reaped");
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A network between client and server that does not let everything through.
pub(crate) struct Network {
    pub(crate) url: String,
    /// Nothing of what clients say over sockets goes on.
    pub(crate) mute: Arc<AtomicBool>,
    /// Connections that were refused for what they asked for.
    refused: Arc<AtomicUsize>,
}

impl Network {
    /// Refuses requests whose head contains one of these.
    pub(crate) fn new(server: &Server, bans: &'static [&'static str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bound");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let (mute, refused) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
        let network = Self { url, mute: mute.clone(), refused: refused.clone() };
        let to = server.address.clone();
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let (client, mute) = (client.expect("accepted"), mute.clone());
                let (to, refused) = (to.clone(), refused.clone());
                std::thread::spawn(move || carry(client, &to, bans, &mute, &refused));
            }
        });
        network
    }
}

fn carry(mut client: TcpStream, to: &str, bans: &[&str], mute: &AtomicBool, refused: &AtomicUsize) {
    let Ok(mut server) = TcpStream::connect(to) else { return };
    let (mut back, mut answers) =
        (client.try_clone().expect("one"), server.try_clone().expect("one"));
    std::thread::spawn(move || {
        drop(std::io::copy(&mut answers, &mut back));
        drop(back.shutdown(Shutdown::Both));
    });
    let (mut buffer, mut is_socket) = (vec![0; 64 * 1024], false);
    while let Ok(count @ 1..) = client.read(&mut buffer) {
        let said = String::from_utf8_lossy(&buffer[..count]).to_lowercase();
        if bans.iter().any(|ban| said.contains(ban)) {
            refused.fetch_add(1, Ordering::Relaxed);
            drop(client.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"));
            break;
        }
        let muted = is_socket && mute.load(Ordering::Relaxed);
        is_socket |= said.contains("upgrade: websocket");
        if !muted && server.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    drop(server.shutdown(Shutdown::Both));
}

fn outbox(state: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(state).expect("it was written");
    let value: Value = serde_json::from_str(&text).expect("it is whole at any moment");
    value["saved"]["outbox"].as_array().expect("an outbox").clone()
}

#[test]
fn examples_say_how_they_are_used() {
    for name in ["tail", "echo_bot"] {
        let output = Command::new(example(name)).arg("--help").output().expect("it runs");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.contains("--state <FILE>"), "{said}");
    }
}

#[test]
fn a_bot_that_is_killed_in_mid_send_sends_the_same_again_and_answers_nothing_twice() {
    example("echo_bot");
    let server = Server::start();
    let network = Network::new(&server, &[]);
    let folder = tempfile::tempdir().expect("a folder");
    let state = folder.path().join("bot.json");
    let state_text = state.to_str().expect("UTF-8");
    let mut bot = Program::start("echo_bot", &[&network.url, "bot", "--state", state_text]);
    let bot_account = bot.line().strip_prefix("ready as ").expect("ready").to_owned();

    let ada = server.join("ada");
    let mut on_ada = server.connect(&ada, None);
    let conversation = on_ada.say_to(&bot_account, "one")["conversation"].clone();
    let conversation = conversation.as_str().expect("an id");
    let answer = |seq| move |event: &Value| event["reply_to"] == json!(seq);
    on_ada.expect_where("event", answer(2));
    wait_until("acknowledged", || outbox(&state).is_empty());

    network.mute.store(true, Ordering::Relaxed);
    let seq = on_ada.say(conversation, "two")["seq"].clone();
    wait_until("kept", || !outbox(&state).is_empty());
    bot.kill();
    let name = outbox(&state)[0]["message_id"].clone();

    // The network forgets; the file does not. Another one may not be this device at the same time.
    let mut bot = Program::start(
        "echo_bot",
        &[&format!("http://{}", server.address), "bot", "--state", state_text],
    );
    assert_eq!(bot.line(), format!("ready as {bot_account}"));
    let second = Command::new(example("echo_bot"))
        .args([&network.url, "bot", "--state", state_text])
        .output();
    assert!(!second.expect("it runs").status.success());
    let event = on_ada.expect_where("event", |event| event["reply_to"] == seq);
    assert_eq!((&event["message_id"], &event["body"]["text"]), (&name, &json!("two")));
    wait_until("acknowledged", || outbox(&state).is_empty());
    let seq = on_ada.say(conversation, "three")["seq"].clone();
    on_ada.expect_where("event", |event| event["reply_to"] == seq);
    assert_eq!(
        texts(&on_ada.history(conversation)),
        ["one", "one", "two", "two", "three", "three"]
    );
}

#[test]
fn a_reader_goes_on_behind_what_it_printed() {
    example("tail");
    let server = Server::start();
    let (ada, bob) = (server.join("ada"), server.join("bob"));
    let mut on_ada = server.connect(&ada, None);
    let conversation = on_ada.say_to(&bob.account, "one")["conversation"].clone();
    let conversation = conversation.as_str().expect("an id");
    let folder = tempfile::tempdir().expect("a folder");
    let state = folder.path().join("bob.json");
    let url = format!("http://{}", server.address);
    let arguments =
        [&url, "bob", "--json", "--compress", "--state", state.to_str().expect("UTF-8")];
    let mut tail = Program::start("tail", &arguments);
    assert_eq!(tail.message()["body"]["text"], json!("one"));
    let long = "two ".repeat(1_000);
    on_ada.say(conversation, &long);
    assert_eq!(tail.message()["body"]["text"], json!(long));
    let positions = || std::fs::read_to_string(&state).expect("written").contains("\"local\":3");
    wait_until("kept", positions);
    tail.kill();
    on_ada.say(conversation, "three");
    let mut tail = Program::start("tail", &arguments);
    assert_eq!(tail.message()["body"]["text"], json!("three"), "and not what was printed before");

    // For people, and only where it was asked for.
    let other = on_ada.create("other", &[&bob]);
    on_ada.say(&other, "elsewhere");
    on_ada.say(conversation, "last\nline");
    let mut tail =
        Program::start("tail", &[&url, "bob", "--lines", "1", "--conversation", conversation]);
    let expected = format!("{conversation}\t5\tada\tlast\\nline");
    assert_eq!(tail.line(), expected);
}

#[test]
fn where_no_socket_and_no_stream_get_through_polls_do() {
    example("tail");
    let server = Server::start();
    let (ada, bob) = (server.join("ada"), server.join("bob"));
    let mut on_ada = server.connect(&ada, None);
    on_ada.say_to(&bob.account, "hello");
    for (bans, refused) in
        [(&["upgrade: websocket"][..], 2), (&["upgrade: websocket", "get /v1/events"], 4)]
    {
        let network = Network::new(&server, bans);
        let mut tail = Program::start("tail", &[&network.url, "bob", "--json", "--lines", "1"]);
        assert_eq!(tail.message()["body"]["text"], json!("hello"));
        assert_eq!(network.refused.load(Ordering::Relaxed), refused);
        on_ada.say_to(&bob.account, "hello");
        assert_eq!(tail.message()["body"]["text"], json!("hello"), "and it is live");
    }
}
