use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use parlance_ports::contract::conversation::{self as contract, Place};
use tempfile::TempDir;

use super::{Conversations, Options};

/// A directory, and the store that is open in it. Everything is small, so that little data goes every way.
struct Disk {
    directory: TempDir,
    open: Option<Conversations>,
    waiting_bytes_max: usize,
}

fn disk(waiting_bytes_max: usize) -> Disk {
    let directory = tempfile::tempdir().expect("a directory for a test");
    Disk { directory, open: None, waiting_bytes_max }
}

fn options(waiting_bytes_max: usize) -> Options {
    Options {
        waiting_bytes_max,
        kept_events_max: 10,
        kept_bytes_max: 2_000,
        tails_bytes_max: 4_000,
        heads_max: 64,
        segment_bytes: 1 << 20,
        ..Options::default()
    }
}

impl Disk {
    fn opened(&mut self) -> Arc<dyn contract::Conversations> {
        let store = Conversations::open(self.directory.path(), options(self.waiting_bytes_max));
        let store = store.expect("the store opens");
        self.open = Some(store.clone());
        Arc::new(store)
    }
}

fn list(directory: &Path, files: &mut Vec<PathBuf>) {
    for file in std::fs::read_dir(directory).expect("a directory").flatten() {
        let path = file.path();
        if path.is_dir() {
            list(&path, files);
        } else if file.metadata().is_ok_and(|about| about.len() > 0) {
            files.push(path);
        }
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a directory is made");
    for file in std::fs::read_dir(from).expect("a directory").flatten() {
        let (path, to) = (file.path(), to.join(file.file_name()));
        if path.is_dir() {
            copy(&path, &to);
        } else {
            std::fs::copy(&path, &to).expect("a file is copied");
        }
    }
}

#[async_trait]
impl Place for Disk {
    async fn open(&mut self) -> Arc<dyn contract::Conversations> {
        if let Some(store) = self.open.take() {
            store.close().await.expect("the store closes");
        }
        self.opened()
    }

    async fn crash(&mut self) -> Arc<dyn contract::Conversations> {
        self.open = None;
        self.opened()
    }
}

mod in_tails {
    use super::*;
    parlance_ports::conversation_contract!(disk(usize::MAX));
}

mod in_blocks {
    use super::*;
    parlance_ports::conversation_contract!(disk(1));
}

#[test]
fn any_sequence_agrees() {
    contract::any_sequence_agrees_with_memory(6, || disk(4_000));
    contract::any_sequence_agrees_with_memory(6, || disk(1));
}

mod bytes;
mod erasing;
mod fixtures;
mod refusing;
mod verifying;
