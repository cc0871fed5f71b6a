use super::*;
use crate::tree;

/// What `rule` says about a workspace of the given files, one `path:line: what` a finding.
pub(super) fn said(rule: fn(&Tree, &mut Findings), files: &[(&str, &str)]) -> Vec<String> {
    let files: Vec<_> = files
        .iter()
        .map(|(path, text)| File { path: (*path).to_owned(), text: (*text).to_owned() })
        .collect();
    let mut findings = Findings::default();
    let paths = files.iter().map(|file: &File| file.path.clone()).collect();
    rule(&Tree { files, paths }, &mut findings);
    let lines = findings.list.iter().map(|it| format!("{}:{}: {}", it.path, it.line, it.what));
    lines.collect()
}

#[test]
fn the_workspace_is_tidy() {
    let mut out = Vec::new();
    let root = tree::root().expect("tests run inside the workspace");
    let tidy = run(&root, &mut out).expect("the workspace is readable");
    assert!(tidy, "\n{}", String::from_utf8_lossy(&out));
}

#[test]
fn a_finding_names_the_place_the_fault_and_the_remedy() {
    let mut findings = Findings::default();
    let file = File { path: "crates/x/src/a.rs".to_owned(), text: String::new() };
    findings.fail(&file, 7, "is wrong", "mend it");
    findings.note(&file, 8, "is long", "split it");
    assert_eq!(findings.failures(), 1);
    let lines: Vec<_> = findings.list.iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            "crates/x/src/a.rs:7: error: is wrong\n    mend it",
            "crates/x/src/a.rs:8: note: is long\n    split it"
        ]
    );
}
