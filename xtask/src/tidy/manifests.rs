//! Every crate says about itself what the workspace says: version, edition, licence, lints; versions of others stand in the root.
//!
//! It guards that no crate leaves the workspace lints and that the licence is stated once and shipped with its texts.

use toml::{Table, Value};

use super::Findings;
use crate::tree::{File, Tree};

const LICENCE: &str = "MIT OR Apache-2.0";
const LICENCE_TEXTS: &[&str] = &["LICENSE-APACHE", "LICENSE-MIT"];
const INHERITED: &[&str] = &["version", "edition", "rust-version", "license", "publish"];

pub(super) fn check(tree: &Tree, findings: &mut Findings) {
    check_root(tree, findings);
    for manifest in tree.manifests() {
        // A manifest that does not parse is reported by the rule of directions.
        if let Ok(table) = manifest.text.parse::<Table>() {
            check_member(tree, manifest, &table, findings);
        }
    }
}

fn check_root(tree: &Tree, findings: &mut Findings) {
    let Some(root) = tree.get("Cargo.toml") else { return };
    let licence = root.text.parse::<Table>().ok().and_then(|table| {
        let package = table.get("workspace")?.get("package")?;
        Some(package.get("license")?.as_str()?.to_owned())
    });
    if licence.as_deref() != Some(LICENCE) {
        let remedy = format!("say `license = \"{LICENCE}\"` under [workspace.package]");
        findings.fail(
            root,
            root.line_of("license"),
            "the workspace does not state its licence",
            remedy,
        );
    }
    for text in LICENCE_TEXTS {
        if tree.get(text).is_none() {
            findings.fail(
                root,
                1,
                format!("the licence text {text} is missing"),
                "put it at the root",
            );
        }
    }
}

fn check_member(tree: &Tree, manifest: &File, table: &Table, findings: &mut Findings) {
    for field in INHERITED {
        let inherits =
            table.get("package").and_then(|package| package.get(field)).is_some_and(inherits);
        if !inherits {
            let what = format!("`{field}` is not the workspace's");
            findings.fail(
                manifest,
                manifest.line_of(field),
                what,
                format!("say `{field}.workspace = true` under [package]"),
            );
        }
    }
    if !table.get("lints").is_some_and(inherits) {
        let remedy = "say `workspace = true` under [lints]";
        findings.fail(
            manifest,
            manifest.line_of("[lints]"),
            "the lints are not the workspace's",
            remedy,
        );
    }
    let library = manifest.path.replace("Cargo.toml", "src/lib.rs");
    let doctest = table.get("lib").and_then(|lib| lib.get("doctest")).and_then(Value::as_bool);
    let is_sdk = manifest.path == SDK;
    if is_sdk && doctest == Some(false) {
        let what = "doc tests are off in the SDK, whose examples must run";
        findings.fail(manifest, manifest.line_of("doctest"), what, "remove that line");
    }
    if !is_sdk && tree.get(&library).is_some() && doctest != Some(false) {
        let what = "doc tests are on: each links a binary of its own";
        findings.fail(
            manifest,
            1,
            what,
            "say `doctest = false` under [lib] and make the example a test",
        );
    }
    for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
        let list = table.get(section).and_then(Value::as_table);
        for (name, _) in list.into_iter().flatten().filter(|(_, value)| !inherits(value)) {
            let what = format!("the version of `{name}` stands outside the root");
            let remedy =
                format!("put it under [workspace.dependencies] and say `{name}.workspace = true`");
            findings.fail(manifest, manifest.line_of(name), what, remedy);
        }
    }
}

fn inherits(value: &Value) -> bool {
    value.get("workspace").and_then(Value::as_bool) == Some(true)
}

/// What other people read to write clients.
const SDK: &str = "crates/client/Cargo.toml";

#[cfg(test)]
mod tests {
    use super::super::tests::said;
    use super::*;

    const MEMBER: &str = "[package]\nname = \"x\"\nversion.workspace = true\nedition.workspace = true\n\
        rust-version.workspace = true\nlicense.workspace = true\npublish.workspace = true\n[lib]\ndoctest = false\n\
        [lints]\nworkspace = true\n[dependencies]\nbytes.workspace = true\n";

    fn member(text: &str) -> Vec<String> {
        said(check, &[("crates/x/Cargo.toml", text), ("crates/x/src/lib.rs", "")])
    }

    #[test]
    fn a_member_that_inherits_passes() {
        assert!(member(MEMBER).is_empty());
    }

    #[test]
    fn whatever_is_not_inherited_fails() {
        let cases = [
            (
                "license.workspace = true",
                "license = \"GPL-3.0\"",
                "crates/x/Cargo.toml:6: `license` is not the workspace's",
            ),
            (
                "version.workspace = true",
                "version = \"9.0.0\"",
                "crates/x/Cargo.toml:3: `version` is not the workspace's",
            ),
            (
                "[lints]\nworkspace",
                "[other]\nworkspace",
                "crates/x/Cargo.toml:1: the lints are not the workspace's",
            ),
            (
                "doctest = false",
                "doctest = true",
                "crates/x/Cargo.toml:1: doc tests are on: each links a binary of its own",
            ),
            (
                "bytes.workspace = true",
                "bytes = \"1\"",
                "crates/x/Cargo.toml:13: the version of `bytes` stands outside the root",
            ),
        ];
        for (right, wrong, expected) in cases {
            assert_eq!(member(&MEMBER.replacen(right, wrong, 1)), [expected]);
        }
        let sdk = |text: &str| said(check, &[(SDK, text), ("crates/client/src/lib.rs", "")]);
        assert!(sdk(&MEMBER.replace("doctest = false\n", "")).is_empty());
        let off =
            "crates/client/Cargo.toml:9: doc tests are off in the SDK, whose examples must run";
        assert_eq!(sdk(MEMBER), [off]);
    }

    #[test]
    fn the_root_states_the_licence_and_ships_its_texts() {
        let root = "[workspace.package]\nlicense = \"MIT OR Apache-2.0\"\n";
        let texts = [("LICENSE-APACHE", ""), ("LICENSE-MIT", "")];
        assert!(said(check, &[("Cargo.toml", root), texts[0], texts[1]]).is_empty());
        let found = said(check, &[("Cargo.toml", root), texts[1]]);
        assert_eq!(found, ["Cargo.toml:1: the licence text LICENSE-APACHE is missing"]);
        let found = said(check, &[("Cargo.toml", "[workspace]\n"), texts[0], texts[1]]);
        assert_eq!(found, ["Cargo.toml:1: the workspace does not state its licence"]);
    }
}
