//! The drill against its own temporary server: short runs, whole checks.

use std::process::Command;

use serde_json::{Value, json};

fn drill(arguments: &[&str]) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_parlance"))
        .arg("drill")
        .args(arguments)
        .args(["--seconds", "1", "--windows", "1", "--format", "json"])
        .output()
        .expect("the drill runs");
    let said = String::from_utf8_lossy(&output.stderr);
    let report: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {said}"));
    assert!(output.status.success(), "{report} {said}");
    assert_eq!(report["passed"], json!(true), "{report}");
    for field in ["lost", "duplicated", "reordered"] {
        assert_eq!(report[field], json!(0), "{report}");
    }
    report
}

#[test]
fn pairs_and_groups_arrive_once_and_in_order() {
    let pairs = drill(&["pairs", "--pairs", "10"]);
    assert!(pairs["delivered"].as_u64().is_some_and(|delivered| delivered > 10), "{pairs}");
    let group = drill(&["group", "--size", "20"]);
    assert!(group["delivered"].as_u64().is_some_and(|delivered| delivered > 20), "{group}");
}

#[test]
fn devices_that_come_back_at_once_miss_nothing() {
    drill(&["storm", "--devices", "50", "--conversations", "5"]);
}

#[test]
fn devices_that_change_their_door_end_with_the_same_logs() {
    let report = drill(&["doors", "--rooms", "2", "--period", "0.3"]);
    let doors = &report["doors"];
    assert!(doors["changes"].as_u64().is_some_and(|changes| changes > 0), "{report}");
    assert!(doors["socket"]["events"].as_u64().is_some_and(|events| events > 0), "{report}");
}

#[test]
fn a_full_store_and_a_cold_one_answer_everything() {
    let stored =
        drill(&["stored", "--messages", "5000", "--conversations", "100", "--active", "50"]);
    assert!(
        stored["stored"]["bytes_per_message"].as_f64().is_some_and(|bytes| bytes > 1.0),
        "{stored}"
    );
    drill(&["cold", "--conversations", "200", "--size", "5", "--rate", "50", "--visits", "100"]);
    drill(&["scatter", "--conversations", "300"]);
    drill(&["scatter", "--conversations", "300", "--apart"]);
}

#[test]
fn backups_beside_conversations_are_whole() {
    let sizes = ["--messages", "3000", "--conversations", "100", "--pairs", "5", "--rate", "100"];
    let report = drill(&[&["backup"], &sizes[..]].concat());
    assert!(report["backup"]["backups"].as_u64().is_some_and(|taken| taken > 0), "{report}");
}

#[test]
fn a_recorded_conversation_comes_back_word_for_word() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/irc");
    let mut files: Vec<String> = std::fs::read_dir(folder)
        .expect("the excerpt is there")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .map(|path| path.to_str().expect("UTF-8").to_owned())
        .collect();
    files.sort();
    let arguments: Vec<&str> =
        std::iter::once("replay").chain(files.iter().map(String::as_str)).collect();
    let report = drill(&arguments);
    assert!(report["sent"].as_u64().is_some_and(|sent| sent > 100), "{report}");
}
