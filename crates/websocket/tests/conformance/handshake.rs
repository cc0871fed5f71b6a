//! The upgrade, on both sides.

use parlance_websocket::handshake::{
    Accepted, ClientHandshake, ClientRequest, DEFLATE, HEAD_BYTES_MAX, HeadError, RequestError,
    ResponseError, ServerHandshake, Upgrade, UpgradeError, accept_key, check_upgrade,
};

/// The example of RFC 6455, section 1.3.
pub(crate) const REQUEST: &[u8] = b"GET /chat?a=b HTTP/1.1\r\nHost: server.example.com\r\n\
    Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: http://example.com\r\n\
    Sec-WebSocket-Protocol: three, two, one\r\nSec-WebSocket-Version: 13\r\n\r\n";
/// Answers the request of a nonce of zeros.
pub(crate) const RESPONSE: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nupgrade: WebSocket\r\n\
    connection: upgrade\r\nsec-websocket-accept: ICX+Yqv66kxgM0FcWaLWlFLwTAI=\r\n\
    sec-websocket-protocol: one\r\n\r\n";

type Headers = Vec<(&'static str, &'static [u8])>;

fn good_headers() -> Headers {
    vec![
        ("host", b"example.com"),
        ("Upgrade", b"h2c, WebSocket"),
        ("connection", b"keep-alive"),
        ("Connection", b"foo,UPGRADE"),
        ("sec-websocket-version", b"13"),
        ("Sec-WebSocket-Key", b"dGhlIHNhbXBsZSBub25jZQ=="),
        ("sec-websocket-protocol", b"unknown, parlance.v1.protobuf"),
        ("Sec-WebSocket-Protocol", b"parlance.v1.json"),
    ]
}

fn request() -> ClientRequest<'static> {
    ClientRequest {
        host: "example.com:8080",
        path: "/v1/socket",
        protocols: &["one", "two"],
        headers: &[("User-Agent", "test")],
        nonce: [0; 16],
    }
}

fn answer(response: &[u8]) -> Result<Option<Accepted>, ResponseError> {
    ClientHandshake::new(&request()).expect("a good request").0.receive(response)
}

