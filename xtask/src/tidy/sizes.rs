//! Files stay readable in one sitting: 100 to 300 lines are usual, 500 are questioned, 800 fail; the map of the system has 300.

use super::Findings;
use crate::tree::Tree;

const QUESTIONED: usize = 500;
const FAILS: usize = 800;
const MAP: &str = "ARCHITECTURE.md";
const MAP_LINES_MAX: usize = 300;

pub(super) fn check(tree: &Tree, findings: &mut Findings) {
    for file in tree.rust() {
        let lines = file.text.lines().count();
        let remedy = "one file per variant, sub-state or noun; long tests go to a sibling tests.rs";
        if lines > FAILS {
            findings.fail(file, FAILS, format!("has {lines} lines, more than {FAILS}"), remedy);
        } else if lines > QUESTIONED {
            findings.note(
                file,
                QUESTIONED,
                format!("has {lines} lines, more than {QUESTIONED}"),
                remedy,
            );
        }
    }
    let map = tree.get(MAP).map(|map| (map, map.text.lines().count()));
    if let Some((map, lines)) = map.filter(|(_, lines)| *lines > MAP_LINES_MAX) {
        let what = format!("has {lines} lines, and a map of more than {MAP_LINES_MAX} is not read");
        findings.fail(
            map,
            MAP_LINES_MAX,
            what,
            "move detail into the `//!` of the module that it is about",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::said;
    use super::*;

    fn of(lines: usize) -> Vec<(String, bool)> {
        let mut findings = Findings::default();
        let file =
            crate::tree::File { path: "crates/x/src/a.rs".to_owned(), text: "\n".repeat(lines) };
        check(&Tree { files: vec![file], ..Tree::default() }, &mut findings);
        findings.list.into_iter().map(|it| (it.what, it.fails)).collect()
    }

    #[test]
    fn the_ceiling_fails_and_the_smell_is_a_note() {
        assert_eq!(of(500), []);
        assert_eq!(of(501), [("has 501 lines, more than 500".to_owned(), false)]);
        assert_eq!(of(800), [("has 800 lines, more than 500".to_owned(), false)]);
        assert_eq!(of(801), [("has 801 lines, more than 800".to_owned(), true)]);
    }

    #[test]
    fn the_map_stays_a_map() {
        assert!(said(check, &[(MAP, &"\n".repeat(300))]).is_empty());
        assert_eq!(said(check, &[(MAP, &"\n".repeat(301))]).len(), 1);
    }
}
