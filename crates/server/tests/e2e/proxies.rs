//! Proxies in front of the server, and connections that keep silent.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::harness::{Data, PATIENCE, Server};

const REQUEST: &[u8] = b"GET /live HTTP/1.1\r\nHost: parlance\r\nConnection: close\r\n\r\n";
const LINE: &[u8] = b"PROXY TCP4 203.0.113.9 198.51.100.1 56324 443\r\n";

fn behind(networks: &str) -> Server {
    Data::new().serve_with(&[
        ("PARLANCE__PROXIES__NETWORKS", networks),
        ("PARLANCE__PROXIES__PROXY_PROTOCOL", "true"),
    ])
}

/// What the server answers to these pieces until it closes: the first line of it.
fn say(server: &Server, pieces: &[&[u8]]) -> String {
    let mut stream = TcpStream::connect(&server.address).expect("connected");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream.set_nodelay(true).expect("set");
    for piece in pieces {
        stream.write_all(piece).expect("written");
    }
    let mut answer = Vec::new();
    // A connection that is cut with bytes unread ends with an error; nothing was said in it either way.
    drop(stream.read_to_end(&mut answer));
    String::from_utf8_lossy(&answer).lines().next().unwrap_or_default().to_owned()
}

#[test]
fn a_proxy_has_to_say_whom_it_speaks_for() {
    let server = behind("[\"127.0.0.0/8\"]");
    assert_eq!(say(&server, &[LINE, REQUEST]), "HTTP/1.1 200 OK");
    let mut binary = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c".to_vec();
    binary.extend([203, 0, 113, 9, 198, 51, 100, 1, 0xdc, 0x04, 0x01, 0xbb]);
    assert_eq!(say(&server, &[&binary, REQUEST]), "HTTP/1.1 200 OK");
    let byte_by_byte: Vec<&[u8]> = LINE.chunks(1).chain([REQUEST]).collect();
    assert_eq!(say(&server, &byte_by_byte), "HTTP/1.1 200 OK");
    assert_eq!(say(&server, &[REQUEST]), "");
    assert_eq!(say(&server, &[b"PROXY TCP4 nowhere 198.51.100.1 56324 443\r\n", REQUEST]), "");
}

#[test]
fn from_others_the_header_is_no_request() {
    let server = behind("[\"192.0.2.0/24\"]");
    assert_eq!(say(&server, &[REQUEST]), "HTTP/1.1 200 OK");
    assert_eq!(say(&server, &[LINE, REQUEST]), "HTTP/1.1 400 Bad Request");
}

#[test]
fn limits_count_the_client_that_a_proxy_names_and_nobody_else() {
    let limits = [
        ("PARLANCE__LIMITS__SIGN_UP_ADDRESS__BURST", "1"),
        ("PARLANCE__LIMITS__SIGN_UP_ADDRESS__PER_MINUTE", "1"),
    ];
    let sign_up = |server: &Server, handle: &str, forwarded: &str| {
        let body = format!("{{\"handle\": \"{handle}\", \"password\": \"correct horse\"}}");
        let head = format!(
            "POST /v1/accounts HTTP/1.1\r\nHost: parlance\r\nConnection: close\r\nContent-Type: application/json\r\nX-Forwarded-For: {forwarded}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        say(server, &[head.as_bytes()])
    };
    let trusting = [("PARLANCE__PROXIES__NETWORKS", "[\"127.0.0.1\"]")];
    let server = Data::new().serve_with(&[&limits[..], &trusting].concat());
    assert_eq!(sign_up(&server, "ada", "203.0.113.1"), "HTTP/1.1 201 Created");
    assert_eq!(sign_up(&server, "bob", "203.0.113.2"), "HTTP/1.1 201 Created");
    assert_eq!(sign_up(&server, "cyd", "203.0.113.2"), "HTTP/1.1 429 Too Many Requests");
    // What the client wrote before the proxy's own entry does not make it another.
    assert_eq!(
        sign_up(&server, "dee", "203.0.113.9, 203.0.113.2"),
        "HTTP/1.1 429 Too Many Requests"
    );

    let server = Data::new().serve_with(&limits);
    assert_eq!(sign_up(&server, "ada", "203.0.113.1"), "HTTP/1.1 201 Created");
    assert_eq!(sign_up(&server, "bob", "203.0.113.2"), "HTTP/1.1 429 Too Many Requests");
}

#[test]
fn who_keeps_silent_makes_room_for_who_speaks() {
    let settings = [("PARLANCE__SERVER__OPENINGS_MAX", "2"), ("PARLANCE__SERVER__WORKERS", "1")];
    let server = Data::new().serve_with(&settings);
    let ada = server.join("ada");
    let mut socket = server.connect(&ada, None);
    let connect = || {
        let stream = TcpStream::connect(&server.address).expect("connected");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        stream
    };
    let (mut first, mut second, mut third) = (connect(), connect(), connect());
    let mut said = Vec::new();
    assert_eq!(first.read_to_end(&mut said).expect("closed, not cut off"), 0);
    // The others may still speak, and a new one as well; a socket that is open is none of them.
    for stream in [&mut second, &mut third] {
        stream.write_all(REQUEST).expect("written");
        stream.read_to_end(&mut said).expect("answered");
    }
    assert_eq!(String::from_utf8_lossy(&said).matches("200 OK").count(), 2);
    socket.say_to(&ada.account, "note");
}
