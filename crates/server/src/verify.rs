//! `parlance verify`: reads a data directory that no server has open, changes nothing, and names what is wrong.
//!
//! It walks journal and rows (checksums, order, what they say of each other), every hash chain from its first event, the accounts and the
//! keys.

use std::collections::HashMap;
use std::io::IsTerminal;
use std::path::Path;
use std::process::ExitCode;

use indicatif::{ProgressBar, ProgressStyle};
use parlance_core::chain;
use parlance_embedded::accounts::{self, keys};
use parlance_embedded::conversations::{self, Progress};
use parlance_engine::accounts::KeyRing;
use parlance_types::{ConversationId, Hash, Record, Seq};
use serde_json::json;

use crate::cli::{Failure, Format};
use crate::telemetry;

/// Problems that are named one by one; the rest is counted.
const NAMED_MAX: usize = 1_000;

/// What was found.
#[derive(Default)]
struct Findings {
    events: u64,
    conversations: usize,
    problems: Vec<String>,
}

/// Checks the directory and prints what was found. Exit code 1: something is wrong.
pub(crate) fn run(data: &Path, format: Format) -> Result<ExitCode, Failure> {
    let findings = check(data)?;
    let problems = &findings.problems[..findings.problems.len().min(NAMED_MAX)];
    match format {
        Format::Json => {
            let report = json!({
                "events": findings.events, "conversations": findings.conversations,
                "problems": problems, "problem_count": findings.problems.len(),
            });
            telemetry::print(&report.to_string());
        }
        Format::Text => {
            for problem in problems {
                telemetry::print(problem);
            }
            let Findings { events, conversations, problems } = &findings;
            telemetry::print(&format!(
                "{events} events of {conversations} conversations: {} problems",
                problems.len()
            ));
        }
    }
    Ok(if findings.problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn check(data: &Path) -> Result<Findings, Failure> {
    if !data.is_dir() {
        return Err(format!("there is no data directory {}", data.display()).into());
    }
    let mut findings = Findings::default();
    let bar = progress_bar();
    let mut ends: HashMap<ConversationId, (Seq, Hash)> = HashMap::new();
    let mut broken = Vec::new();
    let report = conversations::verify(
        data,
        &mut |record| broken.extend(follow(&mut ends, record)),
        &mut |progress| {
            let (done, total) = match progress {
                Progress::Journal { bytes_done, bytes_total } => (bytes_done, bytes_total),
                Progress::Conversations { done, total } => (done, total),
            };
            bar.set_length(total);
            bar.set_position(done);
        },
    )?;
    bar.finish_and_clear();
    findings.events = report.events;
    findings.conversations = ends.len();
    findings.problems = report.problems.iter().map(ToString::to_string).collect();
    findings.problems.append(&mut broken);
    check_accounts(data, &mut findings)?;
    Ok(findings)
}

/// Follows the chain of the record's conversation. What lies before the journal's first record of it is not judged.
fn follow(ends: &mut HashMap<ConversationId, (Seq, Hash)>, record: &Record) -> Option<String> {
    let Record { conversation, seq, hash, .. } = *record;
    let problem = |what: &str| Some(format!("conversation {conversation}, event {seq}: {what}"));
    let before = match ends.insert(conversation, (seq, hash)) {
        Some((last, _)) if last.next() != seq => return problem(&format!("follows event {last}")),
        Some((_, hash)) => hash,
        None if seq == Seq::FIRST => chain::start(conversation),
        None => return None,
    };
    if chain::check(before, record) { None } else { problem("does not continue the hash chain") }
}

fn check_accounts(data: &Path, findings: &mut Findings) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let file = data.join("accounts.sqlite");
    match runtime.block_on(accounts::verify(&file)) {
        Ok(problems) => findings.problems.extend(problems.iter().map(ToString::to_string)),
        Err(error) => findings.problems.push(format!("{}: {error}", file.display())),
    }
    let file = data.join("keys.json");
    match keys::load(&file) {
        Ok(Some(bytes)) => {
            if let Err(error) = KeyRing::from_bytes(&bytes) {
                findings.problems.push(format!("{}: {error}", file.display()));
            }
        }
        Ok(None) => findings.problems.push(format!("{}: is missing", file.display())),
        Err(error) => findings.problems.push(format!("{}: {error}", file.display())),
    }
    Ok(())
}

/// Shown on a terminal only.
fn progress_bar() -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:40} {percent} % {eta}");
    ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
