//! What no source may contain: unfinished work, silenced lints, unwraps outside tests; and what each opens with: `//!`.

use super::Findings;
use crate::tree::{File, Tree};

/// Where a word counts.
#[derive(Clone, Copy, PartialEq)]
enum Where {
    /// On any line: these are written in comments.
    Anywhere,
    /// In code, tests included.
    Code,
    /// In code that runs outside tests.
    CodeOutsideTests,
}

/// The words are written in two parts so that this file passes its own rule.
const BANNED: &[(&str, Where, &str)] = &[
    (concat!("FIX", "ME"), Where::Anywhere, "finish it, or open an issue and leave no mark"),
    (concat!("XX", "X"), Where::Anywhere, "finish it, or open an issue and leave no mark"),
    (concat!("to", "do!"), Where::Code, "write it, or leave out what calls it"),
    (concat!("unimpl", "emented!"), Where::Code, "write it, or leave out what calls it"),
    (concat!("db", "g!"), Where::Code, "use tracing, or remove it"),
    (
        concat!("#[all", "ow("),
        Where::Code,
        "`#[expect(lint, reason = \"…\")]` tells when it is no longer needed",
    ),
    (
        concat!("#![all", "ow("),
        Where::Code,
        "`#![expect(lint, reason = \"…\")]` tells when it is no longer needed",
    ),
    (
        concat!("#[ign", "ore"),
        Where::Code,
        "make it fast enough to run, or give it a chore of its own",
    ),
    (
        concat!(".unw", "rap()"),
        Where::CodeOutsideTests,
        "return the error, or `expect(\"why this cannot be\")`",
    ),
];

/// A file of tests that stands where code stands (a contract suite, a testkit) says so to clippy, and that holds here as well.
const EXCEPTION: &str = "#![expect(clippy::unwrap_used, reason = \"";

pub(super) fn check(tree: &Tree, findings: &mut Findings) {
    for file in tree.rust() {
        if !file.is_test() && !file.text.starts_with("//!") {
            let remedy =
                "open with `//!`: what it owns, what it refuses to know, which invariant it guards";
            findings.fail(file, 1, "does not say what it is", remedy);
        }
        let all: Vec<_> = (1..).zip(file.text.lines()).collect();
        check_lines(file, &all, |place| place != Where::CodeOutsideTests, findings);
        if !is_excepted(tree, file) {
            let outside = file.lines_outside_tests();
            check_lines(file, &outside, |place| place == Where::CodeOutsideTests, findings);
        }
    }
}

/// Whether the file or a module around it states the exception: the attribute holds for all modules inside.
fn is_excepted(tree: &Tree, file: &File) -> bool {
    let mut module = Some(file);
    let mut folder = file.path.as_str();
    loop {
        if module.is_some_and(|module| module.text.contains(EXCEPTION)) {
            return true;
        }
        let Some((outer, _)) = folder.rsplit_once('/') else { return false };
        folder = outer;
        module = tree.get(&format!("{folder}.rs"));
    }
}

fn check_lines(
    file: &File,
    lines: &[(usize, &str)],
    applies: fn(Where) -> bool,
    findings: &mut Findings,
) {
    for (word, place, remedy) in BANNED.iter().filter(|(_, place, _)| applies(*place)) {
        for (number, line) in lines {
            let is_comment = line.trim_start().starts_with("//");
            if (*place == Where::Anywhere || !is_comment) && stands_in(word, line) {
                findings.fail(file, *number, format!("`{word}` is banned"), *remedy);
            }
        }
    }
}

/// Whether `word` stands in `line` and is no part of a longer one.
fn stands_in(word: &str, line: &str) -> bool {
    let is_letter = |it: char| it.is_alphanumeric() || it == '_';
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back().filter(|_| word.starts_with(is_letter));
        let after = line[at + word.len()..].chars().next().filter(|_| word.ends_with(is_letter));
        !before.is_some_and(is_letter) && !after.is_some_and(is_letter)
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::said;
    use super::*;

    fn in_library(code: &str) -> Vec<String> {
        said(check, &[("crates/x/src/a.rs", &format!("//! It is a.\n{code}\n"))])
    }

    #[test]
    fn every_banned_word_fires_in_code() {
        for (word, ..) in BANNED {
            assert_eq!(
                in_library(&format!("    a {word} b")),
                [format!("crates/x/src/a.rs:2: `{word}` is banned")]
            );
        }
    }

    #[test]
    fn comments_may_name_code_but_not_leave_marks() {
        for (word, place, _) in BANNED {
            let found = in_library(&format!("    // {word}"));
            assert_eq!(found.len(), usize::from(*place == Where::Anywhere), "{word}");
        }
    }

    #[test]
    fn tests_may_unwrap_and_nothing_else() {
        for (word, place, _) in BANNED {
            let found = said(check, &[("crates/x/tests/a.rs", &format!("a {word} b\n"))]);
            assert_eq!(found.len(), usize::from(*place != Where::CodeOutsideTests), "{word}");
            let inline = in_library(&format!("#[cfg(test)]\nmod tests {{\n    a {word} b\n}}"));
            assert_eq!(inline.len(), usize::from(*place != Where::CodeOutsideTests), "{word}");
        }
    }

    #[test]
    fn a_module_that_gives_clippy_a_reason_may_unwrap_and_so_may_those_inside() {
        let code = concat!("//! It is a.\na.unw", "rap();\n");
        let reason =
            "//! A suite.\n#![expect(clippy::unwrap_used, reason = \"a contract is a test\")]\n";
        let (outer, inner) = ("crates/x/src/contract.rs", "crates/x/src/contract/a/b.rs");
        assert_eq!(said(check, &[(outer, code), (inner, code)]).len(), 2);
        assert!(said(check, &[(outer, &format!("{reason}{code}")), (inner, code)]).is_empty());
        assert_eq!(said(check, &[("crates/x/src/contra.rs", reason), (inner, code)]).len(), 1);
    }

    #[test]
    fn a_longer_word_passes() {
        assert!(in_library(concat!("let A_XX", "X_B = XX", "XX;")).is_empty());
    }

    #[test]
    fn a_source_says_what_it_is() {
        assert_eq!(
            said(check, &[("crates/x/src/lib.rs", "mod a;\n")]),
            ["crates/x/src/lib.rs:1: does not say what it is"]
        );
        assert!(said(check, &[("crates/x/src/a/tests.rs", "use super::*;\n")]).is_empty());
    }
}
