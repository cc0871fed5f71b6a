//! `cargo xtask ci`: the list that every change must pass, cheapest first; the first failure ends it.
//!
//! What passes here passes on the machine that judges a submission, which calls the same list. It installs nothing: a tool that
//! is missing is named with the command that installs it.

mod tally;

use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tally::Tally;

use crate::tidy;

struct Step {
    name: &'static str,
    does: Does,
    /// Left out by `--quick`.
    slow: bool,
}

/// Commands are arguments of cargo, separated by spaces.
enum Does {
    Tidy,
    Cargo(&'static str),
    /// The same, its results being counted.
    Tests(&'static str),
    /// A subcommand that does not come with cargo, and how to get it.
    Tool(&'static str, &'static str),
}

const STEPS: &[Step] = &[
    Step { name: "format", does: Does::Cargo("fmt --all --check"), slow: false },
    Step { name: "tidy", does: Does::Tidy, slow: false },
    Step {
        name: "clippy",
        does: Does::Cargo("clippy --locked --workspace --all-targets -- -D warnings"),
        slow: false,
    },
    Step {
        name: "inner tests",
        does: Does::Cargo("test --locked -p parlance-types -p parlance-core -p parlance-protocol"),
        slow: false,
    },
    // The README's command.
    Step { name: "tests", does: Does::Tests("test --locked --workspace"), slow: true },
    Step { name: "docs", does: Does::Cargo("doc --locked --workspace --no-deps"), slow: true },
    Step {
        name: "deny",
        does: Does::Tool(
            "deny --locked check --hide-inclusion-graph bans licenses sources",
            "cargo install cargo-deny --locked",
        ),
        slow: true,
    },
];

/// What differs from a run by hand: documentation denies warnings, and the tests that kill the server and flip bits in what it stored do
/// so ten times as often. It is the same for all steps, so that none makes stale what another built.
const ENVIRONMENT: &[(&str, &str)] =
    &[("RUSTDOCFLAGS", "-D warnings"), ("PARLANCE_KILLS", "300"), ("PARLANCE_FLIPS", "1000")];

/// Prints a line per step and ends with the count of tests; `false` as soon as a step fails.
pub(crate) fn run(root: &Path, quick: bool, out: &mut impl Write) -> io::Result<bool> {
    let started = Instant::now();
    let mut tally = Tally::default();
    let mut report = String::new();
    for step in STEPS.iter().filter(|step| !(quick && step.slow)) {
        writeln!(out, "── {}: {}", step.name, step.does)?;
        let begun = Instant::now();
        let passed = perform(&step.does, root, &mut tally, out)?;
        let line = format!(
            "{:<12} {:>8}  {}",
            step.name,
            seconds(begun.elapsed()),
            if passed { "ok" } else { "FAILED" }
        );
        writeln!(out, "── {line}")?;
        writeln!(report, "{line}").expect("a String takes everything");
        if !passed {
            return Ok(false);
        }
    }
    writeln!(out, "\n{report}{:<12} {:>8}", "total", seconds(started.elapsed()))?;
    if quick {
        return Ok(true);
    }
    // Last of all, because it is the line that machines look for.
    writeln!(out, "{tally}")?;
    Ok(tally.proves_something())
}

fn perform(does: &Does, root: &Path, tally: &mut Tally, out: &mut impl Write) -> io::Result<bool> {
    match does {
        Does::Tidy => tidy::run(root, out),
        Does::Cargo(arguments) => Ok(cargo(root, arguments).status()?.success()),
        Does::Tests(arguments) => {
            let mut child = cargo(root, arguments).stdout(Stdio::piped()).spawn()?;
            let stdout = child.stdout.take().expect("it was asked for");
            for line in BufReader::new(stdout).lines() {
                let line = line?;
                tally.read(&line);
                writeln!(out, "{line}")?;
            }
            Ok(child.wait()?.success())
        }
        Does::Tool(arguments, install) => {
            let tool = arguments.split_whitespace().next().expect("a tool has a name");
            let mut look = cargo(root, tool);
            let installed =
                look.arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status()?;
            if !installed.success() {
                writeln!(out, "error: `cargo {tool}` is not installed; run: {install}")?;
                return Ok(false);
            }
            Ok(cargo(root, arguments).status()?.success())
        }
    }
}

fn cargo(root: &Path, arguments: &str) -> Command {
    let mut command = Command::new("cargo");
    command.args(arguments.split_whitespace()).current_dir(root).stdin(Stdio::null());
    command.envs(ENVIRONMENT.iter().copied());
    command
}

fn seconds(elapsed: Duration) -> String {
    format!("{:.1} s", elapsed.as_secs_f64())
}

impl std::fmt::Display for Does {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tidy => f.write_str("cargo xtask tidy"),
            Self::Cargo(arguments) | Self::Tests(arguments) | Self::Tool(arguments, _) => {
                write!(f, "cargo {arguments}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(quick: bool) -> Vec<&'static str> {
        STEPS.iter().filter(|step| !(quick && step.slow)).map(|step| step.name).collect()
    }

    #[test]
    fn the_list_is_complete_and_cheapest_first() {
        assert_eq!(
            names(false),
            ["format", "tidy", "clippy", "inner tests", "tests", "docs", "deny"]
        );
        assert_eq!(names(true), ["format", "tidy", "clippy", "inner tests"]);
    }

    #[test]
    fn a_failing_step_and_a_missing_tool_fail() {
        let root = crate::tree::root().expect("tests run inside the workspace");
        let mut tally = Tally::default();
        let mut out = Vec::new();
        let absent = Does::Tool("no-such-tool", "cargo install no-such-tool");
        assert!(!perform(&absent, &root, &mut tally, &mut out).expect("cargo starts"));
        let said = String::from_utf8(out).expect("what was written is text");
        assert_eq!(
            said,
            "error: `cargo no-such-tool` is not installed; run: cargo install no-such-tool\n"
        );
        assert!(
            perform(&Does::Cargo("--version"), &root, &mut tally, &mut Vec::new())
                .expect("cargo starts")
        );
    }
}
