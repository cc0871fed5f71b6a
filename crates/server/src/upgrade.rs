//! `parlance upgrade` and `parlance rollback`: what a start of this version changes in a data directory, and the way back.
//!
//! A start does the same by itself; this tells beforehand, or does it while nobody waits. What is changed is the tables of accounts; journal and
//! rows have had one format so far.

use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use parlance_embedded::accounts::{self, Accounts};
use serde_json::json;

use crate::cli::{Failure, Format, Place};
use crate::formats::{self, Formats};
use crate::{admin, backup, telemetry};

/// Bring a data directory up to date, as a start of this version would, or say what that changes.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  parlance upgrade --check --data ./chat\n  parlance upgrade --data ./chat\n\nA copy of what is changed is kept for `parlance rollback`. Make a backup before, with the old version.\n\nThe exit code is 0 if this version can use the data (as they are, or after what is said), 1 if not."
)]
pub(crate) struct Upgrade {
    /// Say what would be changed, and change nothing
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    place: Place,
}

/// Put back what the last upgrade changed, so that the version before can use the data.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  parlance rollback --data ./chat\n\nThen start the version before. It is refused while a server runs, and where it would undo what must not be\nundone: accounts that were made, passwords that were changed, sessions that were ended. Devices that signed in\nsince have to again. What is replaced is kept.\n\nThe exit code is 0 if it was done, 1 if not."
)]
pub(crate) struct Rollback {
    #[command(flatten)]
    place: Place,
}

pub(crate) fn upgrade(wish: &Upgrade) -> Result<ExitCode, Failure> {
    telemetry::start("warn");
    let config = wish.place.config_of_existing()?;
    let data = &config.server.data;
    backup::refuse_unfinished(data)?;
    let formats = formats::look(data)?;
    refuse(&formats)?;
    if !wish.check {
        refuse_served(data)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            Accounts::open(&data.join("accounts.sqlite")).await?.close().await;
            Ok::<_, Failure>(())
        })?;
    }
    let Formats { known, accounts, .. } = &formats;
    telemetry::print(&match wish.place.format {
        Format::Json => {
            let steps: Vec<_> =
                accounts.steps.iter().map(|(to, name)| json!({"to": to, "name": name})).collect();
            json!({
                "version": env!("CARGO_PKG_VERSION"), "as_they_are": known, "done": !wish.check,
                "accounts": {"found": accounts.found, "wanted": accounts.wanted, "steps": steps},
            })
            .to_string()
        }
        Format::Text => tell(&formats, wish.check),
    });
    Ok(ExitCode::SUCCESS)
}

fn tell(formats: &Formats, is_check: bool) -> String {
    let Formats { known, accounts, .. } = formats;
    let mut lines = Vec::new();
    if !known.is_empty() {
        lines.push(format!("as they are: {}", known.join(", ")));
    }
    if accounts.steps.is_empty() {
        lines.push(format!("as they are: accounts {}", accounts.found));
    } else {
        let verb = if is_check { "would become" } else { "became" };
        let steps: Vec<_> =
            accounts.steps.iter().map(|(to, name)| format!("{to} {name}")).collect();
        lines.push(format!(
            "accounts {} {verb} {}: {}",
            accounts.found,
            accounts.wanted,
            steps.join(", ")
        ));
        lines.push("a copy of the accounts is kept for `parlance rollback`".to_owned());
    }
    lines.join("\n")
}

fn refuse(formats: &Formats) -> Result<(), Failure> {
    if let Some(file) = formats.unknown.first() {
        let name = file.display();
        return Err(format!(
            "{name} is in no format that this version reads: start the version that wrote it"
        )
        .into());
    }
    if formats.are_newer() {
        let accounts = &formats.accounts;
        return Err(format!(
            "the accounts are of a newer version ({}, this one knows {}): start that one, or go back with its `parlance rollback`",
            accounts.found, accounts.wanted
        )
        .into());
    }
    Ok(())
}

fn refuse_served(data: &Path) -> Result<(), Failure> {
    if admin::is_served(data) {
        return Err(format!("a server runs on {}: stop it first", data.display()).into());
    }
    Ok(())
}

pub(crate) fn rollback(Rollback { place }: &Rollback) -> Result<ExitCode, Failure> {
    telemetry::start("warn");
    let config = place.config_of_existing()?;
    let data = &config.server.data;
    backup::refuse_unfinished(data)?;
    refuse_served(data)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let undone = runtime.block_on(accounts::undo(&data.join("accounts.sqlite")))?;
    let kept = undone.kept.display();
    telemetry::print(&match place.format {
        Format::Json => json!({
            "from": undone.from, "to": undone.to, "signed_out": undone.signed_out,
            "kept": kept.to_string(),
        })
        .to_string(),
        Format::Text => format!(
            "accounts are {} again, not {}: start the version before. Devices that have to sign in again: {}. What was replaced is {kept}",
            undone.to, undone.from, undone.signed_out
        ),
    });
    Ok(ExitCode::SUCCESS)
}
