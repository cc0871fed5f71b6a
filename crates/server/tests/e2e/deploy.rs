//! The files of `deploy/` against the program that they run, and the program against whoever supervises it.

use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::{Data, PATIENCE, Server};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

pub(crate) fn file(name: &str) -> String {
    std::fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// What follows `begin` on the lines that begin with it.
fn after<'t>(text: &'t str, begin: &str) -> Vec<&'t str> {
    text.lines().filter_map(|line| line.trim().strip_prefix(begin)).map(str::trim).collect()
}

fn one<'t>(text: &'t str, begin: &str) -> &'t str {
    let found = after(text, begin);
    assert_eq!(found.len(), 1, "{begin} in {text}");
    found[0]
}

/// The command line is understood: as it stands, with help asked for instead of doing it.
fn is_understood(arguments: &[&str]) {
    let program = env!("CARGO_BIN_EXE_parlance");
    let output = Command::new(program).args(arguments).arg("--help").output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    for option in arguments.iter().filter(|argument| argument.starts_with("--")) {
        assert!(said.contains(option), "{option} in {said}");
    }
}

/// The configuration is one, with these variables over it. What counts then, as TOML.
fn effective(config: &str, environment: &[(&str, &str)]) -> toml::Table {
    let mut command = Command::new(env!("CARGO_BIN_EXE_parlance"));
    command.args(["config", "print", "--config"]).arg(root().join(config));
    let output = command.envs(environment.iter().copied()).output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8").parse().expect("TOML")
}

#[test]
fn the_unit_starts_what_is_there_and_waits_as_long_as_it_takes() {
    let unit = file("deploy/parlance.service");
    for line in ["ExecStart=", "ExecStartPre="] {
        let words: Vec<&str> = one(&unit, line).split(' ').collect();
        assert_eq!(words[0], "/usr/local/bin/parlance");
        is_understood(&words[1..]);
    }
    assert_eq!(one(&unit, "Type="), "notify");
    let data = format!("--data /var/lib/{}", one(&unit, "StateDirectory="));
    assert!(one(&unit, "ExecStart=").ends_with(&data), "{data}");
    let seconds: u64 = one(&unit, "TimeoutStopSec=").parse().expect("seconds");
    assert!(seconds > 30, "a stop takes up to 30 s");
    let connections = effective("deploy/parlance.toml", &[])["server"]["connections_max"]
        .as_integer()
        .expect("a number");
    let files: i64 = one(&unit, "LimitNOFILE=").parse().expect("a number");
    assert!(files >= connections + 1_024, "{files} files for {connections} connections");
}

#[test]
fn the_image_and_the_compose_file_agree_with_the_configuration() {
    let (image, compose) = (file("deploy/Dockerfile"), file("deploy/compose.yaml"));
    let toolchain: toml::Table = file("rust-toolchain.toml").parse().expect("TOML");
    let channel = toolchain["toolchain"]["channel"].as_str().expect("a version");
    assert!(image.contains(&format!("FROM rust:{channel}-")), "{channel}");
    assert!(image.contains("\nFROM scratch\n"));

    // What is started is there, and understood.
    assert_eq!(one(&image, "ENTRYPOINT "), "[\"/parlance\"]");
    let command: Vec<String> = serde_json::from_str(one(&image, "CMD ")).expect("an array");
    let words: Vec<&str> = command.iter().map(String::as_str).collect();
    is_understood(&words);
    let config = words.iter().position(|word| *word == "--config").expect("a configuration");
    assert!(image.contains(&format!("/image{}", words[config + 1])), "{}", words[config + 1]);
    assert!(compose.contains(&format!("./parlance.toml:{}:ro", words[config + 1])));
    let package = one(&image, "RUN cargo build ");
    let lock = file("Cargo.lock");
    let name = package.split(' ').skip_while(|word| *word != "--package").nth(1);
    assert!(lock.contains(&format!("name = \"{}\"", name.expect("a package"))));

    // Port, volume, variables.
    let mut variables = Vec::new();
    for line in compose.lines().map(str::trim).filter(|line| line.starts_with("PARLANCE__")) {
        variables.push(line.split_once(": ").expect("a value"));
    }
    assert!(!variables.is_empty());
    let effective = effective("deploy/parlance.toml", &variables);
    let server = &effective["server"];
    let port = server["listen"].as_str().and_then(|it| it.rsplit_once(':')).expect("a port").1;
    assert_eq!(one(&image, "EXPOSE "), port);
    assert!(compose.contains(&format!(":{port}\"")), "{port}");
    let data = server["data"].as_str().expect("a path");
    assert_eq!(one(&image, "VOLUME "), data);
    assert!(compose.contains(&format!("data:{data}\n")));
    for named in after(&compose, "dockerfile: ") {
        assert!(root().join(named).is_file(), "{named}");
    }
    let grace = one(&compose, "stop_grace_period: ").trim_end_matches('s');
    assert!(grace.parse::<u64>().expect("seconds") > 30, "a stop takes up to 30 s");
}

#[test]
fn a_supervisor_hears_when_it_is_ready_alive_and_stopping() {
    let place = tempfile::tempdir().expect("a folder");
    let path = place.path().join("notify");
    let socket = UnixDatagram::bind(&path).expect("bound");
    socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let hear = || {
        let mut bytes = [0; 256];
        let count = socket.recv(&mut bytes).expect("something is said");
        String::from_utf8_lossy(&bytes[..count]).into_owned()
    };
    let data = Data::new();
    let mut command = data.command(&[("WATCHDOG_USEC", "400000")]);
    command.env("NOTIFY_SOCKET", &path);
    let server = Server::spawn(command, data).ok().expect("started");
    assert_eq!(hear(), "READY=1");
    for _ in 0..3 {
        assert_eq!(hear(), "WATCHDOG=1");
    }
    server.join("ada");
    server.signal("TERM");
    let mut last = hear();
    while last == "WATCHDOG=1" {
        last = hear();
    }
    assert_eq!(last, "STOPPING=1");
    assert_eq!(server.wait().1, Some(0));

    // Who is not asked for signs of life gives none; an address that is no good stops nothing.
    let data = Data::new();
    let mut command = data.command(&[("WATCHDOG_USEC", "400000"), ("WATCHDOG_PID", "1")]);
    command.env("NOTIFY_SOCKET", &path);
    let server = Server::spawn(command, data).ok().expect("started");
    assert_eq!(hear(), "READY=1");
    assert_eq!(server.stop().1, Some(0));
    assert_eq!(hear(), "STOPPING=1");
    let data = Data::new();
    let mut command = data.command(&[]);
    command.env("NOTIFY_SOCKET", place.path().join("nobody"));
    let server = Server::spawn(command, data).ok().expect("started");
    server.join("ada");
}
