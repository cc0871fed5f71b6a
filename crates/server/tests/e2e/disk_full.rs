//! A disk that fills up: sends are refused with a stable code, nothing acknowledged is lost, reads go on, and with room everything goes on.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::harness::{Data, Server};
use crate::socket::{Socket, texts};

/// Small segments fill up quickly.
const SEGMENT: (&str, &str) = ("PARLANCE__STORE__SEGMENT_MIB", "1");
/// More than any disk has.
const ALL: (&str, &str) = ("PARLANCE__STORE__RESERVE_MIB", "1000000000");

/// Sends until there is no room; gives the refusal, having added what was acknowledged to `sent`.
fn fill(socket: &mut Socket, conversation: &str, sent: &mut Vec<String>) -> Value {
    // Some segments at most, each of some tens of these.
    for number in 0..1_000 {
        let text = format!("{number} {}", "x".repeat(19_000));
        match socket.change(conversation, json!({"kind": "text", "text": text})) {
            Ok(_) => sent.push(text),
            Err(refusal) => return refusal,
        }
    }
    panic!("there is room for everything");
}

fn is_refused_for_room(refusal: &Value) {
    assert_eq!(refusal["code"], json!("storage_full"), "{refusal}");
    assert_eq!(refusal["retry"], json!("after"), "{refusal}");
}

fn ready(server: &Server) -> (u16, String) {
    server.call_text("GET", "/ready", None, None)
}

#[test]
fn without_room_sends_are_refused_and_what_was_acknowledged_stays() {
    let server = Data::new().serve_with(&[SEGMENT]);
    let (ada, bob) = (server.join("ada"), server.join("bob"));
    let mut socket = server.connect(&ada, None);
    let ok = socket.say_to(&bob.account, "before");
    let conversation = ok["conversation"].as_str().expect("an id").to_owned();
    let mut sent = vec!["before".to_owned()];

    let server = server.kill().serve_with(&[SEGMENT, ALL]);
    let ada = server.sign_in("ada");
    let mut socket = server.connect(&ada, None);
    is_refused_for_room(&fill(&mut socket, &conversation, &mut sent));
    // The refusal is of this moment, not of this connection, and reads go on.
    let text = json!({"kind": "text", "text": "again"});
    is_refused_for_room(&socket.change(&conversation, text).expect_err("refused"));
    assert_eq!(texts(&socket.history(&conversation)), sent);
    let body = json!({"message_id": crate::socket::message_id(), "body": {"kind": "text", "text": "by HTTP"}});
    let path = format!("/v1/conversations/{conversation}/messages");
    let (status, error) = server.call("POST", &path, Some(&ada.token), Some(&body));
    assert_eq!((status, &error["error"]["code"]), (507, &json!("storage_full")), "{error}");
    let (status, said) = ready(&server);
    assert_eq!((status, said.trim()), (503, "not ready: the disk is full"));
    let (_, metrics) = server.call_text("GET", "/metrics", None, None);
    assert!(metrics.lines().any(|line| line == "parlance_ready 0"), "{metrics}");
    let refused = metrics.lines().find(|line| line.contains("storage_full")).expect("counted");
    assert_eq!(refused.split(' ').next_back(), Some("3"), "{refused}");
    assert_eq!(server.call_text("GET", "/live", None, None).0, 200);

    let server = server.kill().serve_with(&[SEGMENT]);
    let ada = server.sign_in("ada");
    let mut socket = server.connect(&ada, None);
    assert_eq!(texts(&socket.history(&conversation)), sent);
    socket.say(&conversation, "and on");
    assert_eq!(ready(&server).0, 200);
}

/// A file system of its own that only the server and what looks through its eyes can see.
struct SmallDisk {
    place: tempfile::TempDir,
}

impl SmallDisk {
    /// `None`: this machine does not let us make one.
    fn new() -> Option<Self> {
        let unshare = Command::new("unshare").args(["-rm", "true"]).output();
        if !unshare.is_ok_and(|output| output.status.success()) {
            return None;
        }
        Some(Self { place: tempfile::tempdir().expect("a directory") })
    }

    /// Makes a command run with the disk mounted.
    fn around(&self, command: &Command) -> Command {
        let mut around = Command::new("unshare");
        let script = "mount -t tmpfs -o size=160m tmpfs \"$0\" && exec \"$@\"";
        around.args(["-rm", "sh", "-c", script]).arg(self.place.path());
        around.arg(command.get_program()).args(command.get_args());
        for (key, value) in command.get_envs() {
            around.env(key, value.expect("only set"));
        }
        around
    }

    fn path(&self) -> PathBuf {
        self.place.path().join("data")
    }

    /// The disk, as the server sees it.
    fn seen_by(&self, server: &Server) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", server.id()));
        root.join(self.place.path().strip_prefix("/").expect("absolute"))
    }
}

/// Takes all room but `left` MiB.
fn take_room(disk: &Path, left: usize) -> PathBuf {
    let path = disk.join("filler");
    let mut file = File::create(&path).expect("made");
    let mib = vec![1; 1 << 20];
    let mut written = 0;
    while file.write_all(&mib).is_ok() {
        written += 1;
        assert!(written < 200, "a disk of 160 MiB takes {written}");
    }
    file.set_len((written - left as u64) << 20).expect("shortened");
    path
}

#[test]
fn a_disk_that_is_really_full_recovers_when_there_is_room() {
    let Some(disk) = SmallDisk::new() else { return };
    let settings = [SEGMENT, ("PARLANCE__STORE__RESERVE_MIB", "8")];
    let data = Data::at(disk.path());
    let command = disk.around(&data.command(&settings));
    let Ok(server) = Server::spawn(command, data) else { panic!("the server did not start") };
    let (ada, bob) = (server.join("ada"), server.join("bob"));
    let mut socket = server.connect(&ada, None);
    let ok = socket.say_to(&bob.account, "before");
    let conversation = ok["conversation"].as_str().expect("an id").to_owned();
    let mut sent = vec!["before".to_owned()];

    for _ in 0..2 {
        let filler = take_room(&disk.seen_by(&server), 12);
        is_refused_for_room(&fill(&mut socket, &conversation, &mut sent));
        assert_eq!(ready(&server).0, 503);
        assert_eq!(texts(&socket.history(&conversation)), sent);

        std::fs::remove_file(filler).expect("removed");
        assert_eq!(ready(&server).0, 200);
        socket.say(&conversation, "and on");
        sent.push("and on".to_owned());
        assert_eq!(texts(&socket.history(&conversation)), sent);
    }
    assert_eq!(server.stop().1, Some(0));
}
