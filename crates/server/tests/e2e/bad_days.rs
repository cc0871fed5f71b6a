//! Bad days: what a machine, a network or a clock does to a server. Each has an answer that is defined, a line that says it, and an end after
//! which everything goes on by itself; nothing that was acknowledged is lost.
//!
//! The others have files of their own: a full disk, two servers on one directory and damage at the start, a certificate that is no good,
//! crashes.

mod machine;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Data, PATIENCE, Person, Server, wait_until};
use crate::socket::{message_id, texts};
use machine::Machine;

const HOUR: i64 = 60 * 60;
const DAY: i64 = 24 * HOUR;

/// Starts a server whose log can be read.
fn logged(settings: &[(&str, &str)], place: &tempfile::TempDir) -> (Server, impl Fn() -> String) {
    let (data, path) = (Data::new(), place.path().join("log"));
    let mut command = data.command(settings);
    command.env("RUST_LOG", "info").stderr(std::fs::File::create(&path).expect("made"));
    let server = Server::spawn(command, data).ok().expect("started");
    (server, move || std::fs::read_to_string(&path).expect("read"))
}

fn connections(server: &Server) -> u64 {
    let (_, metrics) = server.call_text("GET", "/metrics", None, None);
    let line = metrics
        .lines()
        .find_map(|line| line.strip_prefix("parlance_connections{door=\"socket\"} "));
    line.and_then(|number| number.parse().ok()).expect("a figure")
}

/// Takes from the process every file that it does not have open yet, or gives it a limit of its own.
fn limit_files(server: &Server, limit: usize) {
    let (pid, limit) = (server.id().to_string(), format!("--nofile={limit}:20000"));
    let status = Command::new("prlimit").args(["--pid", &pid, &limit]).status();
    assert!(status.expect("prlimit runs").success());
}

#[test]
fn without_file_descriptors_those_who_are_in_go_on_and_others_come_in_later() {
    let place = tempfile::tempdir().expect("a folder");
    let (server, log) = logged(&[], &place);
    let ada = server.join("ada");
    let mut socket = server.connect(&ada, None);
    let ok = socket.say_to(&ada.account, "before");
    let conversation = ok["conversation"].as_str().expect("an id");
    let open = std::fs::read_dir(format!("/proc/{}/fd", server.id())).expect("listed").count();
    limit_files(&server, open - 1);
    let mut waiting = TcpStream::connect(&server.address).expect("the system takes it");
    waiting.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    waiting.write_all(b"GET /live HTTP/1.0\r\n\r\n").expect("written");
    wait_until("says why", || {
        log().contains("no file descriptor is left: raise the limit of open files")
    });
    socket.say(conversation, "meanwhile");
    limit_files(&server, 20_000);
    let mut answer = String::new();
    waiting.read_to_string(&mut answer).expect("answered after all");
    assert!(answer.contains("200 OK"), "{answer}");
    wait_until("says that it is over", || {
        server.call_text("GET", "/live", None, None);
        log().contains("connections are accepted again")
    });
    let times = log().matches("cannot accept connections").count();
    assert!(times <= 2, "{times} lines");
    assert_eq!(texts(&server.connect(&ada, None).history(conversation)), ["before", "meanwhile"]);
}

#[test]
fn connections_never_take_the_files_of_the_stores() {
    let place = tempfile::tempdir().expect("a folder");
    let (data, path) = (Data::new(), place.path().join("log"));
    let command = data.command(&[]);
    let mut limited = Command::new("sh");
    limited.args(["-c", "ulimit -n 256 && exec \"$0\" \"$@\""]).arg(command.get_program());
    limited.args(command.get_args()).env("RUST_LOG", "warn");
    limited.stderr(std::fs::File::create(&path).expect("made"));
    let server = Server::spawn(limited, data).ok().expect("started");
    let log = || std::fs::read_to_string(&path).expect("read");
    assert!(log().contains("leaves room for 64 connections"), "{}", log());
    let ada = server.join("ada");
    let mut socket = server.connect(&ada, None);
    let mut crowd: Vec<TcpStream> =
        (0..200).map(|_| TcpStream::connect(&server.address).expect("the system does")).collect();
    // The last is turned away without a word.
    let last = crowd.last_mut().expect("many");
    last.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    assert!(last.read(&mut [0; 1]).map_or(true, |count| count == 0));
    socket.say_to(&ada.account, "there is a file left for this");
    assert!(log().contains("connections are turned away: too many are open"), "{}", log());
    drop(crowd);
    wait_until("takes others again", || server.try_connect(&ada).is_some());
}

