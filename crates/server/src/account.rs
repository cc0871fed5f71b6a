//! `parlance account`: what an operator does to accounts. A password comes from the terminal or from standard input, never from the command
//! line, which others can read.

mod password;

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::Value;

use crate::admin::{self, Request};
use crate::cli::{Failure, Format, Place};
use crate::telemetry;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make an account.
    #[command(
        after_help = "Example:\n  parlance account create ada --name 'Ada Lovelace' --data ./chat\n\nThe password is asked for, or read from standard input: the first line.\nA server may run on the data directory or not.\n\nThe exit code is 0 if it was done, 1 if not."
    )]
    Create(Create),
    /// Give an account another password, and end all its sessions.
    #[command(
        after_help = "Example:\n  parlance account reset ada --data ./chat < new-password\n\nThe password is asked for, or read from standard input: the first line.\nA server may run on the data directory or not: what was signed in is signed out at once.\n\nThe exit code is 0 if it was done, 1 if not."
    )]
    Reset(Reset),
}

#[derive(Debug, Args)]
pub(crate) struct Create {
    /// The handle to sign in with
    handle: String,
    /// The name that people see [default: the handle]
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Args)]
pub(crate) struct Reset {
    /// The handle of the account
    handle: String,
    #[command(flatten)]
    place: Place,
}

pub(crate) fn run(command: Command) -> Result<ExitCode, Failure> {
    telemetry::start("warn");
    let (place, config) = match &command {
        Command::Create(create) => (&create.place, create.place.config()?),
        Command::Reset(reset) => (&reset.place, reset.place.config_of_existing()?),
    };
    let format = place.format;
    let password = password::read()?;
    let request = match command {
        Command::Create(Create { handle, name, .. }) => {
            Request::CreateAccount { handle, name, password }
        }
        Command::Reset(Reset { handle, .. }) => Request::ResetPassword { handle, password },
    };
    let done = admin::ask(&config, request, &mut |_, _| ())?;
    telemetry::print(&match format {
        Format::Json => done.to_string(),
        Format::Text => sentence(&done),
    });
    Ok(ExitCode::SUCCESS)
}

fn sentence(done: &Value) -> String {
    let text = |field: &str| done[field].as_str().unwrap_or_default().to_owned();
    let (handle, account) = (text("handle"), text("account"));
    match done["sessions_ended"].as_u64() {
        None => format!("{handle} can sign in (account {account})"),
        Some(ended) => {
            format!("{handle} has a new password (account {account}); sessions that ended: {ended}")
        }
    }
}
