//! A newcomer guesses the file from its name: names are nouns of the glossary, not drawers for whatever was left over.

use super::Findings;
use crate::tree::{File, Tree};

const DRAWERS: &[&str] = &[
    "base",
    "common",
    "helper",
    "helpers",
    "manager",
    "managers",
    "misc",
    "miscellaneous",
    "shared",
    "stuff",
    "util",
    "utils",
    "utilities",
];

pub(super) fn check(tree: &Tree, findings: &mut Findings) {
    for file in tree.rust().chain(tree.manifests()) {
        if let Some(word) = drawer(file) {
            let what = format!("`{word}` in the name says nothing of what is inside");
            let remedy = "name it by the noun of docs/glossary.md that it owns, or move its parts to their owners";
            findings.fail(file, 1, what, remedy);
        }
    }
}

fn drawer(file: &File) -> Option<&'static str> {
    let words = file.path.split(['/', '_', '-', '.']);
    words
        .into_iter()
        .find_map(|word| DRAWERS.iter().find(|drawer| word.eq_ignore_ascii_case(drawer)).copied())
}

#[cfg(test)]
mod tests {
    use super::super::tests::said;
    use super::*;

    #[test]
    fn a_drawer_fails_as_a_file_a_folder_and_a_crate() {
        for path in [
            "crates/x/src/utils.rs",
            "crates/x/src/common/a.rs",
            "crates/misc/Cargo.toml",
            "xtask/src/test_helpers.rs",
        ] {
            assert_eq!(said(check, &[(path, "")]).len(), 1, "{path}");
        }
    }

    #[test]
    fn a_word_that_only_begins_like_one_passes() {
        for path in [
            "crates/x/src/base64.rs",
            "crates/x/src/baseline.rs",
            "crates/x/src/utility_bill.rs",
            "docs/common.md",
        ] {
            assert!(said(check, &[(path, "")]).is_empty(), "{path}");
        }
    }
}
