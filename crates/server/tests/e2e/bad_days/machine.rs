//! A machine whose clock and disk a test changes while a server runs on it.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::{Data, Server, wait_until};

pub(super) struct Machine {
    folder: tempfile::TempDir,
}

impl Machine {
    /// With the C compiler that building the server needs anyway.
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/bad_days/machine.c");
        let compiled = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-o"])
            .arg(folder.path().join("machine.so"))
            .arg(source)
            .status();
        assert!(compiled.expect("a C compiler").success());
        Self { folder }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The clock is so many seconds ahead from now on.
    pub(super) fn set_clock(&self, seconds: i64) {
        self.set("clock", seconds);
    }

    /// A sync takes so many milliseconds from now on.
    pub(super) fn set_sync(&self, ms: i64) {
        self.set("sync", ms);
    }

    /// At once, so that no number is read half.
    fn set(&self, name: &str, number: i64) {
        let new = self.file("new");
        std::fs::write(&new, number.to_string()).expect("written");
        std::fs::rename(new, self.file(name)).expect("renamed");
    }

    pub(super) fn serve(&self, data: Data) -> Server {
        let mut command = data.command(&[]);
        command
            .env("LD_PRELOAD", self.file("machine.so"))
            .env("MACHINE_CLOCK", self.file("clock"))
            .env("MACHINE_SYNC", self.file("sync"))
            .stderr(std::fs::File::create(self.file("log")).expect("made"));
        Server::spawn(command, data).ok().expect("started")
    }

    /// Waits until the log says this.
    pub(super) fn says(&self, what: &str) {
        let log = || std::fs::read_to_string(self.file("log")).expect("read");
        wait_until(what, || log().contains(what));
    }
}
