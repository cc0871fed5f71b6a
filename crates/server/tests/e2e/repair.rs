//! `parlance verify --repair`: what is whole is kept, what is lost is said, and the damaged directory stays as it is.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::flips::{Acknowledged, SETTINGS, copy, files, make, seen};
use crate::harness::{Data, Server};

fn repair(data: &Path, into: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_parlance"))
        .args(["verify", "--format", "json", "--data"])
        .arg(data)
        .arg("--repair")
        .arg(into)
        .output()
        .expect("it runs")
}

fn report(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!("{error}: {:?} {}", output.status, String::from_utf8_lossy(&output.stderr))
    })
}

/// Every file with what is in it, but for locks.
fn bytes(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    files(folder, &mut found);
    let read = |path: PathBuf| (path.clone(), fs::read(path).expect("read"));
    found.into_keys().filter(|path| !path.ends_with("LOCK")).map(read).collect()
}

fn flip(path: &Path, at: u64) {
    let mut bytes = fs::read(path).expect("read");
    bytes[usize::try_from(at).expect("small")] ^= 4;
    fs::write(path, bytes).expect("written");
}

/// The hashes of every conversation, from what people see.
fn hashes(seen: &BTreeMap<String, Value>) -> BTreeMap<String, BTreeMap<u64, String>> {
    let mut hashes: BTreeMap<String, BTreeMap<u64, String>> = BTreeMap::new();
    for (key, events) in seen {
        let conversation = key.split(' ').nth(1).expect("a conversation").to_owned();
        for event in events.as_array().into_iter().flatten() {
            if let (Some(seq), Some(hash)) = (event["seq"].as_u64(), event["hash"].as_str()) {
                hashes.entry(conversation.clone()).or_default().insert(seq, hash.to_owned());
            }
        }
    }
    hashes
}

/// Of each conversation there is a beginning without a gap, as it was acknowledged; how many events are missing.
fn missing(
    repaired: &BTreeMap<String, Value>,
    acknowledged: &Acknowledged,
    report: &Value,
) -> usize {
    let found = hashes(repaired);
    let mut missing = 0;
    for ((conversation, seq), hash) in acknowledged {
        let events = found.get(conversation);
        let last = events.and_then(|events| events.last_key_value()).map_or(0, |(seq, _)| *seq);
        match events.and_then(|events| events.get(seq)) {
            Some(found) => assert_eq!(found, hash, "{seq} of {conversation}"),
            None => {
                assert!(*seq > last, "{seq} of {conversation} is a gap before {last}");
                missing += 1;
            }
        }
    }
    for loss in report["losses"].as_array().expect("losses") {
        let conversation = loss["conversation"].as_str().expect("an id");
        let last = found.get(conversation).and_then(|events| events.keys().next_back().copied());
        let from = loss["from"].as_u64().expect("a seq");
        assert_eq!(last.unwrap_or(0) + 1, from, "{loss}");
    }
    missing
}

#[test]
fn a_damaged_journal_costs_what_is_named_and_nothing_else() {
    let (data, acknowledged) = make();
    let mut rest = BTreeMap::new();
    files(&data.path().join("journal"), &mut rest);
    let mut losses = 0;
    for (path, file) in rest.iter().filter(|(_, file)| file.used > 0) {
        // Near its begin, in the middle, and towards the end.
        for at in [17, file.used / 2, file.used.saturating_sub(300)] {
            let damaged = Data::new();
            copy(&data.path(), &damaged.path());
            let flipped = damaged.path().join(path.strip_prefix(data.path()).expect("inside"));
            if at >= file.used {
                continue;
            }
            flip(&flipped, at);
            let before = bytes(&damaged.path());
            let new = Data::new();
            let output = repair(&damaged.path(), &new.path());
            let report = report(&output);
            assert_eq!(output.status.code(), Some(0), "{} at {at}: {report}", flipped.display());
            assert!(
                bytes(&damaged.path().join("journal")) == {
                    let mut before = before;
                    before.retain(|path, _| path.starts_with(damaged.path().join("journal")));
                    before
                }
            );
            if report["repaired"].is_null() {
                continue; // Harmless: in what was written in advance.
            }
            let server = new.serve_with(SETTINGS);
            let missing = missing(&seen(&server), &acknowledged, &report);
            losses += missing;
            let is_told = report["unreadable"].as_array().is_some_and(|places| !places.is_empty());
            assert!(missing == 0 || is_told, "{report}");
            let ada = server.sign_in("ada");
            server.connect(&ada, None).say_to(&ada.account, "and on");
            let (data, code) = server.stop();
            assert_eq!(code, Some(0));
            let output = Command::new(env!("CARGO_BIN_EXE_parlance"))
                .args(["verify", "--data"])
                .arg(data.path())
                .output();
            assert_eq!(output.expect("it runs").status.code(), Some(0));
        }
    }
    assert!(losses > 0, "no flip cost anything: this tests nothing");
}

#[test]
fn rows_are_made_again_from_a_journal_that_reaches_back() {
    let (data, acknowledged) = make();
    let mut rest = BTreeMap::new();
    files(&data.path().join("rows"), &mut rest);
    let (table, file) = rest.iter().max_by_key(|(_, file)| file.used).expect("files");
    assert!(table.to_string_lossy().contains("tables"), "{}", table.display());
    flip(table, file.used / 2);
    let new = Data::new();
    let output = repair(&data.path(), &new.path());
    let report = report(&output);
    assert_eq!(output.status.code(), Some(0), "{report}");
    assert_eq!((&report["rows_remade"], &report["losses"]), (&json!(true), &json!([])), "{report}");
    assert_eq!(missing(&seen(&new.serve_with(SETTINGS)), &acknowledged, &report), 0);
}

#[test]
fn keys_are_made_again_and_accounts_are_not() {
    let (data, acknowledged) = make();
    fs::write(data.path().join("keys.json"), "{}").expect("written");
    let new = Data::new();
    let first = report(&repair(&data.path(), &new.path()));
    assert_eq!((&first["keys_remade"], &first["losses"]), (&json!(true), &json!([])), "{first}");
    assert_eq!(missing(&seen(&new.serve_with(SETTINGS)), &acknowledged, &first), 0);

    let server = Server::start();
    server.join("ada");
    let (data, _) = server.stop();
    let accounts = data.path().join("accounts.sqlite");
    fs::write(&accounts, "no database").expect("written");
    // The log alone may have all of it.
    drop(fs::remove_file(data.path().join("accounts.sqlite-wal")));
    let new = Data::new();
    let output = repair(&data.path(), &new.path());
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("cannot be repaired") && said.contains("restore a backup"), "{said}");
    assert!(!new.path().exists(), "it left something behind");
}

#[test]
fn a_repair_is_refused_where_it_would_harm() {
    let server = Server::start();
    let ada = server.join("ada");
    server.connect(&ada, None).say_to(&ada.account, "note");
    let new = Data::new();
    let output = repair(&server.store(), &new.path());
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("in use"), "{said}");
    // Nothing is wrong: nothing is made.
    let (data, _) = server.stop();
    let output = repair(&data.path(), &new.path());
    assert_eq!((output.status.code(), &report(&output)["repaired"]), (Some(0), &Value::Null));
    assert!(!new.path().exists());
    // What is in the way is not touched.
    fs::write(data.path().join("keys.json"), "{}").expect("written");
    fs::create_dir(new.path()).expect("made");
    fs::write(new.path().join("mine"), "mine").expect("written");
    let output = repair(&data.path(), &new.path());
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("is not empty"), "{said}");
    assert_eq!(fs::read_to_string(new.path().join("mine")).expect("there"), "mine");
}
