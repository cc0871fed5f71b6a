//! `parlance drill` and `parlance yardstick` without the server around them, for work on the drill itself:
//! `cargo run --release -p parlance-load --example drill -- drill pairs --executable target/release/parlance`.

use std::process::ExitCode;

use clap::Parser;
use parlance_load::{Cli, LoadError, Yardstick};

#[derive(Parser)]
enum Command {
    Drill(Cli),
    Yardstick(Yardstick),
}

fn main() -> Result<ExitCode, LoadError> {
    match Command::parse() {
        Command::Drill(cli) => Ok(ExitCode::from(u8::from(!parlance_load::run(&cli)?))),
        Command::Yardstick(yardstick) => {
            parlance_load::relay(&yardstick)?;
            Ok(ExitCode::SUCCESS)
        }
    }
}
