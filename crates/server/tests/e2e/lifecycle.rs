//! Starting, stopping, and what goes wrong on the way.

use std::io::Write;
use std::net::TcpStream;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::{Data, Server};
use crate::socket::texts;

fn parlance(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_parlance")).args(arguments).output().expect("runs")
}

#[test]
fn a_stop_says_goodbye_and_exits_with_0() {
    let server = Server::start();
    let ada = server.join("ada");
    let mut socket = server.connect(&ada, None);
    socket.say_to(&ada.account, "note");
    let (_, code) = server.stop();
    assert_eq!(code, Some(0));
    let bye = socket.expect("bye");
    assert_eq!(bye["reason"], json!("shutting_down"), "{bye}");
    assert!(bye["spread_ms"].is_u64(), "{bye}");
    assert_eq!(socket.closed(), Some(4101));
}

#[test]
fn a_second_signal_ends_the_drain_at_once_and_loses_nothing() {
    let mut data = Data::new();
    let mut sent = Vec::new();
    for (signal, code) in [("TERM", 143), ("INT", 130)] {
        let server = data.serve_with(&[("PARLANCE__SERVER__DRAIN_SECONDS", "25")]);
        let ada = if sent.is_empty() { server.join("ada") } else { server.sign_in("ada") };
        let mut socket = server.connect(&ada, None);
        let ok = socket.say_to(&ada.account, signal);
        sent.push(signal.to_owned());
        // A body that never comes holds the drain up for as long as it may last.
        let mut stream = TcpStream::connect(&server.address).expect("connected");
        stream
            .write_all(
                b"POST /v1/accounts HTTP/1.1\r\nHost: parlance\r\nContent-Length: 9\r\n\r\n{",
            )
            .expect("written");
        // As timeout(1) does: to the process, and to its group. That is one wish.
        server.signal("TERM");
        server.signal("TERM");
        socket.expect("bye");
        let asked = Instant::now();
        let (left, found) = server.signal_until_ended(signal);
        assert_eq!(found, Some(code), "after SIG{signal}");
        assert!(asked.elapsed() < Duration::from_secs(10), "took {:?}", asked.elapsed());

        let server = left.serve();
        let ada = server.sign_in("ada");
        let conversation = ok["conversation"].as_str().expect("an id");
        assert_eq!(texts(&server.connect(&ada, None).history(conversation)), sent);
        data = server.stop().0;
    }
}

#[test]
fn operators_see_that_it_lives_and_what_it_does() {
    let server = Server::start();
    assert_eq!(server.call_text("GET", "/live", None, None).0, 200);
    assert_eq!(server.call_text("GET", "/ready", None, None).0, 200);
    let ada = server.join("ada");
    let mut socket = server.connect(&ada, None);
    socket.say_to(&ada.account, "note");
    let (_, metrics) = server.call_text("GET", "/metrics", None, None);
    for line in [
        "parlance_connections{door=\"socket\"} 1",
        "parlance_ok_total 1",
        "parlance_ack_seconds_count 1",
    ] {
        assert!(metrics.lines().any(|found| found == line), "{line} in\n{metrics}");
    }
}

#[test]
fn every_command_helps_with_an_example() {
    for command in ["serve", "doctor", "verify", "drill"] {
        let output = parlance(&[command, "--help"]);
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.contains("Example"), "{command}: {said}");
    }
    assert!(parlance(&["version"]).status.success());
}

#[test]
fn verify_finds_nothing_wrong_with_a_healthy_directory() {
    let server = Server::start();
    let (ada, bob) = (server.join("ada"), server.join("bob"));
    let mut socket = server.connect(&ada, None);
    for number in 0..100 {
        socket.say_to(&bob.account, &number.to_string());
    }
    let (data, _) = server.stop();
    let path = data.path();
    let output = parlance(&["verify", "--data", path.to_str().expect("UTF-8"), "--format", "json"]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(output.status.code(), Some(0), "{report}");
    assert_eq!(report["events"], json!(101), "{report}");
    assert_eq!(report["problems"], json!([]), "{report}");
}
