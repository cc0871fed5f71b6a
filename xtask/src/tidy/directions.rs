//! Dependencies point one way: decisions and contracts at the bottom, then the engine, the edge and the process.
//!
//! **Law**: a crate depends on none of ours but those of its row here. A crate without a row fails, so a new one is placed on
//! purpose. Tests may besides use `ports`, whose `testkit` holds the in-memory adapters and the contract suites.

use toml::{Table, Value};

use super::Findings;
use crate::tree::{File, Tree};

/// The folder of a crate, the crates of ours that it may see, and the outside crates that would teach it what it must never know.
struct Row(&'static str, &'static [&'static str], &'static [&'static str]);

const STORES: &[&str] = &["fjall", "rusqlite", "sqlx"];
const EDGES: &[&str] = &["axum", "fjall", "http", "hyper", "hyper-util", "sqlx", "tungstenite"];
const OUTSIDE: &[&str] =
    &["axum", "fjall", "getrandom", "hyper", "rand", "serde_json", "sqlx", "tokio", "tracing"];

const TABLE: &[Row] = &[
    Row("crates/types", &[], OUTSIDE),
    Row("crates/websocket", &[], &["tokio", "serde_json"]),
    Row("crates/journal", &[], &["tokio", "serde_json"]),
    Row("crates/core", &["types"], OUTSIDE),
    Row("crates/ports", &["types"], EDGES),
    Row("crates/protocol", &["types"], &["tokio", "axum", "hyper"]),
    Row("crates/embedded", &["types", "ports", "journal"], &["axum", "hyper", "tungstenite"]),
    Row("crates/engine", &["types", "core", "ports"], EDGES),
    Row("crates/gateway", &["types", "core", "engine", "protocol", "websocket"], STORES),
    Row("crates/client", &["types", "protocol", "websocket"], STORES),
    Row("crates/load", &["types", "client", "protocol", "websocket"], STORES),
    Row("crates/server", EVERYTHING, &[]),
    Row("tests/sim", &["types", "client", "core", "engine", "ports", "protocol"], EDGES),
    Row("xtask", &[], &[]),
];
const EVERYTHING: &[&str] = &[
    "types",
    "websocket",
    "journal",
    "core",
    "ports",
    "protocol",
    "embedded",
    "engine",
    "gateway",
    "client",
    "load",
];

pub(super) fn check(tree: &Tree, findings: &mut Findings) {
    for manifest in tree.manifests() {
        let folder = manifest.path.trim_end_matches("/Cargo.toml");
        let Some(row) = TABLE.iter().find(|Row(it, ..)| *it == folder) else {
            let remedy =
                "give it a row in xtask/src/tidy/directions.rs and a paragraph in ARCHITECTURE.md";
            findings.fail(
                manifest,
                1,
                format!("`{folder}` has no place in the table of dependencies"),
                remedy,
            );
            continue;
        };
        match manifest.text.parse::<Table>() {
            Ok(table) => check_sections(manifest, row, &table, findings),
            Err(error) => {
                findings.fail(manifest, 1, format!("is not TOML: {error}"), "mend the syntax");
            }
        }
    }
}

fn check_sections(manifest: &File, row: &Row, table: &Table, findings: &mut Findings) {
    for (section, value) in table {
        match (section.as_str(), value) {
            ("dependencies" | "build-dependencies", Value::Table(list)) => {
                check_list(manifest, row, list, false, findings);
            }
            ("dev-dependencies", Value::Table(list)) => {
                check_list(manifest, row, list, true, findings);
            }
            ("target", Value::Table(platforms)) => {
                for platform in platforms.values().filter_map(Value::as_table) {
                    check_sections(manifest, row, platform, findings);
                }
            }
            _ => {}
        }
    }
}

fn check_list(manifest: &File, row: &Row, list: &Table, for_tests: bool, findings: &mut Findings) {
    let Row(folder, ours, outside) = row;
    for (key, value) in list {
        let package = value.get("package").and_then(Value::as_str).unwrap_or(key);
        let line = manifest.line_of(key);
        if let Some(other) = package.strip_prefix("parlance-") {
            let may_see = ours.contains(&other) || (for_tests && other == "ports");
            if !may_see {
                let what = format!("`{folder}` depends on `{other}`, which points the wrong way");
                let may =
                    if ours.is_empty() { "none of our crates".to_owned() } else { ours.join(", ") };
                findings.fail(
                    manifest,
                    line,
                    what,
                    format!("it may see {may}; move the code, or argue for the table to change"),
                );
            }
        } else if outside.contains(&package) && !for_tests {
            let what = format!("`{folder}` depends on `{package}`, which it must never know");
            findings.fail(
                manifest,
                line,
                what,
                "do it in a crate further out and hand the result in",
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::said;
    use super::*;

    fn check_manifest(path: &str, text: &str) -> Vec<String> {
        said(check, &[(path, text)])
    }

    #[test]
    fn the_table_has_no_cycle() {
        // A row names only rows above it, the simulation aside, which nothing may name.
        for (at, Row(folder, ours, _)) in TABLE.iter().enumerate() {
            for other in *ours {
                let place = TABLE.iter().position(|Row(it, ..)| *it == format!("crates/{other}"));
                assert!(place.is_some_and(|place| place < at), "{folder} → {other}");
            }
        }
    }

    #[test]
    fn what_the_table_allows_passes() {
        let text = "[dependencies]\nparlance-types.workspace = true\nblake3.workspace = true\n";
        assert!(check_manifest("crates/core/Cargo.toml", text).is_empty());
    }

    #[test]
    fn an_upward_dependency_fails_in_every_section() {
        let expected = "`crates/core` depends on `engine`, which points the wrong way";
        for section in [
            "dependencies",
            "dev-dependencies",
            "build-dependencies",
            "target.'cfg(unix)'.dependencies",
        ] {
            let text = format!("[{section}]\nparlance-engine.workspace = true\n");
            assert_eq!(
                check_manifest("crates/core/Cargo.toml", &text),
                [format!("crates/core/Cargo.toml:2: {expected}")]
            );
        }
        let renamed =
            "[dependencies]\nother = { package = \"parlance-engine\", path = \"../engine\" }\n";
        assert_eq!(check_manifest("crates/core/Cargo.toml", renamed).len(), 1);
    }

    #[test]
    fn tests_may_use_the_testkit_and_code_may_not() {
        let tests =
            "[dev-dependencies]\nparlance-ports = { workspace = true, features = [\"testkit\"] }\n";
        assert!(check_manifest("crates/core/Cargo.toml", tests).is_empty());
        let code = "[dependencies]\nparlance-ports.workspace = true\n";
        assert_eq!(check_manifest("crates/core/Cargo.toml", code).len(), 1);
    }

    #[test]
    fn an_outside_crate_that_brings_what_must_not_be_known_fails() {
        let text =
            "[dependencies]\ntokio.workspace = true\n[dev-dependencies]\ntokio.workspace = true\n";
        let expected =
            "crates/core/Cargo.toml:2: `crates/core` depends on `tokio`, which it must never know";
        assert_eq!(check_manifest("crates/core/Cargo.toml", text), [expected]);
    }

    #[test]
    fn a_crate_without_a_row_and_a_broken_manifest_fail() {
        let expected =
            "crates/new/Cargo.toml:1: `crates/new` has no place in the table of dependencies";
        assert_eq!(check_manifest("crates/new/Cargo.toml", ""), [expected]);
        assert_eq!(check_manifest("crates/core/Cargo.toml", "[").len(), 1);
    }
}