#[test]
fn a_thousand_half_open_upgrades_hold_nobody_up_and_are_closed() {
    let server = Server::start();
    let ada = server.join("ada");
    let mut socket = server.connect(&ada, None);
    let upgraded: Vec<_> = (0..500).map(|_| server.open()).collect();
    let mut halves: Vec<TcpStream> = (0..500)
        .map(|_| {
            let mut stream = TcpStream::connect(&server.address).expect("connected");
            stream.write_all(b"GET /v1/socket HTTP/1.1\r\nHost: par").expect("written");
            stream
        })
        .collect();
    socket.say_to(&ada.account, "between them");
    server.connect(&ada, None).say_to(&ada.account, "and a new one");
    for mut socket in upgraded {
        assert_eq!(socket.closed(), Some(4001), "no hello came in time");
    }
    for stream in &mut halves {
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        let mut said = Vec::new();
        // Some words about it, or none; and the end.
        let ended = stream.read_to_end(&mut said);
        assert!(ended.is_ok() || said.is_empty(), "{ended:?}");
    }
    wait_until("has let them go", || connections(&server) == 1);
}

#[test]
fn who_was_stopped_goes_on_with_everybody_that_was_there() {
    let place = tempfile::tempdir().expect("a folder");
    // Silence of 11 s ends a connection; the stop is longer, and clients that ping were not silent.
    let (server, log) = logged(&[("PARLANCE__SERVER__HEARTBEAT_SECONDS", "1")], &place);
    let ada = server.join("ada");
    let mut sockets: Vec<_> = (0..20).map(|_| server.connect(&ada, None)).collect();
    let silent = server.connect(&ada, None);
    let ok = sockets[0].say_to(&ada.account, "before");
    server.signal("STOP");
    for _ in 0..13 {
        std::thread::sleep(Duration::from_secs(1));
        for socket in &mut sockets {
            socket.send(&json!({"ping": {"n": 1}}));
        }
    }
    let send = json!({"send": {"id": 99, "conversation": ok["conversation"], "message_id": message_id(),
        "body": {"kind": "text", "text": "during"}}});
    sockets[0].send(&send);
    server.signal("CONT");
    assert_eq!(sockets[0].expect_where("ok", |ok| ok["id"] == json!(99))["seq"], json!(3));
    for socket in &mut sockets {
        socket.expect("pong");
        let event = socket.cursor();
        assert!(!event.is_empty());
    }
    wait_until("says so", || log().contains("the process stood still"));
    // Who said nothing all the while is gone as ever.
    let mut silent = silent;
    assert!(silent.closed().is_some());
}

