use http::HeaderValue;

use super::*;

fn client(peer: &str, networks: &[&str], lines: &[&str]) -> String {
    let networks = networks.iter().map(|network| network.parse().expect("a network")).collect();
    let mut headers = HeaderMap::new();
    for line in lines {
        headers.append(FORWARDED_FOR, HeaderValue::from_str(line).expect("a header"));
    }
    let proxies = Proxies { networks, header: false };
    proxies.client(peer.parse().expect("an address"), &headers).0.to_string()
}

#[test]
fn strangers_are_not_believed() {
    assert_eq!(client("192.0.2.1", &[], &["203.0.113.9"]), "192.0.2.1");
    assert_eq!(client("192.0.2.1", &["10.0.0.0/8"], &["203.0.113.9"]), "192.0.2.1");
    // What a client wrote itself stands before what the proxy appended.
    assert_eq!(client("10.0.0.1", &["10.0.0.0/8"], &["127.0.0.1, 203.0.113.9"]), "203.0.113.9");
    assert_eq!(client("10.0.0.1", &["10.0.0.0/8"], &["127.0.0.1", "203.0.113.9"]), "203.0.113.9");
}

#[test]
fn a_chain_of_proxies_is_followed_to_its_begin() {
    let ours = ["10.0.0.0/8", "2001:db8::/32"];
    assert_eq!(client("10.0.0.1", &ours, &["203.0.113.9, 10.0.0.2"]), "203.0.113.9");
    assert_eq!(client("::ffff:10.0.0.1", &ours, &["203.0.113.9:4711"]), "203.0.113.9");
    assert_eq!(client("2001:db8::7", &ours, &["[2001:db9::1]:443"]), "2001:db9::1");
    assert_eq!(client("10.0.0.1", &ours, &["[2001:db9::1]"]), "2001:db9::1");
    assert_eq!(client("10.0.0.1", &ours, &["10.0.0.7"]), "10.0.0.7");
    assert_eq!(client("10.0.0.1", &ours, &[]), "10.0.0.1");
}

#[test]
fn what_cannot_be_read_ends_the_search_where_it_was() {
    for word in ["unknown", "", "_hidden", "1.2.3", "\u{e4}"] {
        assert_eq!(
            client("10.0.0.1", &["10.0.0.0/8"], &[&format!("203.0.113.9, {word}")]),
            "10.0.0.1"
        );
    }
    let long = vec!["10.0.0.2"; 1_000].join(",");
    assert_eq!(client("10.0.0.1", &["10.0.0.0/8"], &[&format!("203.0.113.9,{long}")]), "10.0.0.2");
}
