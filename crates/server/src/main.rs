//! The binary `parlance`: command line, configuration, wiring and lifecycle. It decides nothing about conversations.

mod account;
mod admin;
mod backup;
mod certificate;
mod cli;
mod config;
mod doctor;
mod figures;
mod files;
mod formats;
mod journal_watch;
mod open;
mod progress;
mod serve;
mod supervisor;
mod telemetry;
mod timekeeper;
mod upgrade;
mod verify;
mod workers;

use std::process::ExitCode;

use clap::Parser;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    match cli::run(cli) {
        Ok(code) => code,
        Err(error) => {
            telemetry::fatal(&*error);
            ExitCode::FAILURE
        }
    }
}
