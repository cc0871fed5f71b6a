//! `parlance verify --repair DIR`: a data directory of what can be read of a damaged one, checked before it is called one.
//!
//! A deliberate act: it says exactly what is lost, and the damaged directory stays as it is.

use std::path::Path;
use std::process::ExitCode;

use parlance_embedded::accounts::keys;
use parlance_embedded::backup::{self, BackupError};
use parlance_embedded::conversations::{Loss, Salvaged};
use parlance_engine::accounts::KeyRing;
use parlance_engine::clock::{Clock, SystemClock};
use serde_json::json;

use super::{Findings, check};
use crate::cli::{Failure, Format};
use crate::config::Config;
use crate::{open, telemetry};

/// Exit code 1: it cannot be repaired.
pub(crate) fn run(data: &Path, into: &Path, format: Format) -> Result<ExitCode, Failure> {
    crate::backup::refuse_unfinished(data)?;
    let before = check(data)?;
    if before.problem_count == 0 {
        let text = "nothing is wrong, so nothing was made";
        telemetry::print(&match format {
            Format::Json => json!({"repaired": null, "problem_count": 0}).to_string(),
            Format::Text => text.to_owned(),
        });
        return Ok(ExitCode::SUCCESS);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let options = open::store_options(&Config::default());
    let repaired = runtime.block_on(backup::repair(data, into, options));
    let repaired = match repaired {
        Ok(repaired) => repaired,
        Err(error @ BackupError::Accounts(_)) => {
            return Ok(cannot(data, &format!("{error}; restore a backup")));
        }
        Err(error) => return Ok(cannot(data, &error.to_string())),
    };
    let keys_remade = take_keys(data, into)?;
    let after = check(into)?;
    if let Some(problem) = after.problems.first() {
        return Ok(cannot(
            data,
            &format!("what can be read of it does not fit together: {problem}"),
        ));
    }
    let conversations = repaired.conversations.clone();
    repaired.finish()?;
    tell(data, into, format, &before, &after, &conversations, keys_remade);
    Ok(ExitCode::SUCCESS)
}

fn cannot(data: &Path, why: &str) -> ExitCode {
    let text = format!(
        "{} cannot be repaired: {why}; nothing was made, and nothing was changed",
        data.display()
    );
    telemetry::fatal(&*Failure::from(text));
    ExitCode::FAILURE
}

/// True if they had to be made anew, so that everybody signs in again.
fn take_keys(data: &Path, into: &Path) -> Result<bool, Failure> {
    let found = std::fs::read(data.join("keys.json")).ok();
    let whole = found.filter(|bytes| KeyRing::from_bytes(bytes).is_ok());
    let (bytes, remade) = match whole {
        Some(bytes) => (bytes, false),
        None => (KeyRing::generate(SystemClock.now()).to_bytes(), true),
    };
    let path = into.join("keys.json");
    keys::save(&path, &bytes)
        .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    Ok(remade)
}

fn tell(
    data: &Path,
    into: &Path,
    format: Format,
    before: &Findings,
    after: &Findings,
    conversations: &Salvaged,
    keys_remade: bool,
) {
    let Salvaged { epoch, replayed, losses, unreadable, rows_remade } = conversations;
    if format == Format::Json {
        let losses: Vec<_> = losses
            .iter()
            .map(|Loss { conversation, from, up_to }| {
                json!({"conversation": conversation, "from": from, "up_to": up_to})
            })
            .collect();
        let report = json!({
            "repaired": into.display().to_string(), "problem_count": before.problem_count,
            "events": after.events, "conversations": after.conversations, "replayed": replayed,
            "losses": losses, "unreadable": unreadable, "rows_remade": rows_remade,
            "keys_remade": keys_remade, "epoch": epoch,
        });
        return telemetry::print(&report.to_string());
    }
    for place in unreadable {
        telemetry::print(&format!("unreadable: {place}"));
    }
    for Loss { conversation, from, up_to } in losses {
        telemetry::print(&format!(
            "lost: events {from} to {up_to} of conversation {conversation}, and any after them"
        ));
    }
    if *rows_remade {
        telemetry::print("the rows were no good: they are made again from the journal");
    }
    if keys_remade {
        telemetry::print("the keys were no good: everybody has to sign in again");
    }
    if losses.is_empty() && !unreadable.is_empty() {
        telemetry::print(
            "no conversation has a gap; the last events of some may have been in what is unreadable",
        );
    }
    telemetry::print(&format!(
        "{} events of {} conversations are in {}; serve that with --data. {} is as it was",
        after.events,
        after.conversations,
        into.display(),
        data.display()
    ));
}
