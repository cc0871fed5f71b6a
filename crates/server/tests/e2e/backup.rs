//! Backups of a server under load, what becomes of them, and how clients find out.

use std::path::Path;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use parlance_client::{Client, Entry, Saved, Secret, SignIn, Update};
use parlance_types::frame::Place;
use parlance_types::{Action, ConversationId, MessageText};
use serde_json::{Value, json};

use crate::harness::{Data, PATIENCE, Person, Server};

/// Rows are written early, so that a backup has some of everything.
const SETTINGS: &[(&str, &str)] =
    &[("PARLANCE__STORE__TAILS_MIB", "1"), ("PARLANCE__STORE__SEGMENT_MIB", "1")];

fn parlance(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_parlance"));
    command.args(args);
    command
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

fn done(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn refused(output: &Output, words: &[&str]) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert_eq!(said.trim_end().lines().count(), 1, "{said}");
    for word in words {
        assert!(said.contains(word), "{word} in {said}");
    }
}

pub(crate) fn backup(data: &Path, into: &Path) -> Output {
    let args = ["backup", text(into), "--data", text(data), "--format", "json"];
    parlance(&args).output().expect("it runs")
}

pub(crate) fn restore(from: &Path, into: &Path) -> Output {
    let args = ["restore", text(from), "--data", text(into), "--format", "json"];
    parlance(&args).output().expect("it runs")
}

/// Finds nothing wrong.
fn verify(data: &Path) {
    let output = parlance(&["verify", "--data", text(data), "--format", "json"]).output();
    let report = done(&output.expect("it runs"));
    assert_eq!(report["problem_count"], json!(0), "{report}");
}

/// Sends until it is told to stop; gives each text with its `ok`.
fn flood(server: &Server, person: &Person, group: &str, flood: &Flood) -> Vec<(String, Value)> {
    let mut socket = server.connect(person, None);
    let mut sent = Vec::new();
    while !flood.stop.load(Ordering::Relaxed) {
        let text = format!("{} {} {}", person.account, sent.len(), "x".repeat(700));
        let ok = socket.change(group, json!({"kind": "text", "text": text})).expect("taken");
        sent.push((text, ok));
        flood.acknowledged.fetch_add(1, Ordering::Relaxed);
    }
    sent
}

#[derive(Default)]
struct Flood {
    stop: AtomicBool,
    acknowledged: AtomicUsize,
}

impl Flood {
    /// Until so many more are acknowledged.
    fn wait_for(&self, more: usize) {
        let until = self.acknowledged.load(Ordering::Relaxed) + more;
        let deadline = Instant::now() + PATIENCE;
        while self.acknowledged.load(Ordering::Relaxed) < until {
            assert!(Instant::now() < deadline, "the flood has dried up");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Somebody with the SDK.
struct Friend {
    saved: Saved,
    /// Own messages of the group by their seq.
    own: Vec<(u64, Entry)>,
}

fn credentials() -> SignIn {
    SignIn {
        handle: "friend".parse().expect("a handle"),
        password: Secret::new("correct horse"),
        device_name: None,
    }
}

fn message(text: &str) -> Action {
    Action::Send {
        to: None,
        text: MessageText::new(text).expect("short"),
        entities: Vec::new(),
        reply_to: None,
        seen: None,
        silent: false,
    }
}

impl Friend {
    fn runtime() -> tokio::runtime::Runtime {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_all().build().expect("a runtime")
    }

    /// Writes one message after the other until it is told to stop.
    async fn chat(url: String, group: ConversationId, stop: &AtomicBool) -> Self {
        let client = Client::sign_in(&url, &credentials()).await.expect("signed in");
        let mut connection = client.connect(Saved::default(), 10_000).expect("connected");
        let mut own = Vec::new();
        let mut count = 0;
        let mut waiting = None;
        loop {
            let is_over = stop.load(Ordering::Relaxed);
            if waiting.is_none() && is_over {
                // What was handed over already is still to be taken.
                if let Some(saved) = connection.saved() {
                    return Self { saved, own };
                }
            } else if waiting.is_none() {
                count += 1;
                let action = message(&format!("friend {count}"));
                let place = Place::Conversation(group);
                let message_id = connection.send(place.clone(), action.clone()).expect("named");
                waiting = Some(Entry { message_id, place, action });
            }
            let update = tokio::time::timeout(PATIENCE, connection.next()).await;
            if let Update::Sent { message_id, seq, .. } = update.expect("in time").expect("live")
                && let Some(entry) = waiting.take_if(|entry| entry.message_id == message_id)
            {
                own.push((seq.get(), entry));
            }
        }
    }

    /// Meets a server whose history ends earlier, and sends again what it lacks. Gives where the histories part.
    async fn repair(mut self, url: &str, group: ConversationId) -> u64 {
        let client = Client::sign_in(url, &credentials()).await.expect("signed in");
        let mut connection = client.connect(self.saved.clone(), 10_000).expect("connected");
        let next = async |connection: &mut parlance_client::Connection| {
            let update = tokio::time::timeout(PATIENCE, connection.next()).await;
            update.expect("in time").expect("live")
        };
        let prefix = loop {
            match next(&mut connection).await {
                Update::Truncated { conversation, prefix } if conversation == group => {
                    break prefix.map_or(0, parlance_types::Seq::get);
                }
                _ => {}
            }
        };
        // The cursor comes when everything is as the server has it.
        while !matches!(next(&mut connection).await, Update::Cursor(_)) {}
        self.own.retain(|(seq, _)| *seq > prefix);
        let mut saved = connection.saved().expect("ready");
        saved.outbox = self.own.iter().map(|(_, entry)| entry.clone()).collect();
        drop(connection);
        let client = Client::sign_in(url, &credentials()).await.expect("signed in");
        let mut connection = client.connect(saved, 10_000).expect("connected");
        while !self.own.is_empty() {
            if let Update::Sent { message_id, .. } = next(&mut connection).await {
                self.own.retain(|(_, entry)| entry.message_id != message_id);
            }
        }
        prefix
    }
}

#[test]
fn a_backup_of_a_flood_lacks_nothing_older_and_clients_repair_themselves() {
    let folder = tempfile::tempdir().expect("a directory");
    let (copy, again) = (folder.path().join("backup"), Data::new());
    let server = Data::new().serve_with(SETTINGS);
    let people: Vec<Person> = (0..3).map(|n| server.join(&format!("person{n}"))).collect();
    let friend = server.join("friend");
    let mut members: Vec<&Person> = people[1..].iter().collect();
    members.push(&friend);
    let group = server.connect(&people[0], None).create("flood", &members);
    let id: ConversationId = group.parse().expect("an id");
    let storm = Flood::default();
    let url = format!("http://{}", server.address);

    let (sent, before, friend) = std::thread::scope(|scope| {
        let senders: Vec<_> = people
            .iter()
            .map(|person| scope.spawn(|| flood(&server, person, &group, &storm)))
            .collect();
        let friend = scope.spawn(|| Friend::runtime().block_on(Friend::chat(url, id, &storm.stop)));
        storm.wait_for(1_500);
        let before = storm.acknowledged.load(Ordering::Relaxed);
        let report = done(&backup(&server.store(), &copy));
        assert!(report["bytes"].as_u64().expect("a number") > 0, "{report}");
        storm.wait_for(100);
        storm.stop.store(true, Ordering::Relaxed);
        let sent: Vec<_> = senders.into_iter().map(|sender| sender.join().expect("sent")).collect();
        (sent, before, friend.join().expect("chatted"))
    });
    let acknowledged: Vec<_> = sent.into_iter().flatten().collect();
    let epoch = server.connect(&people[0], None).ready["epoch"].clone();
    server.kill();

    let report = done(&restore(&copy, &again.path()));
    assert_ne!(report["epoch"], epoch);
    verify(&again.path());
    let server = again.serve();
    let (status, error) = server.call("GET", "/v1/me", Some(&people[0].token), None);
    assert_eq!(status, 401, "{error}");
    let reader = server.sign_in("person0");
    let mut socket = server.connect(&reader, None);
    assert_eq!(socket.ready["epoch"], report["epoch"]);
    let events = socket.history(&group);
    for (index, event) in events.iter().enumerate() {
        assert_eq!(event["seq"], json!(index + 1), "dense");
    }
    // Of each sender all are there up to some message: what is missing was acknowledged after the backup began.
    let there = acknowledged.iter().filter(|(text, ok)| {
        let seq = ok["seq"].as_u64().expect("a number") as usize;
        let Some(event) = events.get(seq - 1) else { return false };
        assert_eq!((&event["body"]["text"], &event["hash"]), (&json!(text), &ok["hash"]));
        true
    });
    let there = there.count();
    assert!(there >= before, "{there} of {before} that were acknowledged before");
    assert!(there < acknowledged.len(), "the backup ended before the flood");

    let own = friend.own.clone();
    let url = format!("http://{}", server.address);
    let prefix = Friend::runtime().block_on(friend.repair(&url, id));
    // By the hashes that the client kept, which are not those of every event.
    assert!((1..=events.len() as u64).contains(&prefix), "{prefix} of {}", events.len());
    let events = socket.history(&group);
    for (_, entry) in own {
        let id = json!(entry.message_id);
        assert_eq!(events.iter().filter(|event| event["message_id"] == id).count(), 1);
    }
}

/// A server with a little of everything, stopped.
fn small() -> (Data, String) {
    let server = Data::new().serve_with(SETTINGS);
    let (ada, bob) = (server.join("ada"), server.join("bob"));
    let mut socket = server.connect(&ada, None);
    let ok = socket.say_to(&bob.account, "hello");
    let conversation = ok["conversation"].as_str().expect("an id").to_owned();
    for number in 0..40 {
        socket.say(&conversation, &format!("{number} {}", "y".repeat(9_000)));
    }
    (server.stop().0, conversation)
}

fn entries(folder: &Path) -> usize {
    std::fs::read_dir(folder).map_or(0, Iterator::count)
}

#[test]
fn what_cannot_be_backed_up_or_restored_is_said_and_leaves_nothing() {
    let folder = tempfile::tempdir().expect("a directory");
    let place = |name: &str| folder.path().join(name);
    let (data, _) = small();
    // Without a server.
    done(&backup(&data.path(), &place("one")));
    refused(&backup(&data.path(), &place("one")), &["not empty", "choose another"]);
    refused(&restore(&place("one"), &data.path()), &["not empty"]);
    refused(&backup(&place("nowhere"), &place("two")), &["no data directory"]);
    refused(&restore(&place("nowhere"), &place("two")), &["not a backup"]);
    std::fs::create_dir(place("empty")).expect("made");
    refused(&restore(&place("empty"), &place("two")), &["not a backup"]);

    // Every file counts, each byte of it.
    for name in ["rows", "accounts.sqlite", "journal/MANIFEST", "backup.json"] {
        let file = place("one").join(name);
        let whole = std::fs::read(&file).expect("read");
        let mut changed = whole.clone();
        let middle = changed.len() / 2;
        changed[middle] ^= 4;
        std::fs::write(&file, &changed).expect("written");
        refused(&restore(&place("one"), &place("two")), &["damaged", name]);
        std::fs::remove_file(&file).expect("removed");
        let word = if name == "backup.json" { "not a backup" } else { "missing" };
        refused(&restore(&place("one"), &place("two")), &[word]);
        assert!(!place("two").exists(), "nothing is left");
        std::fs::write(&file, whole).expect("written");
    }

    // A disk that may take no more than so much of a file.
    for kib in [1, 16, 64, 256] {
        let script = format!("trap '' XFSZ; ulimit -f {kib}; exec \"$@\"");
        let limited = |args: &[&str]| {
            let mut command = Command::new("sh");
            command.args(["-c", &script, "sh", env!("CARGO_BIN_EXE_parlance")]).args(args);
            command.output().expect("it runs")
        };
        let (into, empty) = (place("three"), place("empty"));
        let output = limited(&["restore", text(&place("one")), "--data", text(&into)]);
        refused(&output, &[]);
        assert!(!into.exists(), "{kib}");
        refused(&limited(&["restore", text(&place("one")), "--data", text(&empty)]), &[]);
        assert_eq!(entries(&empty), 0, "{kib}");
    }
    done(&restore(&place("one"), &place("empty")));
    verify(&place("empty"));
}

#[test]
fn a_backup_leaves_room_for_the_server() {
    let (data, _) = small();
    let folder = tempfile::tempdir().expect("a directory");
    let server = data.serve_with(&[("PARLANCE__STORE__RESERVE_MIB", "1000000000")]);
    let into = folder.path().join("backup");
    refused(&backup(&server.store(), &into), &["no backup", "not enough room", "make room"]);
    assert!(!into.exists());
    refused(&backup(&server.store(), &server.store()), &["not empty"]);
}

#[test]
fn what_a_killed_restoring_left_is_refused() {
    let (data, conversation) = small();
    let folder = tempfile::tempdir().expect("a directory");
    let (copy, again) = (folder.path().join("backup"), Data::new());
    done(&backup(&data.path(), &copy));
    let args = ["restore", text(&copy), "--data", text(&again.path())].map(str::to_owned);
    let (tell, told) = mpsc::channel();
    let into = again.path();
    // Killed as soon as there is anything.
    let killer = std::thread::spawn(move || {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let mut child = parlance(&args).spawn().expect("it runs");
        while !into.join("RESTORING").exists() && child.try_wait().expect("asked").is_none() {
            std::thread::yield_now();
        }
        child.kill().expect("killed");
        child.wait().expect("reaped");
        tell.send(into.join("RESTORING").exists()).expect("heard");
    });
    killer.join().expect("ended");
    if told.recv().expect("told") {
        let output =
            parlance(&["serve", "--listen", "127.0.0.1:0", "--data", text(&again.path())]).output();
        let said = String::from_utf8_lossy(&output.expect("it ends").stderr).into_owned();
        assert!(said.contains("cut short") && said.contains("restore again"), "{said}");
        std::fs::remove_dir_all(again.path()).expect("removed");
    }
    done(&restore(&copy, &again.path()));
    let server = again.serve();
    let ada = server.sign_in("ada");
    assert_eq!(server.connect(&ada, None).history(&conversation).len(), 42);
}
