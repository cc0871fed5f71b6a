//! Fuzz targets: plain functions over stored bytes. They panic only if an invariant of this crate is broken.

use parlance_types::Kind;

use crate::State;
use crate::content::{decode, encode};

/// Reads `bytes` as the content of each kind of event: what can be read is written so that it reads the same.
pub fn fuzz_content(bytes: &[u8]) {
    for kind in Kind::ALL {
        if let Ok(content) = decode(kind, bytes) {
            assert_eq!(content.body.kind(), kind);
            assert_eq!(decode(kind, &encode(&content)), Ok(content));
        }
    }
}

/// Reads `bytes` as a snapshot: what can be read is written so that it reads the same.
pub fn fuzz_snapshot(bytes: &[u8]) {
    if let Ok(state) = State::decode(bytes) {
        let written = state.encode();
        let again = State::decode(&written).map(|state| state.encode());
        assert_eq!(again.as_ref(), Ok(&written));
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;

    use super::*;
    use crate::testkit::{Log, any_story};

    #[test]
    fn the_corpus_breaks_nothing() {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/content");
        let files = std::fs::read_dir(corpus).expect("the corpus is committed");
        for file in files {
            let bytes = std::fs::read(file.expect("listed").path()).expect("a corpus is of files");
            fuzz_content(&bytes);
            fuzz_snapshot(&bytes);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_break_nothing(bytes: Vec<u8>) {
            fuzz_content(&bytes);
            fuzz_snapshot(&bytes);
        }

        #[test]
        fn damage_breaks_nothing(
            (conversation, story) in any_story(),
            which: prop::sample::Index,
            at: prop::sample::Index,
            with: u8,
        ) {
            let mut log = Log::new(conversation);
            for (command, stamp) in story.iter().take(12) {
                log.submit(command, stamp);
            }
            let content = log.decided.get(which.index(12)).map(|one| encode(&one.event.content));
            for intact in [log.state.encode()].into_iter().chain(content) {
                let mut bytes = intact.to_vec();
                let at = at.index(bytes.len());
                bytes[at] ^= with;
                for bytes in [&bytes[..], &bytes[..at]] {
                    fuzz_content(bytes);
                    fuzz_snapshot(bytes);
                }
            }
        }
    }
}
