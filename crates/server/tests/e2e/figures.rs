//! The table of figures against what a server shows, and the dashboard, the alerts and their runbook against the table.

use std::collections::BTreeSet;

use parlance_types::figures::{Figure, FigureKind, TABLE};
use serde_json::Value;
use yaml_rust2::{Yaml, YamlLoader};

use crate::backup::backup;
use crate::deploy::file;
use crate::harness::Server;

/// What is said of a figure in `/metrics`.
fn said(figures: &str) -> Vec<(String, String)> {
    let after =
        |begin: &'static str| figures.lines().filter_map(move |line| line.strip_prefix(begin));
    let split = |line: &str| line.split_once(' ').map(|(a, b)| (a.to_owned(), b.to_owned()));
    let helps = after("# HELP ").filter_map(split);
    let kinds = after("# TYPE ").filter_map(split);
    helps.chain(kinds).collect()
}

/// The figure that a line of `/metrics` is of.
fn figure_of(series: &str) -> Option<&'static Figure> {
    TABLE.iter().find(|figure| {
        let rest = series.strip_prefix(figure.name);
        match figure.kind {
            FigureKind::Histogram => {
                rest.is_some_and(|rest| ["_bucket", "_sum", "_count"].contains(&rest))
            }
            _ => rest == Some(""),
        }
    })
}

#[test]
fn a_server_shows_the_table_and_nothing_else() {
    let server = Server::start();
    let ada = server.join("ada");
    let mut socket = server.connect(&ada, None);
    let folder = tempfile::tempdir().expect("a folder");
    let taken = backup(&server.store(), &folder.path().join("backup"));
    assert!(taken.status.success(), "{taken:?}");
    let figure = |name: &str| {
        let (status, figures) = server.call_text("GET", "/metrics", None, None);
        assert_eq!(status, 200);
        let line = figures.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("{name} in {figures}")).parse::<f64>().expect("a number")
    };
    let (_, figures) = server.call_text("GET", "/metrics", None, None);
    let expected: BTreeSet<(String, String)> = TABLE
        .iter()
        .flat_map(|Figure { name, kind, help, .. }| {
            [((*name).to_owned(), (*help).to_owned()), ((*name).to_owned(), kind.to_string())]
        })
        .collect();
    let said = said(&figures);
    assert_eq!(said.len(), 2 * TABLE.len(), "each once");
    assert_eq!(said.into_iter().collect::<BTreeSet<_>>(), expected);
    for line in figures.lines().filter(|line| !line.starts_with('#')) {
        let series = line.split(['{', ' ']).next().expect("a name");
        let figure = figure_of(series).unwrap_or_else(|| panic!("{series} is in no table"));
        let labels = line.split_once('{').map(|(_, rest)| rest.split('=').next().expect("a label"));
        let known = figure.labels.first().copied();
        let is_bound = figure.kind == FigureKind::Histogram && labels == Some("le");
        assert!(is_bound || labels == known, "{line}");
        // What must have a value has one.
        assert!(
            line.rsplit(' ').next().is_some_and(|value| value.parse::<f64>().is_ok()),
            "{line}"
        );
    }
    socket.say_to(&ada.account, "a note");
    assert!(figure("parlance_ok_total") >= 1.0);
    assert!(figure("parlance_sync_seconds_count") >= 1.0);
    assert!(figure("parlance_journal_written_bytes_total") > 100.0);
    assert!(figure("parlance_socket_read_bytes_total") > 100.0);
    assert!((figure("parlance_connections{door=\"socket\"}") - 1.0).abs() < 0.1);
    assert!(figure("parlance_backup_timestamp_seconds") > 1e9);
    for name in ["process_open_fds", "process_resident_memory_bytes", "parlance_disk_free_bytes"] {
        assert!(figure(name) > 1.0, "{name}");
    }
}

/// The figures that an expression names.
fn named(expression: &str) -> Vec<&str> {
    let word = |c: char| !c.is_ascii_alphanumeric() && c != '_';
    let words = expression.split(word);
    words.filter(|name| name.starts_with("parlance_") || name.starts_with("process_")).collect()
}

#[test]
fn the_dashboard_shows_figures_that_there_are() {
    let dashboard: Value =
        serde_json::from_str(&file("deploy/grafana/parlance.json")).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let mut shown = BTreeSet::new();
    for panel in panels.iter().filter(|panel| panel["type"] != "row") {
        let targets = panel["targets"].as_array().expect("targets");
        assert!(!targets.is_empty(), "{panel}");
        for target in targets {
            let expression = target["expr"].as_str().expect("an expression");
            let named = named(expression);
            assert!(!named.is_empty(), "{expression}");
            for name in named {
                let figure = figure_of(name).unwrap_or_else(|| panic!("{name} in {expression}"));
                shown.insert(figure.name);
            }
        }
    }
    assert!(shown.len() > 20, "{shown:?}");
}

#[test]
fn every_alert_asks_for_figures_that_there_are_and_says_what_to_do() {
    let rules = YamlLoader::load_from_str(&file("deploy/prometheus/parlance.yml")).expect("YAML");
    let operations = file("docs/operations.md");
    let headings: BTreeSet<&str> =
        operations.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    let rules = rules[0]["groups"][0]["rules"].as_vec().expect("rules");
    let text = |yaml: &Yaml| yaml.as_str().unwrap_or_else(|| panic!("{yaml:?}")).to_owned();
    let mut alerts = BTreeSet::new();
    for rule in rules {
        let (alert, expression) = (text(&rule["alert"]), text(&rule["expr"]));
        for name in named(&expression) {
            assert!(figure_of(name).is_some(), "{alert}: {name}");
        }
        assert!(["critical", "warning"].contains(&text(&rule["labels"]["severity"]).as_str()));
        assert!(!text(&rule["annotations"]["summary"]).is_empty());
        let anchor = format!("docs/operations.md#{}", alert.to_lowercase());
        assert_eq!(text(&rule["annotations"]["runbook"]), anchor);
        assert!(headings.contains(alert.as_str()), "{alert} has no runbook");
        assert!(alerts.insert(alert), "once");
    }
    assert_eq!(alerts.len(), headings.len(), "every heading is an alert");
}
