//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::config::Config;
use crate::{account, backup, config, doctor, serve, telemetry, upgrade, verify};

/// What a command may fail with: one line for the person at the terminal.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// A messenger backend in one binary.
#[derive(Debug, Parser)]
#[command(
    name = "parlance",
    version,
    after_help = "Without a command: serve, with its defaults.\n\nExample:\n  parlance serve --listen 0.0.0.0:8080 --data /var/lib/parlance"
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server.
    Serve(Serve),
    /// Look at the configuration, without starting anything.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Make accounts and give them new passwords.
    #[command(subcommand)]
    Account(account::Command),
    Backup(backup::Backup),
    Restore(backup::Restore),
    Doctor(doctor::Doctor),
    /// Check everything in a data directory that no server has open.
    Verify(Verify),
    Upgrade(upgrade::Upgrade),
    Rollback(upgrade::Rollback),
    /// Load a server and check that it loses, repeats and reorders nothing.
    Drill(parlance_load::Cli),
    /// A bare relay for comparison; started by `drill --yardstick`.
    #[command(hide = true)]
    Yardstick(parlance_load::Yardstick),
    /// Print the version.
    Version,
}

/// Run the server.
#[derive(Debug, Default, Args)]
#[command(
    after_help = "Example:\n  parlance serve --listen 127.0.0.1:9000 --data ./chat\n\nEvery key of the configuration can also be given as PARLANCE__SECTION__KEY, e.g. PARLANCE__SERVER__WORKERS=2.\n\nSIGTERM or SIGINT stops it within 30 seconds: clients are told to come back and everything is stored. A second one ends it at once; nothing acknowledged is lost.\n\nThe exit code is 0 after a stop, 130 (SIGINT) or 143 (SIGTERM) after a second signal, 1 if something went wrong, 2 if the command line is."
)]
struct Serve {
    /// Address and port [default: 127.0.0.1:8080]
    #[arg(long)]
    listen: Option<SocketAddr>,
    /// Data directory, made if it is not there [default: parlance-data]
    #[arg(long)]
    data: Option<PathBuf>,
    /// Configuration (TOML)
    #[arg(long)]
    config: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Print every key as it would count: from the environment, the file or the default.
    #[command(
        after_help = "Example:\n  parlance config print --config parlance.toml > effective.toml\n\nWhat is printed is TOML, and a configuration itself."
    )]
    Print(ConfigFile),
    /// Say everything that is wrong with a configuration.
    #[command(
        after_help = "Example:\n  parlance config check --config parlance.toml\n\nThe exit code is 0 if nothing is wrong, 1 if something is."
    )]
    Check(ConfigFile),
}

#[derive(Debug, Args)]
struct ConfigFile {
    /// Configuration (TOML); without it, the defaults and the environment
    #[arg(long)]
    config: Option<PathBuf>,
}

/// Check everything in a data directory.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  parlance verify --data ./chat --format json\n  parlance verify --data ./chat --repair ./chat-repaired\n\nRepairing makes another directory of what is whole and says what is lost; the damaged one stays as it is.\nClients notice, fetch what they lack and offer again what they had sent. Where accounts or too much of the\nrows are damaged nothing is made: restore a backup.\n\nThe exit code is 0 if nothing is wrong, 1 if something is, 2 if it could not be checked."
)]
struct Verify {
    /// Data directory
    #[arg(long, default_value = "parlance-data")]
    data: PathBuf,
    /// Make a data directory there, of what can be read of this one
    #[arg(long, value_name = "DIR")]
    repair: Option<PathBuf>,
    /// How to print the result.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// Which data directory, and how to answer.
#[derive(Debug, Args)]
pub(crate) struct Place {
    /// Data directory [default: parlance-data]
    #[arg(long)]
    data: Option<PathBuf>,
    /// Configuration (TOML)
    #[arg(long)]
    config: Option<PathBuf>,
    /// How to print the result
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

impl Place {
    pub(crate) fn config(&self) -> Result<Config, Failure> {
        let mut config = config::load(self.config.as_deref())?;
        if let Some(data) = &self.data {
            config.server.data.clone_from(data);
        }
        Ok(config)
    }

    /// Refuses where there is nothing, which would be made otherwise.
    pub(crate) fn config_of_existing(&self) -> Result<Config, Failure> {
        let config = self.config()?;
        if !config.server.data.exists() {
            let name = config.server.data.display();
            return Err(format!("there is no data directory {name}; name it with --data").into());
        }
        Ok(config)
    }
}

/// How a result is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Text,
    Json,
}

/// Runs what was asked for.
pub(crate) fn run(cli: Cli) -> Result<ExitCode, Failure> {
    match cli.command.unwrap_or_else(|| Command::Serve(Serve::default())) {
        Command::Serve(Serve { listen, data, config }) => {
            let mut config = config::load(config.as_deref())?;
            telemetry::start_as(&config.log);
            config.server.listen = listen.unwrap_or(config.server.listen);
            config.server.data = data.unwrap_or(config.server.data);
            serve::run(config)?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Config(command) => {
            let (ConfigCommand::Print(ConfigFile { config: file })
            | ConfigCommand::Check(ConfigFile { config: file })) = &command;
            let config = config::load(file.as_deref())?;
            telemetry::print(&match command {
                ConfigCommand::Print(_) => toml::to_string(&config)?.trim_end().to_owned(),
                ConfigCommand::Check(_) => "nothing is wrong with the configuration".to_owned(),
            });
            Ok(ExitCode::SUCCESS)
        }
        Command::Account(command) => account::run(command),
        Command::Backup(wish) => backup::create(wish),
        Command::Restore(wish) => backup::restore(wish),
        Command::Doctor(doctor) => doctor::run(&doctor).or_else(|error| {
            telemetry::fatal(&*error);
            Ok(ExitCode::from(2))
        }),
        Command::Upgrade(wish) => upgrade::upgrade(&wish),
        Command::Rollback(wish) => upgrade::rollback(&wish),
        Command::Verify(Verify { data, repair, format }) => match repair {
            None => verify::run(&data, format),
            Some(into) => verify::repair(&data, &into, format),
        }
        .or_else(|error| {
            telemetry::fatal(&*error);
            Ok(ExitCode::from(2))
        }),
        Command::Drill(drill) => {
            let passed = parlance_load::run(&drill)?;
            Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        Command::Yardstick(yardstick) => {
            parlance_load::relay(&yardstick)?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Version => {
            telemetry::print(&format!("parlance {}", env!("CARGO_PKG_VERSION")));
            Ok(ExitCode::SUCCESS)
        }
    }
}
