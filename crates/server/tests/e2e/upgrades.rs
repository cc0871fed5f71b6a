//! Data of every release, which this version has to open: whole directories that a server was killed on (`testdata/v*/data`), each file
//! compressed.
//!
//! Each run of these tests packs a directory of this version as well; a release moves `this-version` from the folder of cargo for temporary
//! files (`target/tmp`) to `testdata/v<next>`. What is there once never changes.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::flips::{SETTINGS, files, make, seen};
use crate::harness::Data;

/// Beside the directory: what people saw of it.
const SEEN: &str = "seen.json.zst";

fn parlance(arguments: &[&str], data: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_parlance"))
        .args(arguments)
        .arg("--data")
        .arg(data)
        .output()
        .expect("it runs")
}

/// The directories of all releases.
fn releases() -> Vec<PathBuf> {
    let testdata = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata");
    let entries = fs::read_dir(testdata).expect("the folder is committed");
    let folders = entries.map(|entry| entry.expect("an entry").path());
    let mut found: Vec<_> = folders.filter(|folder| folder.join("data").is_dir()).collect();
    found.sort();
    found
}

fn unpack(from: &Path, to: &Path) {
    let mut packed = BTreeMap::new();
    files(from, &mut packed);
    for path in packed.keys().filter(|path| path.extension().is_some_and(|it| it == "zst")) {
        let to = to.join(path.strip_prefix(from).expect("inside")).with_extension("");
        fs::create_dir_all(to.parent().expect("a folder")).expect("made");
        let bytes = zstd::decode_all(fs::File::open(path).expect("opened")).expect("unpacked");
        fs::write(to, bytes).expect("written");
    }
}

/// What lasts of what people see: every event as it was logged, by person and conversation.
fn lasting(seen: &BTreeMap<String, Value>) -> Value {
    let mut lasting = BTreeMap::new();
    for (key, events) in seen.iter().filter(|(_, events)| events.is_array()) {
        let events = events.as_array().into_iter().flatten();
        let kept = events.map(|event| {
            let fields = ["seq", "at", "sender", "message_id", "hash", "ordinal", "body"];
            fields.iter().map(|field| ((*field).to_owned(), event[*field].clone())).collect()
        });
        lasting.insert(key, kept.collect::<Vec<Value>>());
    }
    json!(lasting)
}

/// This version opens it, shows what people saw, goes on, and finds nothing wrong.
fn opens(release: &Path) {
    let data = Data::new();
    unpack(&release.join("data"), &data.path());
    let server = data.serve_with(SETTINGS);
    let expected = fs::File::open(release.join(SEEN)).expect("opened");
    let expected = zstd::decode_all(expected).expect("unpacked");
    let expected: Value = serde_json::from_slice(&expected).expect("JSON");
    assert_eq!(lasting(&seen(&server)), expected, "{}", release.display());
    let ada = server.sign_in("ada");
    server.connect(&ada, None).say_to(&ada.account, "and on");
    let (data, code) = server.stop();
    assert_eq!(code, Some(0));
    let output = parlance(&["verify"], &data.path());
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}: {said}", release.display());
}

#[test]
fn data_of_every_release_open_with_everything_in_them() {
    let releases = releases();
    assert!(!releases.is_empty());
    for release in &releases {
        opens(release);
    }
}

#[test]
fn data_of_this_version_are_packed_for_those_after_it() {
    let (data, _) = make();
    let to = Path::new(env!("CARGO_TARGET_TMPDIR")).join("this-version");
    if to.exists() {
        fs::remove_dir_all(&to).expect("removed");
    }
    let mut written = BTreeMap::new();
    files(&data.path(), &mut written);
    for path in written.into_keys() {
        let inside = path.strip_prefix(data.path()).expect("inside");
        let mut name = to.join("data").join(inside).into_os_string();
        name.push(".zst");
        let name = PathBuf::from(name);
        fs::create_dir_all(name.parent().expect("a folder")).expect("made");
        let packed = zstd::encode_all(fs::File::open(path).expect("opened"), 19).expect("packed");
        fs::write(name, packed).expect("written");
    }
    let seen = lasting(&seen(&data.serve_with(SETTINGS)));
    let seen = zstd::encode_all(seen.to_string().as_bytes(), 19).expect("packed");
    fs::write(to.join(SEEN), seen).expect("written");
    opens(&to);
}