#[test]
fn the_accept_key_is_that_of_the_rfc() {
    assert_eq!(accept_key(b"dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

#[test]
fn a_good_request_is_upgraded_with_the_protocol_that_the_client_prefers() {
    let ours = ["parlance.v1.json", "parlance.v1.protobuf"];
    let accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=".to_owned();
    let expected = Upgrade { accept, protocol: Some("parlance.v1.protobuf"), deflate: false };
    assert_eq!(check_upgrade(good_headers(), &ours), Ok(expected.clone()));
    let expected = Upgrade { protocol: Some("parlance.v1.json"), ..expected };
    assert_eq!(check_upgrade(good_headers(), &ours[..1]), Ok(expected.clone()));
    let expected = Upgrade { protocol: None, ..expected };
    assert_eq!(check_upgrade(good_headers(), &["parlance.v2.json"]), Ok(expected));
}

#[test]
fn a_bad_request_is_refused_with_its_reason() {
    let cases: [(&str, &[&'static [u8]], UpgradeError, u16); 12] = [
        ("upgrade", &[], UpgradeError::NotWebSocket, 426),
        ("upgrade", &[b"websockets"], UpgradeError::NotWebSocket, 426),
        ("connection", &[], UpgradeError::NotUpgrade, 426),
        ("connection", &[b"keep-alive", b"not-upgrade"], UpgradeError::NotUpgrade, 426),
        ("sec-websocket-version", &[], UpgradeError::Version, 426),
        ("sec-websocket-version", &[b"8"], UpgradeError::Version, 426),
        ("sec-websocket-version", &[b"13", b"13"], UpgradeError::Version, 426),
        ("sec-websocket-key", &[], UpgradeError::Key, 400),
        ("sec-websocket-key", &[b""], UpgradeError::Key, 400),
        ("sec-websocket-key", &[b"c2hvcnQ="], UpgradeError::Key, 400),
        ("sec-websocket-key", &[b"dGhlIHNhbXBsZSBub25jZQ="], UpgradeError::Key, 400),
        (
            "sec-websocket-key",
            &[b"dGhlIHNhbXBsZSBub25jZQ==", b"dGhlIHNhbXBsZSBub25jZQ=="],
            UpgradeError::Key,
            400,
        ),
    ];
    for (name, values, error, status) in cases {
        let mut headers = good_headers();
        headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        headers.extend(values.iter().map(|value| (name, *value)));
        assert_eq!(check_upgrade(headers, &[]), Err(error), "{name}: {values:?}");
        assert_eq!(error.status(), status);
    }
}

#[test]
fn a_server_without_http_library_answers() {
    let input = [REQUEST, b"frames"].concat();
    for cut in 0..REQUEST.len() {
        let mut handshake = ServerHandshake::new();
        assert_eq!(handshake.receive(&input[..cut], &["one", "two"]), Ok(None));
        let done = handshake.receive(&input[cut..], &["one", "two"]).expect("good").expect("whole");
        assert_eq!((done.path.as_str(), done.protocol), ("/chat?a=b", Some("two")));
        assert_eq!(&input[cut + done.consumed..], b"frames");
        let response = String::from_utf8(done.response).expect("ASCII");
        assert!(response.starts_with("HTTP/1.1 101 "), "{response}");
        assert!(response.contains("\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
        assert!(response.ends_with("\r\nSec-WebSocket-Protocol: two\r\n\r\n"), "{response}");
    }
}

#[test]
fn heads_that_others_might_read_differently_are_refused() {
    let good = str::from_utf8(REQUEST).expect("ASCII");
    let flaws = [
        ("GET ", "POST ", RequestError::RequestLine),
        ("HTTP/1.1", "HTTP/1.0", RequestError::RequestLine),
        ("/chat?a=b", "/a b", RequestError::RequestLine),
        ("Host: ", "Host : ", HeadError::Malformed.into()),
        ("Host: ", ": ", HeadError::Malformed.into()),
        ("Host: ", "Host", HeadError::Malformed.into()),
        ("\r\nUpgrade", "\nUpgrade", HeadError::Malformed.into()),
        ("server.example.com", "server\rexample", HeadError::Malformed.into()),
        ("server.example.com", "server\0example", HeadError::Malformed.into()),
        ("server.example.com", "server\r\n folded", HeadError::Malformed.into()),
        ("websocket", "h2c", UpgradeError::NotWebSocket.into()),
    ];
    for (part, flaw, error) in flaws {
        let bad = good.replacen(part, flaw, 1);
        let got = ServerHandshake::new().receive(bad.as_bytes(), &[]);
        assert_eq!(got, Err(error), "{bad}");
        let response = String::from_utf8(error.response()).expect("ASCII");
        assert!(response.starts_with("HTTP/1.1 4") && response.ends_with("\r\n\r\n"), "{response}");
    }
}

#[test]
fn heads_are_bounded() {
    let fill = |bytes: usize| {
        let end = b"\r\n\r\n";
        let start = b"HTTP/1.1 404 Not Found\r\nX: ";
        [&start[..], &vec![b'x'; bytes - start.len() - end.len()], end].concat()
    };
    let refused = Err(ResponseError::Refused { status: 404, retry_after_s: None });
    assert_eq!(answer(&fill(HEAD_BYTES_MAX)), refused);
    assert_eq!(answer(&fill(HEAD_BYTES_MAX + 1)), Err(HeadError::TooLong.into()));
    let mut handshake = ServerHandshake::new();
    let mut fed = 0;
    while handshake.receive(b"GET", &[]) == Ok(None) {
        fed += 3;
        assert!(fed <= HEAD_BYTES_MAX);
    }
    assert!(fed + 3 >= HEAD_BYTES_MAX);
}

#[test]
fn the_client_asks_as_the_rfc_says() {
    let (_, bytes) = ClientHandshake::new(&request()).expect("a good request");
    let expected = "GET /v1/socket HTTP/1.1\r\nHost: example.com:8080\r\nUpgrade: websocket\r\n\
        Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: one, two\r\n\
        User-Agent: test\r\n\r\n";
    assert_eq!(String::from_utf8(bytes).expect("ASCII"), expected);
}

#[test]
fn an_extension_is_taken_only_as_it_was_offered() {
    let answer = |extension: &str| {
        let (mut handshake, bytes) = ClientHandshake::with_deflate(&request()).expect("good");
        let asked = String::from_utf8(bytes).expect("ASCII");
        assert!(asked.contains(&format!("Sec-WebSocket-Extensions: {DEFLATE}\r\n")), "{asked}");
        let key = accept_key(b"AAAAAAAAAAAAAAAAAAAAAA==");
        let response = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {key}\r\n{extension}\r\n"
        );
        handshake.receive(response.as_bytes()).map(|accepted| accepted.expect("whole").deflate)
    };
    let line = |value: &str| format!("Sec-WebSocket-Extensions: {value}\r\n");
    assert_eq!(answer(""), Ok(false));
    assert_eq!(answer(&line(DEFLATE)), Ok(true));
    for other in ["permessage-deflate", "permessage-deflate; server_max_window_bits=9", "x"] {
        assert_eq!(answer(&line(other)), Err(ResponseError::Extension), "{other}");
    }
    assert_eq!(answer(&line(DEFLATE).repeat(2)), Err(ResponseError::Extension));
}

#[test]
fn nothing_can_be_smuggled_into_a_request() {
    let bad = [
        ClientRequest { path: "/ HTTP/1.1\r\nX: y", ..request() },
        ClientRequest { path: "relative", ..request() },
        ClientRequest { host: "", ..request() },
        ClientRequest { host: "a\nb", ..request() },
        ClientRequest { protocols: &["a, b"], ..request() },
        ClientRequest { headers: &[("X y", "z")], ..request() },
        ClientRequest { headers: &[("X", "y\r\nZ: z")], ..request() },
    ];
    for request in bad {
        let got = ClientHandshake::new(&request).map(|(_, bytes)| bytes);
        assert_eq!(got, Err(ResponseError::Request), "{request:?}");
    }
}

#[test]
fn the_client_believes_a_good_response_and_leaves_the_frames() {
    let input = [RESPONSE, b"frames"].concat();
    for cut in 0..RESPONSE.len() {
        let mut handshake = ClientHandshake::new(&request()).expect("a good request").0;
        assert_eq!(handshake.receive(&input[..cut]), Ok(None));
        let done = handshake.receive(&input[cut..]).expect("good").expect("whole");
        assert_eq!(done.protocol.as_deref(), Some("one"));
        assert_eq!(&input[cut + done.consumed..], b"frames");
    }
}

#[test]
fn the_client_believes_no_other_response() {
    let good = str::from_utf8(RESPONSE).expect("ASCII");
    let flaws = [
        ("HTTP/1.1 101", "HTTP/1.1 +10", HeadError::Malformed.into()),
        ("HTTP/1.1", "HTTP/2", HeadError::Malformed.into()),
        (
            "101 Switching Protocols",
            "200 OK",
            ResponseError::Refused { status: 200, retry_after_s: None },
        ),
        (
            "101 Switching Protocols",
            "503 Busy\r\nRetry-After: 7",
            ResponseError::Refused { status: 503, retry_after_s: Some(7) },
        ),
        ("WebSocket", "h2c", ResponseError::NotWebSocket),
        ("connection: upgrade", "connection: close", ResponseError::NotWebSocket),
        ("ICX+", "icx+", ResponseError::Accept),
        ("sec-websocket-accept", "x", ResponseError::Accept),
        ("protocol: one", "protocol: three", ResponseError::Protocol),
        ("protocol: one", "protocol: one, two", ResponseError::Protocol),
        (
            "sec-websocket-protocol: one",
            "sec-websocket-protocol: two\r\nsec-websocket-protocol: one",
            ResponseError::Protocol,
        ),
        (
            "sec-websocket-protocol: one",
            "sec-websocket-extensions: permessage-deflate",
            ResponseError::Extension,
        ),
    ];
    for (part, flaw, error) in flaws {
        assert!(good.contains(part), "{part}");
        assert_eq!(answer(good.replacen(part, flaw, 1).as_bytes()), Err(error), "{flaw}");
    }
    let silent = good.replace("sec-websocket-protocol: one\r\n", "");
    let done = answer(silent.as_bytes()).expect("good").expect("whole");
    assert_eq!(done.protocol, None, "the caller decides whether it can do without");
}

#[test]
fn deflate_is_taken_where_it_can_be() {
    for (offer, taken) in [
        ("permessage-deflate", true),
        ("permessage-deflate; client_max_window_bits", true),
        (
            "x-webkit-deflate-frame, permessage-deflate; client_max_window_bits=12; server_no_context_takeover",
            true,
        ),
        ("permessage-deflate; server_max_window_bits=15", true),
        ("permessage-deflate; server_max_window_bits=10", false),
        ("permessage-deflate; server_max_window_bits=10, permessage-deflate", true),
        ("permessage-deflate; client_max_window_bits=7", false),
        ("permessage-deflate; server_no_context_takeover; server_no_context_takeover", false),
        ("permessage-deflate; something_else", false),
        ("permessage-bzip2", false),
    ] {
        let headers: [(&str, &[u8]); 5] = [
            ("Upgrade", b"websocket"),
            ("Connection", b"Upgrade"),
            ("Sec-WebSocket-Version", b"13"),
            ("Sec-WebSocket-Key", b"dGhlIHNhbXBsZSBub25jZQ=="),
            ("Sec-WebSocket-Extensions", offer.as_bytes()),
        ];
        let upgrade = check_upgrade(headers, &[]).expect("an upgrade");
        assert_eq!(upgrade.deflate, taken, "{offer}");
    }
}
