//! TLS: everything over it, a certificate that changes, and one that is no good.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};

use rustls::version::{TLS12, TLS13};
use serde_json::json;

use crate::harness::{Data, PATIENCE, Server, wait_until};
use crate::socket::texts;
use crate::trust::{Authority, Files, put};

const YEARS: (i32, i32) = (2020, 2100);

/// What starts a server on `data` with these files; `settings` besides.
pub(crate) fn command(data: &Data, files: &Files, settings: &[(&str, &str)]) -> Command {
    let mut command = data.command(settings);
    command
        .env("PARLANCE__TLS__CERTIFICATE", &files.certificate)
        .env("PARLANCE__TLS__KEY", &files.key)
        .env("PARLANCE__TLS__RELOAD_SECONDS", "1");
    command
}

/// Its standard error goes into this file.
fn spawn(mut command: Command, data: Data, log: &std::path::Path) -> Server {
    command.env("RUST_LOG", "info").stderr(std::fs::File::create(log).expect("made"));
    let Ok(server) = Server::spawn(command, data) else {
        panic!("{}", std::fs::read_to_string(log).expect("read"));
    };
    server
}

#[test]
fn everything_goes_over_both_versions_of_tls() {
    let (folder, authority) = (tempfile::tempdir().expect("a folder"), Authority::new());
    let files = Files::in_folder(folder.path());
    authority.issue(&files, YEARS);
    let data = Data::new();
    let server = Server::spawn(command(&data, &files, &[]), data).ok().expect("started");
    let server = server.trusting(authority.trust(&[&TLS13]));
    let (ada, bob) = (server.join("ada"), server.join("bob"));
    let mut on_ada = server.connect(&ada, None);
    let server = server.trusting(authority.trust(&[&TLS12]));
    let mut on_bob = server.connect(&bob, None);
    let ok = on_ada.say_to(&bob.account, "hello");
    let conversation = ok["conversation"].as_str().expect("an id").to_owned();
    let event = on_bob.expect_where("event", |event| event["seq"] == json!(2));
    assert_eq!(event["body"]["text"], json!("hello"));
    // More than a session holds and a socket takes, so that writing has to stop and go on.
    let long: Vec<String> = (0..60).map(|n| format!("{n} {}", "x".repeat(19_000))).collect();
    for text in &long {
        on_bob.say(&conversation, text);
    }
    let said: Vec<String> = ["hello".to_owned()].into_iter().chain(long).collect();
    assert_eq!(texts(&on_ada.history(&conversation)), said);
    assert_eq!(texts(&on_bob.history(&conversation)), said);
    let (_, code) = server.stop();
    assert_eq!(code, Some(0));
    for mut socket in [on_ada, on_bob] {
        socket.expect("bye");
        assert_eq!(socket.closed(), Some(4101));
    }
}

#[test]
fn the_other_doors_go_over_tls_too_and_a_figure_says_when_the_certificate_ends() {
    let (folder, authority) = (tempfile::tempdir().expect("a folder"), Authority::new());
    let files = Files::in_folder(folder.path());
    authority.issue(&files, YEARS);
    let data = Data::new();
    let server = Server::spawn(command(&data, &files, &[]), data).ok().expect("started");
    let trust = authority.trust(&[&TLS13]);
    let server = server.trusting(trust.clone());
    let ada = server.join("ada");
    let (status, polled) = server.call("GET", "/v1/poll?wait=0", Some(&ada.token), None);
    assert_eq!(status, 200, "{polled}");
    let tcp = TcpStream::connect(&server.address).expect("connected");
    tcp.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let mut stream = trust.over(tcp);
    let request = format!(
        "GET /v1/events HTTP/1.1\r\nHost: parlance\r\nAuthorization: Bearer {}\r\n\r\n",
        ada.token
    );
    stream.write_all(request.as_bytes()).expect("written");
    server.connect(&ada, None).say_to(&ada.account, "for the stream");
    let mut said = String::new();
    while !said.contains("for the stream") {
        let mut bytes = [0; 4_096];
        let count = stream.read(&mut bytes).expect("it goes on");
        assert!(count > 0, "it ended: {said}");
        said.push_str(&String::from_utf8_lossy(&bytes[..count]));
    }
    let (_, metrics) = server.call_text("GET", "/metrics", None, None);
    // 2100-01-01.
    let line = "parlance_certificate_expiry_timestamp_seconds 4102444800";
    assert!(metrics.lines().any(|found| found == line), "{metrics}");
}

#[test]
fn a_client_that_does_not_read_gets_everything_once_it_does() {
    let (folder, authority) = (tempfile::tempdir().expect("a folder"), Authority::new());
    let files = Files::in_folder(folder.path());
    authority.issue(&files, YEARS);
    let data = Data::new();
    let server = Server::spawn(command(&data, &files, &[]), data).ok().expect("started");
    let server = server.trusting(authority.trust(&[&TLS13]));
    let ada = server.join("ada");
    let mut socket = server.connect(&ada, None);
    let ok = socket.say_to(&ada.account, "first");
    let conversation = ok["conversation"].as_str().expect("an id");
    for _ in 0..20 {
        socket.say(conversation, &"x".repeat(19_000));
    }
    let writes = || -> u64 {
        let (_, metrics) = server.call_text("GET", "/metrics", None, None);
        let line = metrics.lines().find(|line| line.starts_with("parlance_socket_writes_total "));
        line.and_then(|line| line.split(' ').next_back()?.parse().ok()).expect("a figure")
    };
    // Nothing of it is read before all is asked for: more than the socket and the session take.
    for round in 0..3 {
        let before = writes();
        for id in 8 * round..8 * (round + 1) {
            socket.send(&json!({"fetch": {"id": id, "conversation": conversation, "after": 0, "limit": 100}}));
        }
        if round == 0 {
            // A page takes more than one; no further ones may be asked for before these are there.
            wait_until("writes the first pages", || writes() >= before + 8 * 6);
        } else if round == 1 {
            wait_until("is full", || writes() > before);
        }
    }
    let mut pages = 0;
    while pages < 24 {
        let frame = socket.next().expect("open");
        let refused = frame["error"]["code"] == json!("too_many_requests");
        let page = frame["page"]["events"].as_array().map(Vec::len);
        assert!(refused || page.is_none_or(|events| events > 10), "{frame}");
        pages += usize::from(refused || page.is_some());
    }
}

