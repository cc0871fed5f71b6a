use proptest::collection::vec;
use proptest::prelude::*;

use super::{append, opened};
use crate::fuzz_reader;
use crate::testkit::MemoryDisk;

fn corpus() -> Vec<Vec<u8>> {
    let disk = MemoryDisk::new();
    let journal = opened(&disk);
    for number in 0..5 {
        append(&journal, &[&[number; 50], b"", b"record"]).unwrap();
    }
    journal.close().unwrap();
    ["0000000001.segment", "MANIFEST"].map(|name| disk.content(name).unwrap()).to_vec()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in vec(any::<u8>(), 0..600)) {
        fuzz_reader(&bytes);
    }

    #[test]
    fn framed_bytes_are_read_without_a_panic(count in 0_u8..6, lengths in vec(0_u32..20, 0..6), rest in vec(any::<u8>(), 0..40)) {
        let mut bytes = vec![count];
        for length in lengths {
            bytes.extend_from_slice(&length.to_le_bytes());
            bytes.extend(std::iter::repeat_n(b'x', length as usize));
        }
        bytes.extend(rest);
        fuzz_reader(&bytes);
    }

    #[test]
    fn real_files_with_changes_are_read_without_a_panic(changes in vec((any::<prop::sample::Index>(), any::<u8>()), 0..8), cut in any::<prop::sample::Index>()) {
        for mut bytes in corpus() {
            for (index, value) in &changes {
                let at = index.index(bytes.len());
                bytes[at] = *value;
            }
            fuzz_reader(&bytes);
            bytes.truncate(cut.index(bytes.len()));
            fuzz_reader(&bytes);
        }
    }
}
