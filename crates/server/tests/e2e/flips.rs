//! `parlance verify` against bits that change at rest: each is named, or everything acknowledged still reads back equal.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::harness::{Data, Person, Server};
use crate::socket::Socket;

pub(crate) const SETTINGS: &[(&str, &str)] = &[("PARLANCE__STORE__SEGMENT_MIB", "1")];
pub(crate) const HANDLES: [&str; 4] = ["ada", "bob", "cyd", "dee"];

/// How many bits are flipped: a hundred, or as `PARLANCE_FLIPS` says.
#[expect(
    clippy::disallowed_methods,
    reason = "the long run of `cargo xtask ci` asks for more flips in this way"
)]
fn flips() -> u64 {
    std::env::var("PARLANCE_FLIPS").ok().and_then(|flips| flips.parse().ok()).unwrap_or(100)
}

/// A generator that is the same everywhere (splitmix64).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

/// What people saw acknowledged: by conversation, seq and hash.
pub(crate) type Acknowledged = BTreeMap<(String, u64), String>;

fn note(acknowledged: &mut Acknowledged, ok: &Value) {
    let text = |field: &str| ok[field].as_str().expect("a text").to_owned();
    acknowledged.insert((text("conversation"), ok["seq"].as_u64().expect("a seq")), text("hash"));
}

/// Messages, edits, deletions, reactions and marks in two groups and some 1:1 conversations.
fn live(server: &Server, people: &[Person], round: u64, acknowledged: &mut Acknowledged) {
    let mut sockets: Vec<Socket> =
        people.iter().map(|person| server.connect(person, None)).collect();
    let members: Vec<&Person> = people[1..].iter().collect();
    let groups = ["one", "two"].map(|key| sockets[0].create(key, &members));
    for number in 0..30 {
        for (index, socket) in sockets.iter_mut().enumerate() {
            let text = format!("round {round}, number {number} of {index}");
            let ok = socket.say(&groups[number % 2], &text);
            let target = ok["seq"].clone();
            note(acknowledged, &ok);
            let change = match (number + index) % 5 {
                0 => {
                    json!({"kind": "edit", "target": target, "body": {"kind": "text", "text": format!("{text}, edited")}})
                }
                1 => json!({"kind": "delete", "target": target}),
                2 => json!({"kind": "react", "target": target, "emoji": "👍"}),
                _ => continue,
            };
            note(acknowledged, &socket.change(&groups[number % 2], change).expect("accepted"));
        }
        let to = &people[number % people.len()].account;
        note(acknowledged, &sockets[0].say_to(to, &format!("to you, {round}/{number}")));
    }
    for socket in &mut sockets {
        socket.forget();
        socket.cursor();
    }
}

/// Everything that people can see, in full.
pub(crate) fn seen(server: &Server) -> BTreeMap<String, Value> {
    let mut seen = BTreeMap::new();
    for handle in HANDLES {
        let person = server.sign_in(handle);
        let mut socket = server.connect(&person, None);
        let heads = socket.ready["heads"].as_array().expect("heads").clone();
        for head in heads {
            let id = head["conversation"].as_str().expect("an id");
            seen.insert(format!("{handle} {id}"), json!(socket.history(id)));
            seen.insert(format!("{handle} {id} head"), head);
        }
    }
    seen
}

/// A directory that was flushed once and killed later, so that tables and journal both hold what the other lacks.
pub(crate) fn make() -> (Data, Acknowledged) {
    let mut acknowledged = Acknowledged::new();
    let server = Data::new().serve_with(SETTINGS);
    let people = HANDLES.map(|handle| server.join(handle));
    live(&server, &people, 1, &mut acknowledged);
    let server = server.stop().0.serve_with(SETTINGS);
    let people = HANDLES.map(|handle| server.sign_in(handle));
    live(&server, &people, 2, &mut acknowledged);
    (server.kill(), acknowledged)
}

/// The socket that a killed server leaves is no file to copy.
pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("made");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let to = to.join(entry.file_name());
        let kind = entry.file_type().expect("a kind");
        if kind.is_dir() {
            copy(&entry.path(), &to);
        } else if kind.is_file() {
            fs::copy(entry.path(), to).expect("copied");
        }
    }
}

/// A file at rest: how long it is, and up to where it holds anything but zeros.
pub(crate) struct AtRest {
    length: u64,
    pub(crate) used: u64,
}

