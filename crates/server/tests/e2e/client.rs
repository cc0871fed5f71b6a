//! The Rust SDK's first example, as its reader would run it.

use std::path::{Path, PathBuf};
use std::process::Command;

use rustls::version::TLS13;
use serde_json::json;

use crate::harness::{Data, Server};
use crate::tls;
use crate::trust::{Authority, Files};

/// `cargo test --workspace` has built it beside the server; a run of this package alone has not.
pub(crate) fn example(name: &str) -> PathBuf {
    let built = Path::new(env!("CARGO_BIN_EXE_parlance")).with_file_name("examples").join(name);
    if !built.exists() {
        let arguments = ["build", "--quiet", "--package", "parlance-client", "--example", name];
        assert!(
            Command::new(env!("CARGO")).args(arguments).status().expect("cargo runs").success()
        );
    }
    built
}

/// Runs the example against a server on `url` and checks that Bob hears it.
fn send(server: &Server, url: &str, environment: &[(&str, &Path)]) {
    let bob = server.join("bob");
    let mut on_bob = server.connect(&bob, None);
    let output = Command::new(example("send"))
        .args([url, "ada", "a long password", "bob", "hello from the example"])
        .envs(environment.iter().copied())
        .output()
        .expect("the example runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said} {}", String::from_utf8_lossy(&output.stderr));
    let event = on_bob.expect_where("event", |event| event["seq"] == json!(2));
    assert_eq!(event["body"]["text"], json!("hello from the example"));
    let sent = format!("sent {} as 2 of", event["message_id"].as_str().expect("an id"));
    assert!(said.starts_with(&sent), "{said}");
}

#[test]
fn the_example_sends_a_message_and_says_where_it_went() {
    // First, since a socket does not wait for a compiler.
    example("send");
    let server = Server::start();
    send(&server, &format!("http://{}", server.address), &[]);
}

#[test]
fn the_example_does_so_over_tls_and_only_with_whom_it_trusts() {
    example("send");
    let (folder, authority) = (tempfile::tempdir().expect("a folder"), Authority::new());
    let files = Files::in_folder(folder.path());
    authority.issue(&files, (2020, 2100));
    let trusted = folder.path().join("trusted.pem");
    std::fs::write(&trusted, &authority.pem).expect("written");
    let data = Data::new();
    let server = Server::spawn(tls::command(&data, &files, &[]), data).ok().expect("started");
    let server = server.trusting(authority.trust(&[&TLS13]));
    let url = format!("https://{}", server.address);
    send(&server, &url, &[("SSL_CERT_FILE", &trusted)]);

    std::fs::write(&trusted, &Authority::new().pem).expect("written");
    let output = Command::new(example("send"))
        .args([url.as_str(), "eve", "a long password", "bob", "nobody hears this"])
        .env("SSL_CERT_FILE", &trusted)
        .output()
        .expect("the example runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("InvalidCertificate"), "{said}");
}
