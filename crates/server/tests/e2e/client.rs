//! The Rust SDK's example, as its reader would run it.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use crate::harness::Server;

/// `cargo test --workspace` has built it beside the server; a run of this package alone has not.
fn example() -> PathBuf {
    let built = Path::new(env!("CARGO_BIN_EXE_parlance")).with_file_name("examples").join("send");
    if !built.exists() {
        let arguments = ["build", "--quiet", "--package", "parlance-client", "--example", "send"];
        assert!(
            Command::new(env!("CARGO")).args(arguments).status().expect("cargo runs").success()
        );
    }
    built
}

#[test]
fn the_example_sends_a_message_and_says_where_it_went() {
    // First, since a socket does not wait for a compiler.
    let example = example();
    let server = Server::start();
    let bob = server.join("bob");
    let mut on_bob = server.connect(&bob, None);
    let url = format!("http://{}", server.address);
    let output = Command::new(example)
        .args([url.as_str(), "ada", "a long password", "bob", "hello from the example"])
        .output()
        .expect("the example runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said} {}", String::from_utf8_lossy(&output.stderr));
    let event = on_bob.expect_where("event", |event| event["seq"] == json!(2));
    assert_eq!(event["body"]["text"], json!("hello from the example"));
    let sent = format!("sent {} as 2 of", event["message_id"].as_str().expect("an id"));
    assert!(said.starts_with(&sent), "{said}");
}
