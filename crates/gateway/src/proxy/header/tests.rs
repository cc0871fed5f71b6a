use super::*;

/// What the header comes to, and how many bytes of `bytes` it took.
fn check(bytes: &[u8]) -> Result<(Option<SocketAddr>, usize), HeaderError> {
    let mut known = 0;
    loop {
        match decode(&bytes[..known])? {
            Step::Needs(count) => known += count,
            Step::Source(source) => return Ok((source, known)),
        }
    }
}

fn binary(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len()).expect("short").to_be_bytes();
    [&SIGNATURE[..], &[command, family], &length, body].concat()
}

fn found(text: &str) -> Option<SocketAddr> {
    text.parse().ok()
}

#[test]
fn a_line_names_the_client_and_ends_where_it_ends() {
    let line = b"PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n";
    assert_eq!(
        check(&[line, &b"GET / HTTP/1.1"[..]].concat()),
        Ok((found("192.0.2.1:56324"), line.len()))
    );
    let line = b"PROXY TCP6 2001:db8::1 2001:db8::2 1 443\r\n";
    assert_eq!(check(line), Ok((found("[2001:db8::1]:1"), line.len())));
    assert_eq!(check(b"PROXY UNKNOWN\r\n"), Ok((None, 15)));
    assert_eq!(check(b"PROXY UNKNOWN ff::1 ff::2 1 2\r\nx"), Ok((None, 31)));
}

#[test]
fn a_binary_header_names_the_client_and_its_extensions_are_skipped() {
    let body = [192, 0, 2, 1, 198, 51, 100, 1, 0xdc, 0x04, 0x01, 0xbb];
    let header = binary(0x21, 0x11, &body);
    assert_eq!(
        check(&[&header[..], b"GET"].concat()),
        Ok((found("192.0.2.1:56324"), header.len()))
    );
    let long = binary(0x21, 0x11, &[&body[..], &[0x04; 30]].concat());
    assert_eq!(check(&long), Ok((found("192.0.2.1:56324"), long.len())));
    let mut six = [0; 36];
    (six[0], six[1], six[15], six[33]) = (0x20, 0x01, 7, 9);
    let header = binary(0x21, 0x21, &six);
    assert_eq!(check(&header), Ok((found("[2001::7]:9"), header.len())));
    assert_eq!(check(&binary(0x20, 0x00, b"anything")), Ok((None, HEAD_BYTES + 8)));
    assert_eq!(check(&binary(0x21, 0x00, b"")), Ok((None, HEAD_BYTES)));
}

#[test]
fn what_is_no_header_is_refused_before_much_of_it_is_read() {
    assert_eq!(check(b"GET /v1/socket HTTP/1.1\r\n"), Err(HeaderError::NotAHeader));
    assert_eq!(check(b"PROXY TCP4 a\nbcd"), Err(HeaderError::NotAHeader));
    assert_eq!(
        check(b"PROXY TCP4 192.0.2.1 198.51.100.1 99999 443\r\n"),
        Err(HeaderError::Address)
    );
    assert_eq!(check(b"PROXY TCP4 2001:db8::1 2001:db8::2 1 443\r\n"), Err(HeaderError::Address));
    assert_eq!(check(b"PROXY TCP4 192.0.2.1\r\n"), Err(HeaderError::Address));
    assert_eq!(check(&[LINE_BEGIN, &[b'x'; 200]].concat()), Err(HeaderError::TooLong));
    assert_eq!(check(&binary(0x21, 0x11, &[0; 3_000])), Err(HeaderError::TooLong));
    assert_eq!(check(&binary(0x21, 0x11, &[0; 11])), Err(HeaderError::Address));
    assert_eq!(check(&binary(0x21, 0x31, &[0; 216])), Err(HeaderError::Address));
    assert_eq!(check(&binary(0x11, 0x11, &[0; 12])), Err(HeaderError::NotAHeader));
}
