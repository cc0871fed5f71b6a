//! `parlance doctor`: nothing is wrong with a good place, and what is wrong with a bad one is named together with what to do.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::harness::{Data, Server};
use crate::trust::{Authority, Files};

fn doctor(data: &Path, settings: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_parlance"));
    command.arg("doctor").arg("--data").arg(data).envs(settings.iter().copied());
    command
}

fn run(mut command: Command) -> Output {
    command.output().expect("it runs")
}

fn report(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)))
}

/// What it says of one check: how bad it is, what was found, what to do.
fn of<'r>(report: &'r Value, check: &str) -> (&'r str, &'r str, &'r str) {
    let findings = report["findings"].as_array().expect("findings");
    let finding = findings.iter().find(|it| it["check"] == json!(check));
    let finding = finding.unwrap_or_else(|| panic!("{check} in {report}"));
    let text = |field: &str| finding[field].as_str().unwrap_or_default();
    (text("standing"), text("found"), text("remedy"))
}

#[test]
fn nothing_is_wrong_with_a_good_place_served_or_not() {
    let place = tempfile::tempdir().expect("a folder");
    let free = [("PARLANCE__SERVER__LISTEN", "127.0.0.1:0")];
    let mut command = doctor(&place.path().join("not-there-yet"), &free);
    command.arg("--json");
    let output = run(command);
    let fresh = report(&output);
    assert_eq!(output.status.code(), Some(0), "{fresh}");
    assert_eq!(fresh["wrong"], json!(false), "{fresh}");
    assert!(of(&fresh, "data directory").1.contains("first start makes it"), "{fresh}");
    assert_eq!(place.path().read_dir().expect("listed").count(), 0, "it left something behind");

    let server = Server::start();
    server.join("ada");
    let settings = [("PARLANCE__SERVER__LISTEN", server.address.as_str())];
    let mut command = doctor(&server.store(), &settings);
    command.args(["--format", "json"]);
    let output = run(command);
    let again = report(&output);
    assert_eq!(output.status.code(), Some(0), "{again}");
    let (standing, found, _) = of(&again, "port");
    assert!(standing == "good" && found.contains("a server runs on this data"), "{again}");
    assert!(of(&again, "formats").1.contains("journal 1, rows 3, accounts "), "{again}");

    // The same for people: a line for each check, and a sum.
    let output = run(doctor(&server.store(), &settings));
    let said = String::from_utf8_lossy(&output.stdout);
    for check in again["findings"].as_array().expect("findings") {
        let check = check["check"].as_str().expect("a name");
        assert!(said.lines().any(|line| line.contains(check)), "{check} in {said}");
    }
    assert!(said.lines().last().expect("a sum").starts_with("0 wrong"), "{said}");
}

#[test]
fn everything_that_is_wrong_is_named_with_its_remedy() {
    let (data, _) = Server::start().stop();
    let store = data.path();
    std::fs::write(store.join("keys.json"), "{}").expect("written");
    std::fs::write(store.join("rows/version"), b"FJL\x09").expect("written");
    let folder = tempfile::tempdir().expect("a folder");
    let (files, other) = (Files::in_folder(folder.path()), tempfile::tempdir().expect("a folder"));
    let authority = Authority::new();
    authority.issue(&files, (2020, 2100));
    let others = Files::in_folder(other.path());
    authority.issue(&others, (2020, 2100));
    let taken = TcpListener::bind("127.0.0.1:0").expect("bound");
    let address = taken.local_addr().expect("an address").to_string();
    let settings = [
        ("PARLANCE__SERVER__LISTEN", address.as_str()),
        ("PARLANCE__STORE__RESERVE_MIB", "1000000000"),
        ("PARLANCE__TLS__CERTIFICATE", files.certificate.to_str().expect("UTF-8")),
        ("PARLANCE__TLS__KEY", others.key.to_str().expect("UTF-8")),
    ];
    let mut limited = Command::new("sh");
    let program = env!("CARGO_BIN_EXE_parlance");
    let script = format!("ulimit -n 1500 && exec {program} doctor --json --data \"$0\"");
    limited.arg("-c").arg(script).arg(&store).envs(settings);
    let output = run(limited);
    let report = report(&output);
    assert_eq!(output.status.code(), Some(1), "{report}");
    for (check, standing, found, remedy) in [
        ("keys", "wrong", "keys.json", "put a copy of it back"),
        ("formats", "wrong", "rows/version", "start the version that wrote it"),
        ("certificate", "wrong", "is not that of the certificate", "put both files right"),
        ("port", "wrong", "is in use", "stop who listens there"),
        ("disk room", "wrong", "are free", "make room"),
        ("open files", "warning", "room for 476 connections", "LimitNOFILE="),
    ] {
        let said = of(&report, check);
        assert_eq!(said.0, standing, "{check}: {report}");
        assert!(said.1.contains(found) && said.2.contains(remedy), "{check}: {said:?}");
    }
}

#[test]
fn a_certificate_is_spoken_of_before_it_ends() {
    let place = tempfile::tempdir().expect("a folder");
    let files = Files::in_folder(place.path());
    let authority = Authority::new();
    let look = |standing: &str, found: &str| {
        let settings = [
            ("PARLANCE__SERVER__LISTEN", "127.0.0.1:0"),
            ("PARLANCE__TLS__CERTIFICATE", files.certificate.to_str().expect("UTF-8")),
            ("PARLANCE__TLS__KEY", files.key.to_str().expect("UTF-8")),
        ];
        let mut command = doctor(&place.path().join("data"), &settings);
        command.arg("--json");
        let report = report(&run(command));
        let said = of(&report, "certificate");
        assert!(said.0 == standing && said.1.contains(found), "{said:?}");
    };
    authority.issue(&files, (2020, 2021));
    look("wrong", "expired 2021-01-01");
    authority.issue(&files, (2090, 2100));
    look("wrong", "holds from 2090-01-01 on");
    authority.issue(&files, (2020, 2100));
    look("warning", "everybody can read");
    let mode = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(&files.key, mode).expect("set");
    look("good", "holds until 2100-01-01");
}

#[test]
fn what_cannot_be_checked_is_not_called_wrong() {
    let data = Data::new();
    let output = run(doctor(&data.path(), &[("PARLANCE__SERVER__LISTEN", "here")]));
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("server.listen"), "{said}");
}
