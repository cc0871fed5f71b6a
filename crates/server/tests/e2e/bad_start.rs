//! A start that cannot be: one clear line that says what, where and what to do, an exit code that is not 0, and nothing damaged, so that
//! a start after the cause is gone has everything.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::harness::{Data, Person, Server};
use crate::socket::texts;

/// Runs a server that must not start; gives the one line that it leaves.
fn refused(mut command: Command) -> String {
    let mut child =
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the server starts");
    // Ends when the process does, or with the line that says that it is ready.
    let mut first = [0];
    let started = child.stdout.take().expect("piped").read(&mut first).expect("read") > 0;
    if started {
        child.kill().expect("killed");
    }
    let mut said = String::new();
    child.stderr.take().expect("piped").read_to_string(&mut said).expect("UTF-8");
    let status = child.wait().expect("reaped");
    assert!(!started, "it started all the same: {said}");
    assert_eq!(status.code(), Some(1), "{said}");
    assert_eq!(said.trim_end().lines().count(), 1, "{said}");
    assert!(said.starts_with("parlance: "), "{said}");
    said
}

fn says(line: &str, words: &[&str]) {
    for word in words {
        assert!(line.contains(word), "{word} in {line}");
    }
}

/// A directory with a history, and what it must still have later.
struct Filled {
    data: Data,
    account: String,
    conversation: String,
    sent: Vec<String>,
}

impl Filled {
    /// `clean`: after a proper stop; otherwise after a kill, so that the next start has to replay.
    fn new(clean: bool) -> Self {
        let server = Server::start();
        let (ada, bob) = (server.join("ada"), server.join("bob"));
        let mut socket = server.connect(&ada, None);
        let sent: Vec<String> = (0..40).map(|number| format!("message {number}")).collect();
        let oks: Vec<Value> = sent.iter().map(|text| socket.say_to(&bob.account, text)).collect();
        let conversation = oks[0]["conversation"].as_str().expect("an id").to_owned();
        let data = if clean { server.stop().0 } else { server.kill() };
        Self { data, account: bob.account, conversation, sent }
    }

    fn path(&self, inside: &str) -> PathBuf {
        self.data.path().join(inside)
    }

    /// Starts it, finds everything, and goes on.
    fn has_everything(self) {
        let server = self.data.serve();
        let ada = server.sign_in("ada");
        let mut socket = server.connect(&ada, None);
        let found = texts(&socket.history(&self.conversation));
        assert_eq!(found, self.sent);
        socket.say_to(&self.account, "and on");
    }

    /// Damages a file as `damage` says, sees the start refused with `words`, undoes the damage and finds everything.
    fn survives(self, file: &Path, damage: impl FnOnce(&mut Vec<u8>), words: &[&str]) {
        let whole = std::fs::read(file).expect("the file is there");
        let mut damaged = whole.clone();
        damage(&mut damaged);
        assert_ne!(whole, damaged, "{}", file.display());
        std::fs::write(file, damaged).expect("written");
        let line = refused(self.data.command(&[]));
        says(&line, words);
        std::fs::write(file, whole).expect("written");
        self.has_everything();
    }
}

/// The files below a folder, the largest first.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let entry = entry.expect("an entry");
            let kind = entry.file_type().expect("a kind");
            if kind.is_dir() {
                folders.push(entry.path());
            } else {
                found.push((entry.metadata().expect("metadata").len(), entry.path()));
            }
        }
    }
    found.sort_by(|a, b| b.cmp(a));
    found.into_iter().map(|(_, path)| path).collect()
}

fn serve(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_parlance"));
    command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(data).env("RUST_LOG", "warn");
    command
}

#[test]
fn a_place_where_nobody_can_write_is_named() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("file");
    std::fs::write(&file, "not a directory").expect("written");
    // Neither is for root to write to either.
    for place in [file.as_path(), &file.join("below"), Path::new("/proc/parlance-data")] {
        let line = refused(serve(place));
        says(&line, &[place.to_str().expect("UTF-8"), "--data"]);
    }
    assert_eq!(std::fs::read_to_string(&file).expect("still there"), "not a directory");
}

#[test]
fn a_read_only_data_directory_is_named_and_keeps_everything() {
    let filled = Filled::new(true);
    let folders = ["", "journal", "rows"].map(|inside| filled.path(inside));
    let set = |mode: u32| {
        use std::os::unix::fs::PermissionsExt;
        for folder in &folders {
            let permissions = std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(folder, permissions).expect("set");
        }
    };
    set(0o555);
    // Permissions do not bind root; then there is nothing to be seen here.
    if std::fs::write(filled.path("probe"), "").is_err() {
        let line = refused(filled.data.command(&[]));
        says(&line, &[filled.data.path().to_str().expect("UTF-8"), "cannot be written"]);
    }
    set(0o755);
    filled.has_everything();
}

