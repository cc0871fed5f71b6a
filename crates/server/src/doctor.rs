//! `parlance doctor`: what on this machine stands in the way of a server, or will, and what to do about it.
//!
//! It looks and changes nothing, but for a small file that measures the disk and is gone before it ends. A server may run meanwhile. Each
//! check is one function that answers one [`Finding`].

mod data;
mod disk;
mod machine;
mod network;

use std::fmt::Write as _;
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;
use serde_json::json;

use crate::cli::{Failure, Format, Place};
use crate::config::Config;
use crate::telemetry;

/// Say what on this machine stands in the way of a server, and how to fix it.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  parlance doctor --data ./chat --config parlance.toml\n  parlance doctor --json | jq '.findings[] | select(.standing != \"good\")'\n\nA server may run on the data directory or not. Nothing is changed. Run it as the user of the server, since\nlimits and permissions are those of who asks.\n\nThe exit code is 0 if nothing is wrong (there may be warnings), 1 if something is, 2 if it could not be checked."
)]
pub(crate) struct Doctor {
    #[command(flatten)]
    place: Place,
    /// The same as --format json
    #[arg(long)]
    json: bool,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Standing {
    Good,
    /// It works, and not as it should, or not for long.
    Warning,
    /// A server does not start, or loses something.
    Wrong,
}

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Finding {
    check: &'static str,
    standing: Standing,
    found: String,
    /// What to do about it; of what is good there is nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
}

impl Finding {
    fn good(check: &'static str, found: impl Into<String>) -> Self {
        Self { check, standing: Standing::Good, found: found.into(), remedy: None }
    }

    fn warning(check: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        let (found, remedy) = (found.into(), Some(remedy.into()));
        Self { check, standing: Standing::Warning, found, remedy }
    }

    fn wrong(check: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { standing: Standing::Wrong, ..Self::warning(check, found, remedy) }
    }
}

const CHECKS: &[fn(&Config) -> Finding] = &[
    data::directory,
    data::formats,
    data::keys,
    disk::room,
    disk::kind,
    disk::sync,
    machine::clock,
    machine::open_files,
    machine::memory,
    network::port,
    network::queue,
    network::certificate,
];

pub(crate) fn run(doctor: &Doctor) -> Result<ExitCode, Failure> {
    let config = doctor.place.config()?;
    let findings: Vec<Finding> = CHECKS.iter().map(|check| check(&config)).collect();
    let is_wrong = findings.iter().any(|finding| finding.standing == Standing::Wrong);
    let format = if doctor.json { Format::Json } else { doctor.place.format };
    telemetry::print(&match format {
        Format::Json => {
            let version = env!("CARGO_PKG_VERSION");
            json!({"version": version, "wrong": is_wrong, "findings": findings}).to_string()
        }
        Format::Text => table(&findings),
    });
    Ok(if is_wrong { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn table(findings: &[Finding]) -> String {
    let width = findings.iter().map(|finding| finding.check.len()).max().unwrap_or_default();
    let mut out = String::new();
    for Finding { check, standing, found, remedy } in findings {
        let mark = match standing {
            Standing::Good => "ok     ",
            Standing::Warning => "warning",
            Standing::Wrong => "WRONG  ",
        };
        let written =
            writeln!(out, "{mark}  {check:width$}  {found}").and_then(|()| match remedy {
                Some(remedy) => writeln!(out, "{:9}{:width$}  → {remedy}", "", ""),
                None => Ok(()),
            });
        written.expect("a text takes what is written to it");
    }
    let count = |wanted| findings.iter().filter(|finding| finding.standing == wanted).count();
    let (wrong, warnings) = (count(Standing::Wrong), count(Standing::Warning));
    let sum = write!(out, "{wrong} wrong, {warnings} warnings, of {} checks", findings.len());
    sum.expect("a text takes what is written to it");
    out
}