pub(crate) fn files(folder: &Path, found: &mut BTreeMap<PathBuf, AtRest>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files(&path, found);
        }
        if !path.is_file() {
            continue;
        }
        let bytes = fs::read(&path).expect("read");
        let used = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last as u64 + 1);
        found.insert(path, AtRest { length: bytes.len() as u64, used });
    }
}

/// A bit of a file.
#[derive(Debug)]
struct Place<'a> {
    path: &'a Path,
    at: u64,
    bit: u64,
}

impl Place<'_> {
    /// Once more, and all is as before.
    fn flip(&self) {
        let file = OpenOptions::new().read(true).write(true).open(self.path).expect("opened");
        let mut byte = [0];
        file.read_exact_at(&mut byte, self.at).expect("read");
        byte[0] ^= 1 << self.bit;
        file.write_all_at(&byte, self.at).expect("written");
    }
}

/// The exit code, and the problems that the report names.
fn verify(data: &Path) -> (i32, Vec<Value>) {
    let output = Command::new(env!("CARGO_BIN_EXE_parlance"))
        .args(["verify", "--format", "json", "--data"])
        .arg(data)
        .output()
        .expect("it runs");
    let code = output.status.code();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!("{error}: {code:?} {}", String::from_utf8_lossy(&output.stderr))
    });
    let problems = report["problems"].as_array().expect("problems").clone();
    (code.expect("it was not killed"), problems)
}

/// Whether the report names the file, and something of it.
fn names(problems: &[Value], flipped: &Path) -> bool {
    problems.iter().any(|problem| {
        let file = Path::new(problem["file"].as_str().expect("a file"));
        let what = problem["what"].as_str().expect("words");
        file == flipped || what.contains(flipped.to_str().expect("UTF-8"))
    })
}

#[test]
#[expect(clippy::print_stdout, reason = "the figures are asked for")]
fn every_flipped_bit_is_named_or_harmless() {
    let (data, acknowledged) = make();
    assert_eq!(verify(&data.path()), (0, Vec::new()), "before anything is flipped");
    let expected = seen_in_a_copy(&data, None);
    check(&expected, &acknowledged);

    let mut rest = BTreeMap::new();
    files(&data.path(), &mut rest);
    let places: Vec<(&PathBuf, &AtRest)> =
        rest.iter().filter(|(_, file)| file.length > 0).collect();
    let mut random = Random(3);
    let (mut named, mut harmless) = (0, Vec::new());
    for round in 0..flips() {
        let index = random.below(places.len() as u64);
        let (path, file) = places[usize::try_from(index).expect("few")];
        // Most of some files was written in advance and holds nothing.
        let room = if round % 4 == 0 || file.used == 0 { file.length } else { file.used };
        let place = Place { path, at: random.below(room), bit: random.below(8) };
        place.flip();
        let (code, problems) = verify(&data.path());
        place.flip();
        match code {
            0 => harmless.push(place),
            1 if names(&problems, path) => named += 1,
            _ => panic!("{place:?}: exit code {code}, {problems:?}"),
        }
    }
    assert_eq!(verify(&data.path()), (0, Vec::new()), "verify changed something");
    assert!(named > flips() / 2, "only {named} of {} were named", flips());
    for place in &harmless {
        assert!(seen_in_a_copy(&data, Some(place)) == expected, "{place:?} is not harmless");
    }
    println!("{named} named, {} harmless of {}", harmless.len(), flips());
}

/// What people see of a copy of the directory with one bit flipped.
fn seen_in_a_copy(data: &Data, flipped: Option<&Place<'_>>) -> BTreeMap<String, Value> {
    let copied = Data::new();
    copy(&data.path(), &copied.path());
    if let Some(Place { path, at, bit }) = flipped {
        let path = copied.path().join(path.strip_prefix(data.path()).expect("inside"));
        Place { path: &path, at: *at, bit: *bit }.flip();
    }
    seen(&copied.serve_with(SETTINGS))
}

fn check(seen: &BTreeMap<String, Value>, acknowledged: &Acknowledged) {
    let mut hashes = Acknowledged::new();
    for (key, events) in seen {
        let conversation = key.split(' ').nth(1).expect("a conversation");
        for event in events.as_array().into_iter().flatten() {
            if let (Some(seq), Some(hash)) = (event["seq"].as_u64(), event["hash"].as_str()) {
                hashes.insert((conversation.to_owned(), seq), hash.to_owned());
            }
        }
    }
    for (event, hash) in acknowledged {
        assert_eq!(hashes.get(event), Some(hash), "{event:?} was acknowledged");
    }
}
