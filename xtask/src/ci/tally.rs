//! The sum of what the test binaries of a workspace report, read from the closing line of each.
//!
//! It guards that a run which tested nothing does not count as one that passed.

use std::fmt;

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    passed: usize,
    failed: usize,
}

impl Tally {
    /// Adds what `line` says, if it is a closing line: `test result: ok. 5 passed; 0 failed; …`.
    pub(super) fn read(&mut self, line: &str) {
        let Some(rest) = line.strip_prefix("test result: ") else { return };
        let counts = rest.split_once(". ").map_or(rest, |(_, counts)| counts);
        for count in counts.split(';') {
            let mut words = count.split_whitespace();
            let number = words.next().and_then(|word| word.parse::<usize>().ok());
            match (number, words.next()) {
                (Some(number), Some("passed")) => self.passed += number,
                (Some(number), Some("failed")) => self.failed += number,
                _ => {}
            }
        }
    }

    pub(super) fn proves_something(&self) -> bool {
        self.passed > 0 && self.failed == 0
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(lines: &[&str]) -> Tally {
        let mut tally = Tally::default();
        for line in lines {
            tally.read(line);
        }
        tally
    }

    #[test]
    fn closing_lines_add_up_and_nothing_else_counts() {
        let tally = sum(&[
            "running 5 tests",
            "test a ... ok",
            "test result: ok. 5 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s",
            "7 passed and 3 failed",
            "test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 9 filtered out; finished in 1.20s",
        ]);
        assert_eq!(tally.to_string(), "7 passed, 1 failed");
        assert!(!tally.proves_something());
    }

    #[test]
    fn a_run_without_tests_proves_nothing() {
        assert!(
            !sum(&["test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out"])
                .proves_something()
        );
        assert!(
            sum(&["test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out"])
                .proves_something()
        );
    }
}