#[test]
fn a_flipped_byte_in_the_middle_of_the_journal_is_named() {
    let filled = Filled::new(false);
    let segment = files(&filled.path("journal"))
        .into_iter()
        .find(|file| std::fs::read(file).is_ok_and(|bytes| contains(&bytes, b"message 20")))
        .expect("a segment holds it");
    let name = segment.file_name().expect("a name").to_str().expect("UTF-8").to_owned();
    let flip = |bytes: &mut Vec<u8>| {
        let at = bytes.windows(10).position(|found| found == b"message 20").expect("there");
        bytes[at] ^= 1;
    };
    filled.survives(
        &segment,
        flip,
        &[&name, "at offset", "parlance verify", "nothing was changed"],
    );
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|found| found == wanted)
}

#[test]
fn a_flipped_byte_in_the_list_of_tables_is_named() {
    let filled = Filled::new(true);
    let list = files(&filled.path("rows"))
        .into_iter()
        .filter(|file| {
            let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            name.strip_prefix('v').is_some_and(|number| number.parse::<u32>().is_ok())
        })
        .max()
        .expect("a list of tables");
    let path = list.to_str().expect("UTF-8").to_owned();
    let middle = |bytes: &mut Vec<u8>| {
        let at = bytes.len() / 2;
        bytes[at] ^= 0x10;
    };
    filled.survives(&list, middle, &[&path, "parlance verify", "nothing was changed"]);
}

/// A table is read when somebody asks for what is in it: the start need not find this, but nobody gets wrong words for right ones.
#[test]
fn a_flipped_byte_in_a_table_is_never_shown() {
    let mut filled = Filled::new(true);
    let table = files(&filled.path("rows/keyspaces/1/tables")).remove(0);
    let whole = std::fs::read(&table).expect("read");
    let (mut refusals, places) = (0, 6);
    for place in 0..places {
        let mut damaged = whole.clone();
        damaged[whole.len() * (2 * place + 1) / (2 * places)] ^= 0x10;
        std::fs::write(&table, &damaged).expect("written");
        filled.data = match filled.data.try_serve_with(&[]) {
            Err(data) => {
                refusals += 1;
                says(&refused(data.command(&[])), &["rows", "parlance verify"]);
                data
            }
            Ok(server) => {
                let ada = server.sign_in("ada");
                match read(&server, &ada, &filled.conversation) {
                    Ok(found) => assert_eq!(found, filled.sent),
                    Err(error) => {
                        refusals += 1;
                        assert!(error["error"]["code"].is_string(), "{error}");
                    }
                }
                server.kill()
            }
        };
    }
    std::fs::write(&table, whole).expect("written");
    assert!(refusals > 0, "no place that was damaged matters");
    filled.has_everything();
}

/// The texts of a conversation by HTTP, or the answer that refuses them.
fn read(server: &Server, person: &Person, conversation: &str) -> Result<Vec<String>, Value> {
    let path = format!("/v1/conversations/{conversation}/messages?after=0");
    let (status, answer) = server.call("GET", &path, Some(&person.token), None);
    if status == 200 {
        Ok(texts(answer["events"].as_array().expect("events")))
    } else {
        Err(answer)
    }
}

#[test]
fn damaged_accounts_are_named() {
    let filled = Filled::new(true);
    let file = filled.path("accounts.sqlite");
    let header = |bytes: &mut Vec<u8>| bytes[3] ^= 1;
    filled.survives(&file, header, &["accounts.sqlite", "parlance verify"]);
}

#[test]
fn accounts_that_went_are_not_made_anew_beside_conversations() {
    let filled = Filled::new(true);
    let (there, away) = (filled.path("accounts.sqlite"), filled.path("away"));
    std::fs::rename(&there, &away).expect("moved");
    let line = refused(serve(&filled.path("")));
    says(&line, &["accounts.sqlite is missing", "put a copy of it back"]);
    std::fs::rename(&away, &there).expect("moved back");
    filled.has_everything();
}

#[test]
fn damaged_keys_are_named() {
    let filled = Filled::new(true);
    let file = filled.path("keys.json");
    let first = |bytes: &mut Vec<u8>| bytes[0] ^= 1;
    filled.survives(&file, first, &["keys.json", "put a copy of it back"]);
}

#[test]
fn a_directory_in_use_stays_whole() {
    let server = Server::start();
    let (ada, bob) = (server.join("ada"), server.join("bob"));
    let mut socket = server.connect(&ada, None);
    let ok = socket.say_to(&bob.account, "before");
    let place = server.data().join("data");
    let line = refused(serve(&place));
    says(&line, &[place.to_str().expect("UTF-8"), "in use", "another directory"]);
    // Neither the one that runs nor what it left behind is hurt.
    socket.say_to(&bob.account, "after");
    let server = server.kill().serve();
    let ada = server.sign_in("ada");
    let conversation = ok["conversation"].as_str().expect("an id");
    let history = server.connect(&ada, None).history(conversation);
    assert_eq!(texts(&history), ["before", "after"]);
}

