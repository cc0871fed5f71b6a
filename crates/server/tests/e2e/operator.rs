//! `parlance account`, on a data directory with a server and without one.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use crate::harness::{Data, Server};

/// Runs `parlance account …` with a password on standard input.
fn account(data: &Path, args: &[&str], password: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_parlance"))
        .arg("account")
        .args(args)
        .arg("--data")
        .arg(data)
        .env("PARLANCE__ACCOUNTS__ARGON2__MEMORY_KIB", "8")
        .env("PARLANCE__ACCOUNTS__ARGON2__ITERATIONS", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut stdin = child.stdin.take().expect("piped");
    // Who refuses at once does not read it.
    let _ = writeln!(stdin, "{password}");
    drop(stdin);
    child.wait_with_output().expect("it ends")
}

fn done(output: &Output) -> String {
    let (out, err) = (&output.stdout, String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{err}");
    String::from_utf8_lossy(out).trim().to_owned()
}

fn refused(output: &Output, words: &[&str]) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert_eq!(said.trim_end().lines().count(), 1, "{said}");
    for word in words {
        assert!(said.contains(word), "{word} in {said}");
    }
}

fn may_sign_in(server: &Server, handle: &str, password: &str) -> bool {
    let body = json!({"handle": handle, "password": password});
    let (status, _) = server.call("POST", "/v1/session", None, Some(&body));
    status == 200
}

#[test]
fn an_account_is_made_and_reset_without_a_server() {
    let data = Data::new();
    done(&account(&data.path(), &["create", "ada", "--name", "Ada L"], "correct horse"));
    let said =
        done(&account(&data.path(), &["create", "bob", "--format", "json"], "correct horse"));
    let said: Value = serde_json::from_str(&said).expect("JSON");
    assert_eq!(said["handle"], json!("bob"));
    refused(&account(&data.path(), &["create", "ADA"], "correct horse"), &["handle", "taken"]);
    refused(&account(&data.path(), &["create", "carol"], "short"), &["password", "weak_password"]);
    refused(&account(&data.path(), &["create", "carol"], ""), &["no password"]);
    done(&account(&data.path(), &["reset", "bob"], "battery staple"));
    let nowhere = data.path().join("nowhere");
    refused(&account(&nowhere, &["reset", "bob"], "battery staple"), &["no data directory"]);

    let server = data.serve();
    assert!(may_sign_in(&server, "ada", "correct horse"));
    assert!(may_sign_in(&server, "bob", "battery staple"));
    assert!(!may_sign_in(&server, "bob", "correct horse"));
    let bob = server.sign_in_with("bob", "battery staple");
    let (_, ada) = server.call("GET", "/v1/people?q=ada", Some(&bob.token), None);
    assert_eq!(ada["people"][0]["name"], json!("Ada L"), "{ada}");
}

#[test]
fn a_running_server_does_it_and_signs_out_at_once() {
    let server = Server::start();
    let data = server.store();
    let ada = server.join("ada");
    let mut socket = server.connect(&ada, None);
    done(&account(&data, &["create", "bob"], "correct horse"));
    assert!(may_sign_in(&server, "bob", "correct horse"));
    refused(&account(&data, &["reset", "nobody"], "battery staple"), &["nobody", "not_found"]);

    let said = done(&account(&data, &["reset", "ada", "--format", "json"], "battery staple"));
    let said: Value = serde_json::from_str(&said).expect("JSON");
    assert_eq!((&said["account"], &said["sessions_ended"]), (&json!(ada.account), &json!(1)));
    let (status, error) = server.call("GET", "/v1/me", Some(&ada.token), None);
    assert_eq!((status, &error["error"]["code"]), (401, &json!("session_revoked")));
    assert!(socket.ok_or_closed().is_none(), "its socket is closed");
    assert!(!may_sign_in(&server, "ada", "correct horse"));
    assert!(may_sign_in(&server, "ada", "battery staple"));

    // What a killed server leaves is in nobody's way.
    let data = server.kill();
    done(&account(&data.path(), &["reset", "bob"], "battery staple"));
    let server = data.serve();
    done(&account(&server.store(), &["reset", "bob"], "correct horse"));
    assert!(may_sign_in(&server, "bob", "correct horse"));
    assert!(std::fs::exists(server.store().join("admin.sock")).expect("asked"));
    let (data, code) = server.stop();
    assert_eq!(code, Some(0));
    assert!(!std::fs::exists(data.path().join("admin.sock")).expect("asked"));
}