/// The directory of the first release, as it was.
fn first_release() -> Data {
    let data = Data::new();
    unpack(&releases()[0].join("data"), &data.path());
    data
}

fn done(output: &Output) -> Value {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn refused(output: &Output, why: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.trim_end().lines().count() == 1 && said.contains(why), "{said}");
}

const JSON: [&str; 2] = ["--format", "json"];

#[test]
fn an_upgrade_is_told_before_and_can_be_undone() {
    let data = first_release();
    let (check, now) =
        (["upgrade", "--check", "--format", "json"], ["upgrade", "--format", "json"]);
    let told = done(&parlance(&check, &data.path()));
    assert_eq!(told["accounts"]["found"], json!(1), "{told}");
    let wanted = told["accounts"]["wanted"].as_i64().expect("a number");
    assert!(wanted > 1 && told["done"] == json!(false), "{told}");
    assert_eq!(told["as_they_are"], json!(["journal 1", "rows 3"]), "{told}");
    assert_eq!(done(&parlance(&check, &data.path())), told, "the check changed something");

    assert_eq!(done(&parlance(&now, &data.path()))["done"], json!(true));
    let after = done(&parlance(&check, &data.path()));
    assert_eq!(after["accounts"]["found"], json!(wanted), "{after}");
    assert_eq!(after["accounts"]["steps"], json!([]), "{after}");

    let rollback = [&["rollback"], &JSON[..]].concat();
    let undone = done(&parlance(&rollback, &data.path()));
    assert_eq!((&undone["from"], &undone["to"]), (&json!(wanted), &json!(1)), "{undone}");
    assert!(Path::new(undone["kept"].as_str().expect("a path")).is_file());
    assert_eq!(done(&parlance(&check, &data.path())), told, "not as it was");
    refused(&parlance(&rollback, &data.path()), "nothing to go back to");
}

#[test]
fn a_start_upgrades_and_what_must_not_be_undone_is_not() {
    let rollback = |data: &Path| parlance(&["rollback"], data);
    let upgraded = || {
        let server = first_release().serve_with(SETTINGS);
        refused(&rollback(&server.store()), "a server runs");
        server
    };
    // Who only signed in does so again.
    let server = upgraded();
    server.sign_in("ada");
    let (data, _) = server.stop();
    let output = parlance(&["rollback", "--format", "json"], &data.path());
    assert_eq!(done(&output)["signed_out"], json!(1));
    let server = data.serve_with(SETTINGS);
    server.sign_in("bob");

    let server = upgraded();
    server.join("new");
    let (data, _) = server.stop();
    refused(&rollback(&data.path()), "1 accounts were made");
    data.serve_with(SETTINGS).sign_in("new");

    let server = upgraded();
    let ada = server.sign_in("ada");
    let body = json!({"password": "correct horse", "new_password": "battery staple"});
    let (status, answer) = server.call("PUT", "/v1/me/password", Some(&ada.token), Some(&body));
    assert!(status < 300, "{status}: {answer}");
    let (data, _) = server.stop();
    refused(&rollback(&data.path()), "passwords were changed");
}

#[test]
fn data_of_a_newer_version_are_left_alone() {
    let data = first_release();
    fs::write(data.path().join("rows/version"), b"FJL\x09").expect("written");
    refused(
        &parlance(&["upgrade", "--check"], &data.path()),
        "in no format that this version reads",
    );
    refused(&parlance(&["upgrade"], &data.path()), "in no format that this version reads");
}