#[test]
fn a_port_in_use_costs_nothing() {
    let server = Server::start();
    let data = Data::new();
    let mut command = Command::new(env!("CARGO_BIN_EXE_parlance"));
    command.args(["serve", "--listen", &server.address, "--data"]).arg(data.path());
    let line = refused(command);
    says(&line, &[&server.address, "in use", "--listen"]);
    assert!(!data.path().exists(), "the stores were opened before the port");
}

#[test]
fn what_is_wrong_with_a_configuration_is_said_all_at_once() {
    let directory = tempfile::tempdir().expect("a directory");
    let config = directory.path().join("wrong.toml");
    let place = directory.path().join("data");
    for (text, words) in [
        ("[server]\nlisen = 1\n", &["server.lisen", "unknown key", "did you mean listen?"][..]),
        ("[serve]\nlisten = 1\n", &["serve", "did you mean server?"]),
        (
            "[server]\nlisten = \"here\"\nworkers = -1\n[store]\ntails_mib = 0\n",
            &[
                "server.listen: expected an address",
                "server.workers: expected a whole number",
                "store.tails_mib: must be from 1 to",
            ],
        ),
        ("[engine]\nmemory_mib = 99999999999999999\n", &["engine.memory_mib: must be from 1 to"]),
        ("[accounts]\nsession_days = 9223372036854775807\n", &["accounts.session_days: must be"]),
        ("[accounts.argon2]\nmemory_kib = 4294967295\n", &["accounts.argon2.memory_kib: must be"]),
        ("[server]\nlisten = \"127.0.0.1:1\"\n[server\n", &["line 3 is not TOML"]),
    ] {
        std::fs::write(&config, text).expect("written");
        let mut command = serve(&place);
        command.arg("--config").arg(&config);
        let line = refused(command);
        says(&line, &[config.to_str().expect("UTF-8")]);
        says(&line, words);
    }
    let mut command = serve(&place);
    command.env("PARLANCE__STORE__SEGMENT_MIB", "many");
    says(&refused(command), &["store.segment_mib: expected a whole number"]);
    let mut command = serve(&place);
    command.arg("--config").arg(directory.path().join("none.toml"));
    says(&refused(command), &["none.toml", "cannot be read"]);
    assert!(!place.exists(), "the stores were opened before the configuration was read");
}

#[test]
fn a_configuration_is_looked_at_without_starting() {
    let place = tempfile::tempdir().expect("a temporary directory");
    let file = place.path().join("parlance.toml");
    let config = |command: &str| {
        let mut parlance = Command::new(env!("CARGO_BIN_EXE_parlance"));
        parlance.args(["config", command, "--config"]).arg(&file);
        parlance.env("PARLANCE__SERVER__NODE", "north").current_dir(place.path());
        parlance.output().expect("it runs")
    };
    std::fs::write(&file, "[store]\nreserve_mib = 7\n").expect("written");
    let printed = config("print");
    let text = String::from_utf8(printed.stdout).expect("UTF-8");
    for line in ["node = \"north\"", "reserve_mib = 7", "segment_mib = 64", "[accounts.argon2]"] {
        assert!(text.lines().any(|printed| printed == line), "{line} in {text}");
    }
    std::fs::write(&file, &text).expect("written");
    assert!(config("check").status.success());

    std::fs::write(&file, "[store]\nreserve = 7\n[engine]\nmemory_mib = -1\n").expect("written");
    let checked = config("check");
    assert_eq!(checked.status.code(), Some(1));
    let said = String::from_utf8(checked.stderr).expect("UTF-8");
    says(&said, &["store.reserve", "engine.memory_mib", "parlance.toml"]);
    assert_eq!(files(place.path()), [file], "nothing else was made");
}

#[test]
fn a_segment_that_went_is_named() {
    let filled = Filled::new(false);
    let segment = files(&filled.path("journal"))
        .into_iter()
        .find(|file| std::fs::read(file).is_ok_and(|bytes| contains(&bytes, b"message 20")))
        .expect("a segment holds it");
    let aside = segment.with_extension("aside");
    std::fs::rename(&segment, &aside).expect("renamed");
    let name = segment.file_name().expect("a name").to_str().expect("UTF-8");
    let line = refused(filled.data.command(&[]));
    says(&line, &[name, "the segment is missing", "parlance verify"]);
    std::fs::rename(&aside, &segment).expect("renamed");
    filled.has_everything();
}
