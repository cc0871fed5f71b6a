//! `cargo xtask tidy`: the rules that neither the compiler nor clippy can check, each in a file of its own.
//!
//! A rule is a function of the [`Tree`] that adds findings: a place, what is wrong there and the remedy. Notes are printed and
//! do not fail. Length of functions is clippy's (`too-many-lines-threshold`), formatting is rustfmt's.

mod directions;
mod links;
mod manifests;
mod names;
mod providers;
mod sizes;
mod words;

use std::fmt;
use std::io::{self, Write};
use std::path::Path;

use crate::tree::{File, Tree};

const RULES: &[fn(&Tree, &mut Findings)] = &[
    directions::check,
    links::check,
    manifests::check,
    names::check,
    providers::check,
    sizes::check,
    words::check,
];

/// Prints what it finds; `false` if any of it is more than a note.
pub(crate) fn run(root: &Path, out: &mut impl Write) -> io::Result<bool> {
    let tree = Tree::read(root)?;
    let findings = check(&tree);
    for finding in &findings.list {
        writeln!(out, "{finding}")?;
    }
    let failures = findings.failures();
    let notes = findings.list.len() - failures;
    let verdict = if failures == 0 { "tidy" } else { "untidy" };
    writeln!(out, "{verdict}: {} files, {failures} failures, {notes} notes", tree.files.len())?;
    Ok(failures == 0)
}

fn check(tree: &Tree) -> Findings {
    let mut findings = Findings::default();
    for rule in RULES {
        rule(tree, &mut findings);
    }
    findings
}

#[derive(Debug, Default)]
struct Findings {
    list: Vec<Finding>,
}

#[derive(Debug)]
struct Finding {
    path: String,
    line: usize,
    what: String,
    remedy: String,
    fails: bool,
}

impl Findings {
    fn fail(
        &mut self,
        file: &File,
        line: usize,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.add(file, line, what.into(), remedy.into(), true);
    }

    fn note(
        &mut self,
        file: &File,
        line: usize,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.add(file, line, what.into(), remedy.into(), false);
    }

    fn add(&mut self, file: &File, line: usize, what: String, remedy: String, fails: bool) {
        self.list.push(Finding { path: file.path.clone(), line, what, remedy, fails });
    }

    fn failures(&self) -> usize {
        self.list.iter().filter(|finding| finding.fails).count()
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, line, what, remedy, fails } = self;
        let kind = if *fails { "error" } else { "note" };
        write!(f, "{path}:{line}: {kind}: {what}\n    {remedy}")
    }
}

#[cfg(test)]
mod tests;
