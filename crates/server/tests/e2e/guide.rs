//! `docs/write-a-client.md`, followed to the letter: its blocks are the program, with the library that it pins, and it has to live through what
//! the document promises.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use crate::backup::{backup, restore};
use crate::harness::{Data, Server, wait_until};
use crate::sdk::Network;
use crate::socket::{Socket, texts};

fn document() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/write-a-client.md");
    std::fs::read_to_string(path).expect("the document is there")
}

/// Its blocks of one language, one after the other.
fn blocks(document: &str, language: &str) -> String {
    let parts = document.split("```").skip(1).step_by(2);
    parts.filter_map(|block| block.strip_prefix(language)?.strip_prefix('\n')).collect()
}

/// A Python with what the document says to install, kept in the user's cache from run to run.
fn python() -> PathBuf {
    let install = blocks(&document(), "sh");
    let library = install.split_whitespace().find(|word| word.contains("==")).expect("a pin");
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    let folder = cache.or(home).expect("a user has a cache").join("parlance-ci");
    let python = folder.join(format!("python-{library}/bin/python"));
    let has = |python: &Path| {
        let command = Command::new(python).args(["-c", "import websockets.asyncio"]).status();
        command.is_ok_and(|status| status.success())
    };
    if !python.exists() || !has(&python) {
        let venv = folder.join(format!("python-{library}"));
        let made = Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv).status();
        assert!(made.expect("python3 is installed").success(), "its module venv is missing");
        let pip = ["-m", "pip", "install", "--quiet", library];
        assert!(Command::new(&python).args(pip).status().expect("pip runs").success());
    }
    python
}

/// The program of the document, as Bob uses it.
struct Guide {
    folder: tempfile::TempDir,
    python: PathBuf,
}

struct Running {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Guide {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("client.py"), blocks(&document(), "python"))
            .expect("written");
        Self { folder, python: python() }
    }

    fn run(&self, url: &str) -> Running {
        let mut command = Command::new(&self.python);
        command.args(["client.py", url, "bob", "bob.db"]).current_dir(self.folder.path());
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("it starts");
        let input = child.stdin.take().expect("piped");
        let output = BufReader::new(child.stdout.take().expect("piped"));
        let mut running = Running { child, input, output };
        running.say("correct horse");
        running
    }

    /// Whether the program stored this, committed or about to be.
    fn keeps(&self, text: &str) -> bool {
        let bytes = std::fs::read(self.folder.path().join("bob.db")).expect("it stores something");
        bytes.windows(text.len()).any(|part| part == text.as_bytes())
    }
}

impl Running {
    fn say(&mut self, line: &str) {
        writeln!(self.input, "{line}").expect("it reads");
    }

    fn next(&mut self) -> Value {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("a line");
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line:?}"))
    }

    /// The next messages are these.
    fn shows(&mut self, expected: &[&str]) {
        for expected in expected {
            let shown = self.next();
            assert_eq!(shown["text"], json!(expected), "{shown}");
        }
    }
}

impl Drop for Running {
    /// As `kill -9` does.
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn url(server: &Server) -> String {
    format!("http://{}", server.address)
}

fn hear(socket: &mut Socket, text: &str) -> Value {
    socket.expect_where("event", |event| event["body"]["text"] == json!(text))
}

#[test]
fn a_client_written_in_an_hour_loses_and_repeats_nothing() {
    let guide = Guide::new();
    let server = Server::start();
    let ada = server.join("ada");
    let mut on_ada = server.connect(&ada, None);
    let network = Network::new(&server, &[]);
    let mut client = guide.run(&network.url);
    client.say("ada hello");
    let heard = hear(&mut on_ada, "hello");
    client.shows(&["hello"]);
    let conversation = heard["conversation"].as_str().expect("an id");
    on_ada.say(conversation, "hello to you");
    client.shows(&["hello to you"]);
    // It tells that it was read.
    on_ada.expect_where("mark", |mark| mark["marks"][0]["read"] == json!(3));

    let folder = tempfile::tempdir().expect("a folder");
    let copy = folder.path().join("copy");
    assert!(backup(&server.store(), &copy).status.success());

    // Killed while what it says does not arrive; then there is more than a page to catch up with.
    network.mute.store(true, Ordering::Relaxed);
    client.say("ada are you there?");
    wait_until("kept", || guide.keeps("are you there?"));
    drop(client);
    let missed: Vec<String> = (0..150).map(|number| format!("missed {number}")).collect();
    for text in &missed {
        on_ada.say(conversation, text);
    }
    let mut client = guide.run(&url(&server));
    let name = hear(&mut on_ada, "are you there?")["message_id"].clone();
    let mut shown: Vec<String> = Vec::new();
    while shown.len() < missed.len() + 1 {
        shown.push(client.next()["text"].as_str().expect("a text").to_owned());
    }
    let history = texts(&on_ada.history(conversation));
    assert_eq!(shown, history[2..]);

    // A server that goes down and comes back.
    drop(client);
    let (data, _) = server.stop();
    let server = data.serve();
    let mut on_ada = server.connect(&ada, None);
    let mut client = guide.run(&url(&server));
    on_ada.say(conversation, "again");
    client.shows(&["again"]);
    drop(client);

    // One that comes back from the backup: what it forgot is dropped, and own words are offered again, under the same name.
    server.stop();
    let restored = folder.path().join("restored");
    assert!(restore(&copy, &restored).status.success());
    let server = Data::at(restored).serve();
    let ada = server.sign_in("ada");
    let mut on_ada = server.connect(&ada, None);
    let mut client = guide.run(&url(&server));
    assert_eq!(client.next()["dropped_above"], json!(3));
    assert_eq!(hear(&mut on_ada, "are you there?")["message_id"], name);
    client.shows(&["are you there?"]);
    on_ada.say(conversation, "I am");
    let shown = client.next();
    let history = on_ada.history(conversation);
    assert_eq!(texts(&history), ["hello", "hello to you", "are you there?", "I am"]);
    assert_eq!(shown["hash"], history[4]["hash"], "so everything before is the same too");
}
