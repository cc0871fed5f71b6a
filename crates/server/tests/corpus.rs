//! The inputs that fuzzing found or that somebody thought of, replayed on a stable compiler: no target breaks on any of them.

use std::fs;
use std::path::{Path, PathBuf};

use parlance_core::fuzz::{fuzz_content, fuzz_snapshot};
use parlance_websocket::Role;
use parlance_websocket::fuzz::{fuzz_decode, fuzz_handshake};

type Target = fn(&[u8]);

/// The targets by the names of their corpora; each calls what the target of that name calls.
const TARGETS: &[(&str, Target)] = &[
    ("backup", parlance_embedded::backup::fuzz_backup),
    ("client_frames", parlance_protocol::fuzz_client),
    ("content", fuzz_content),
    ("journal_reader", parlance_journal::fuzz_reader),
    ("protobuf_frames", parlance_protocol::fuzz_protobuf),
    ("proxy_header", parlance_gateway::fuzz_proxy_header),
    ("rest_bodies", parlance_protocol::fuzz_rest),
    ("server_frames", parlance_protocol::fuzz_server),
    ("snapshot", fuzz_snapshot),
    ("stored_entry", parlance_ports::record::fuzz_entry),
    ("websocket_client", |bytes| fuzz_decode(bytes, Role::Client)),
    ("websocket_handshake", fuzz_handshake),
    ("websocket_server", |bytes| fuzz_decode(bytes, Role::Server)),
];

fn fuzz_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz")
}

/// The names in a folder of `fuzz/`, without extensions, in order.
fn names(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(fuzz_folder().join(folder)).expect("the folder is committed");
    let paths = entries.map(|entry| entry.expect("the folder is listed").path());
    let mut names: Vec<String> =
        paths.filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned())).collect();
    names.sort();
    names
}

#[test]
fn no_input_of_the_corpora_breaks_its_target() {
    for (name, target) in TARGETS {
        let corpus = fuzz_folder().join("corpus").join(name);
        let inputs = names(&format!("corpus/{name}"));
        assert!(!inputs.is_empty(), "{name} has no corpus");
        for input in inputs {
            target(&fs::read(corpus.join(input)).expect("a corpus is of files"));
        }
    }
}

#[test]
fn every_target_and_every_corpus_is_replayed() {
    let replayed: Vec<_> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(names("fuzz_targets"), replayed);
    assert_eq!(names("corpus"), replayed);
}