#[test]
fn a_new_certificate_is_shown_and_disturbs_nobody() {
    let (folder, authority) = (tempfile::tempdir().expect("a folder"), Authority::new());
    let files = Files::in_folder(folder.path());
    let first = authority.issue(&files, YEARS);
    let (data, log) = (Data::new(), folder.path().join("log"));
    let server = spawn(command(&data, &files, &[]), data, &log);
    let trust = authority.trust(&[&TLS13]);
    let server = server.trusting(trust.clone());
    let ada = server.join("ada");
    let mut socket = server.connect(&ada, None);
    assert_eq!(trust.look(&server.address).expect("shown"), first);
    let second = authority.issue(&files, YEARS);
    wait_until("shows the new one", || trust.look(&server.address).expect("shown") == second);
    socket.say_to(&ada.account, "still here");

    // Whatever is wrong with the next: it stays.
    let says = |what: &str| std::fs::read_to_string(&log).expect("read").contains(what);
    put(&files.key, &rcgen::KeyPair::generate().expect("a key").serialize_pem());
    wait_until("says that the key is another's", || says("is not that of the certificate"));
    put(&files.certificate, "nothing of the kind");
    wait_until("says that it is no certificate", || says("holds no certificate in PEM"));
    std::fs::remove_file(&files.certificate).expect("removed");
    wait_until("says that it is not there", || says("cannot read"));
    authority.issue(&files, (2020, 2021));
    wait_until("says that it is an old one", || says("expired 2021-01-01"));
    assert_eq!(trust.look(&server.address).expect("shown"), second);
    let third = authority.issue(&files, YEARS);
    server.signal("HUP");
    wait_until("shows a good one", || trust.look(&server.address).expect("shown") == third);
    socket.say_to(&ada.account, "and still");
}

#[test]
fn at_the_start_a_certificate_is_read_or_the_line_says_why_not() {
    let (folder, authority) = (tempfile::tempdir().expect("a folder"), Authority::new());
    let files = Files::in_folder(folder.path());
    let refused = |why: &str| {
        let data = Data::new();
        let mut command = command(&data, &files, &[]);
        command.env("RUST_LOG", "warn").stdout(Stdio::null()).stderr(Stdio::piped());
        let output = command.output().expect("runs");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.lines().count() == 1 && said.contains(why), "{said}");
    };
    refused("cannot read");
    std::fs::write(&files.certificate, "-----BEGIN CERTIFICATE-----\nAAAA\n").expect("written");
    refused("holds no certificate in PEM");
    authority.issue(&files, YEARS);
    std::fs::write(&files.key, "").expect("written");
    refused("holds no private key in PEM");

    // One that has expired is shown: to refuse it is up to clients, and a server that does not start helps nobody.
    authority.issue(&files, (2020, 2021));
    let (data, log) = (Data::new(), folder.path().join("log"));
    let server = spawn(command(&data, &files, &[]), data, &log);
    let error = authority.trust(&[&TLS13]).look(&server.address).expect_err("refused");
    assert!(error.to_string().contains("expired"), "{error}");
    let said = std::fs::read_to_string(&log).expect("read");
    assert!(said.contains("the certificate expired 2021-01-01 and clients refuse it"), "{said}");
}

#[test]
fn a_handshake_that_does_not_end_is_ended() {
    let (folder, authority) = (tempfile::tempdir().expect("a folder"), Authority::new());
    let files = Files::in_folder(folder.path());
    authority.issue(&files, YEARS);
    let data = Data::new();
    let command = command(&data, &files, &[("PARLANCE__TLS__HANDSHAKE_SECONDS", "1")]);
    let server = Server::spawn(command, data).ok().expect("started");
    for begin in [&b""[..], b"\x16\x03\x01\x02\x00\x01", b"GET /live HTTP/1.1\r\n\r\n"] {
        let mut stream = TcpStream::connect(&server.address).expect("connected");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        stream.write_all(begin).expect("written");
        let mut said = Vec::new();
        // With or without an alert: it ends.
        let ended = stream.read_to_end(&mut said);
        assert!(
            ended.map_or_else(|error| error.kind() != std::io::ErrorKind::WouldBlock, |_| true)
        );
        assert!(said.len() < 16, "{said:?}");
    }
    server.trusting(authority.trust(&[&TLS13, &TLS12])).join("ada");
}

#[test]
fn plain_http_for_strangers_is_warned_of() {
    for (settings, warned) in
        [(&[][..], true), (&[("PARLANCE__PROXIES__NETWORKS", "[\"127.0.0.1\"]")][..], false)]
    {
        let (folder, data) = (tempfile::tempdir().expect("a folder"), Data::new());
        let mut command = Command::new(env!("CARGO_BIN_EXE_parlance"));
        command.args(["serve", "--listen", "0.0.0.0:0", "--data"]).arg(data.path());
        command.envs(settings.iter().copied());
        let log = folder.path().join("log");
        drop(spawn(command, data, &log));
        let said = std::fs::read_to_string(&log).expect("read");
        assert_eq!(said.contains("serving plain HTTP on a public address"), warned, "{said}");
    }
}
