//! `parlance verify`: reads a data directory that no server has open, changes nothing, and names what is wrong. With `--repair` it makes
//! another of what is whole (`verify/repair.rs`).
//!
//! It walks journal and rows (checksums, order, what they say of each other), every hash chain from its first event, the accounts and the
//! keys.

mod repair;

use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::process::ExitCode;

use parlance_core::chain;
use parlance_embedded::accounts::{self, keys};
use parlance_embedded::conversations::{self, OpenError, Problem, Progress};
use parlance_engine::accounts::KeyRing;
use parlance_types::{ConversationId, Hash, Record, Seq};
use serde_json::json;

use crate::cli::{Failure, Format};
use crate::{backup, progress, telemetry};

pub(crate) use repair::run as repair;

/// Problems that are named one by one; the rest is counted.
const NAMED_MAX: usize = 1_000;

/// What was found.
#[derive(Default)]
struct Findings {
    events: u64,
    conversations: usize,
    problems: Vec<Problem>,
    /// How many there are; not all of them are listed.
    problem_count: u64,
}

impl Findings {
    fn add(&mut self, file: &Path, what: impl fmt::Display) {
        self.problem_count += 1;
        let what = what.to_string();
        self.problems.push(Problem { file: file.to_owned(), conversation: None, what });
    }
}

/// Checks the directory and prints what was found. Exit code 1: something is wrong.
pub(crate) fn run(data: &Path, format: Format) -> Result<ExitCode, Failure> {
    backup::refuse_unfinished(data)?;
    let findings = check(data)?;
    let Findings { events, conversations, problems, problem_count } = &findings;
    let problems = &problems[..problems.len().min(NAMED_MAX)];
    match format {
        Format::Json => {
            let problems: Vec<_> = problems
                .iter()
                .map(|Problem { file, conversation, what }| {
                    let conversation = conversation.map(|id| id.to_string());
                    json!({"file": file.display().to_string(), "conversation": conversation, "what": what})
                })
                .collect();
            let report = json!({
                "events": events, "conversations": conversations,
                "problems": problems, "problem_count": problem_count,
            });
            telemetry::print(&report.to_string());
        }
        Format::Text => {
            for problem in problems {
                telemetry::print(&problem.to_string());
            }
            telemetry::print(&format!(
                "{events} events of {conversations} conversations: {problem_count} problems"
            ));
        }
    }
    Ok(if *problem_count == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn check(data: &Path) -> Result<Findings, Failure> {
    if !data.is_dir() {
        return Err(format!("there is no data directory {}", data.display()).into());
    }
    let mut findings = Findings::default();
    let bar = progress::bar();
    let mut ends: HashMap<ConversationId, (Seq, Hash)> = HashMap::new();
    let mut broken = Vec::new();
    let report = conversations::verify(
        data,
        &mut |record| {
            broken.extend(follow(&mut ends, record).map(|what| (record.conversation, what)));
        },
        &mut |progress| {
            let (done, total) = match progress {
                Progress::Journal { bytes_done, bytes_total } => (bytes_done, bytes_total),
                Progress::Conversations { done, total } => (done, total),
            };
            bar.set_length(total);
            bar.set_position(done);
        },
    );
    bar.finish_and_clear();
    match report {
        Ok(report) => {
            findings.events = report.events;
            findings.problems = report.problems;
            findings.problem_count = report.problem_count;
        }
        Err(OpenError::Damaged { what }) => findings.add(data, what),
        Err(error) => return Err(error.into()),
    }
    findings.conversations = ends.len();
    findings.problem_count += broken.len() as u64;
    findings.problems.extend(broken.into_iter().map(|(conversation, what)| Problem {
        file: data.to_owned(),
        conversation: Some(conversation),
        what,
    }));
    check_accounts(data, &mut findings)?;
    Ok(findings)
}

/// Follows the chain of the record's conversation. What lies before the journal's first record of it is not judged.
fn follow(ends: &mut HashMap<ConversationId, (Seq, Hash)>, record: &Record) -> Option<String> {
    let Record { conversation, seq, hash, .. } = *record;
    let problem = |what: &str| Some(format!("event {seq} {what}"));
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
        Ok(problems) => {
            for problem in &problems {
                findings.add(&problem.file, &problem.what);
            }
        }
        Err(error) => findings.add(&file, error),
    }
    let file = data.join("keys.json");
    match keys::load(&file) {
        Ok(Some(bytes)) => {
            if let Err(error) = KeyRing::from_bytes(&bytes) {
                findings.add(&file, error);
            }
        }
        Ok(None) => findings.add(&file, "is missing"),
        Err(error) => findings.add(&file, error),
    }
    Ok(())
}