#[test]
fn a_disk_that_syncs_slowly_makes_senders_wait_and_nobody_else() {
    let machine = Machine::new();
    let server = machine.serve(Data::new());
    let people: Vec<Person> = ["ada", "bob", "eve"].map(|name| server.join(name)).into();
    let mut sockets: Vec<_> = people.iter().map(|it| server.connect(it, None)).collect();
    let group = sockets[0].create("all", &[&people[1], &people[2]]);
    sockets[0].say(&group, "0");
    machine.set_sync(1_000);
    // Everybody says three things at once and waits for none: they share the syncs.
    for (index, socket) in sockets.iter_mut().enumerate() {
        for number in 0..3 {
            let text = format!("{index} {number}");
            socket.send(&json!({"send": {"id": 900 + number, "conversation": group,
                "message_id": message_id(), "body": {"kind": "text", "text": text}}}));
        }
    }
    // Reading waits for no sync.
    let mut reader = server.connect(&people[0], None);
    let read = reader.fetch(json!({"conversation": group, "after": 0, "limit": 2}));
    assert_eq!(read.expect("a page")["events"].as_array().map(Vec::len), Some(2));
    for socket in &mut sockets {
        for number in 0..3 {
            socket.expect_where("ok", |ok| ok["id"] == json!(900 + number));
        }
    }
    machine.says("the disk is slow: messages wait for it to sync");
    assert_eq!(server.call_text("GET", "/ready", None, None).0, 200);
    let server = server.kill().serve();
    let ada = server.sign_in("ada");
    let mut found = texts(&server.connect(&ada, None).history(&group));
    found.sort();
    let mut sent: Vec<String> =
        (0..3).flat_map(|index| (0..3).map(move |number| format!("{index} {number}"))).collect();
    sent.insert(0, "0".to_owned());
    sent.sort();
    assert_eq!(found, sent);
}

/// A message id of a moment that is so many seconds from now.
fn message_id_at(seconds: i64) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after");
    let seconds = now.as_secs().saturating_add_signed(seconds);
    let time = uuid::Timestamp::from_unix_time(seconds, now.subsec_nanos(), 0, 0);
    uuid::Uuid::new_v7(time).to_string()
}

#[test]
fn a_clock_that_jumps_changes_no_order_and_loses_nobody() {
    let machine = Machine::new();
    let mut server = machine.serve(Data::new());
    let ada = server.join("ada");
    let mut socket = server.connect(&ada, None);
    let ok = socket.say_to(&ada.account, "0");
    let conversation = ok["conversation"].as_str().expect("an id").to_owned();
    let mut expected = vec!["0".to_owned()];
    let mut last_at = ok["at"].as_u64().expect("a time");
    for (jump, direction) in [
        (HOUR, "ahead"),
        (0, "back"),
        (-HOUR, "back"),
        (DAY, "ahead"),
        (-DAY, "back"),
        (0, "ahead"),
    ] {
        machine.set_clock(jump);
        machine.says(&format!("jumped {direction}"));
        // A client that is right is told the server's time where its own is too far ahead of it, and goes by that.
        let mut say = |seconds: i64| {
            socket.ask(json!({"conversation": conversation, "message_id": message_id_at(seconds),
                "body": {"kind": "text", "text": jump.to_string()}}))
        };
        let ok = if jump < 0 {
            let refusal: Value = say(0).expect_err("from the future");
            assert_eq!(refusal["code"], json!("id_in_future"), "{refusal}");
            assert!(refusal["now"].is_u64(), "{refusal}");
            say(jump).expect("corrected")
        } else {
            say(jump).expect("accepted")
        };
        let at = ok["at"].as_u64().expect("a time");
        assert!(at > last_at, "{at} after {last_at} at {jump}");
        last_at = at;
        expected.push(jump.to_string());
        // Whoever comes now gets in, if need be with a new token.
        let mut again = server.open();
        again.send(&json!({"hello": {"token": ada.token}}));
        let is_expired = jump > 0;
        let first = again.next().expect("an answer");
        assert_eq!(first["bye"]["reason"] == json!("unauthenticated"), is_expired, "{first}");
        let fresh = server.sign_in("ada");
        assert_eq!(texts(&server.connect(&fresh, None).history(&conversation)), expected);
    }
    // And a start at another time than the end was.
    machine.set_clock(-DAY);
    server = machine.serve(server.kill());
    let ada = server.sign_in("ada");
    let mut socket = server.connect(&ada, None);
    assert_eq!(texts(&socket.history(&conversation)), expected);
    let ok = socket.ask(json!({"conversation": conversation, "message_id": message_id_at(-DAY),
        "body": {"kind": "text", "text": "on"}}));
    assert!(ok.expect("accepted")["at"].as_u64().is_some_and(|at| at > last_at));
}
