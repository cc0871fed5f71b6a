//! A page that points to another one of ours points to something that is there.
//!
//! Addresses on the network are not tried: tidy works without one.

use super::Findings;
use crate::tree::{File, Tree};

pub(super) fn check(tree: &Tree, findings: &mut Findings) {
    for page in tree.files.iter().filter(|file| file.has_extension("md")) {
        for (number, line) in (1..).zip(page.text.lines()) {
            for target in targets(line) {
                let place = place(page, target);
                if !tree.paths.contains(&place) {
                    let what = format!("links to `{target}`, and there is no {place}");
                    findings.fail(
                        page,
                        number,
                        what,
                        "correct the link, or write what it promises",
                    );
                }
            }
        }
    }
}

/// What the Markdown links of a line point to within the workspace: `[text](target)` without `#section`.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    line.split("](").skip(1).filter_map(|rest| {
        let (target, _) = rest.split_once(')')?;
        let target = target.split('#').next().unwrap_or_default();
        (!target.is_empty() && !target.contains(':')).then_some(target)
    })
}

/// The path from the root of what `page` calls `target`.
fn place(page: &File, target: &str) -> String {
    let mut parts: Vec<&str> = page.path.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            name => parts.push(name),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::super::tests::said;
    use super::*;

    #[test]
    fn a_link_to_nothing_fails() {
        let pages =
            [("README.md", "# A\nsee [b](docs/b.md) and [c](docs/c.md)\n"), ("docs/b.md", "")];
        assert_eq!(
            said(check, &pages),
            ["README.md:2: links to `docs/c.md`, and there is no docs/c.md"]
        );
        let up = [("docs/adr/1.md", "[a](../glossary.md#seq) [b](./2.md)")];
        assert_eq!(said(check, &up).len(), 2);
    }

    #[test]
    fn what_is_there_and_what_is_elsewhere_pass() {
        let text =
            "[a](../b.md#part) [b](https://example.org/x) [c](#here) [d](mailto:a@example.org)";
        assert!(said(check, &[("docs/a.md", text), ("b.md", "")]).is_empty());
    }
}
