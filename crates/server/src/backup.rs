//! `parlance backup` and `parlance restore`: a folder with everything of a data directory, and a data directory of such a folder.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use indicatif::BinaryBytes;
use parlance_embedded::accounts::keys;
use parlance_embedded::backup::{self, is_unfinished};
use parlance_engine::accounts::KeyRing;
use parlance_engine::clock::{Clock, SystemClock};
use parlance_types::Micros;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::admin::{self, Request};
use crate::cli::{Failure, Format, Place};
use crate::config::Config;
use crate::{config, open, progress, telemetry};

/// Copy everything of a data directory into an empty folder.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  parlance backup /backups/monday --data ./chat\n\nA server may run on the data directory or not: it serves on meanwhile. Everything that was acknowledged\nbefore is in the backup; keys are not. What fails or is cancelled leaves nothing.\n\nThe exit code is 0 if it was done, 1 if not."
)]
pub(crate) struct Backup {
    /// The folder, made if it is not there; with a server running, of the machine of the server
    directory: PathBuf,
    #[command(flatten)]
    place: Place,
}

/// Make a data directory of a backup.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  parlance restore /backups/monday --data ./chat-again\n\nThe backup is checked before anything of it is used. Everybody has to sign in again, and clients fetch\nwhat they have and the backup lacks. What fails or is cancelled leaves nothing.\n\nThe exit code is 0 if it was done, 1 if not."
)]
pub(crate) struct Restore {
    /// The folder with the backup
    directory: PathBuf,
    /// Data directory, made or empty
    #[arg(long)]
    data: PathBuf,
    /// Configuration (TOML)
    #[arg(long)]
    config: Option<PathBuf>,
    /// How to print the result
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

pub(crate) fn create(Backup { directory, place }: Backup) -> Result<ExitCode, Failure> {
    telemetry::start("warn");
    let format = place.format;
    let config = place.config_of_existing()?;
    // The server has another working directory.
    let directory = std::path::absolute(directory)?;
    let bar = progress::bar();
    let done = admin::ask(&config, Request::Backup { directory }, &mut |done, total| {
        bar.set_length(total);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    let done = done?;
    telemetry::print(&match format {
        Format::Json => done.to_string(),
        Format::Text => format!(
            "{} in {} files are in {}",
            size_of(&done),
            done["files"],
            done["directory"].as_str().unwrap_or_default()
        ),
    });
    Ok(ExitCode::SUCCESS)
}

fn size_of(done: &Value) -> BinaryBytes {
    BinaryBytes(done["bytes"].as_u64().unwrap_or_default())
}

pub(crate) fn restore(wish: Restore) -> Result<ExitCode, Failure> {
    telemetry::start("warn");
    let mut config = config::load(wish.config.as_deref())?;
    config.server.data = wish.data;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let done = runtime.block_on(restore_into(&wish.directory, &config))?;
    telemetry::print(&match wish.format {
        Format::Json => done.to_string(),
        Format::Text => format!(
            "{} are restored to {}; everybody has to sign in again (sessions that ended: {})",
            size_of(&done),
            config.server.data.display(),
            done["sessions_ended"]
        ),
    });
    Ok(ExitCode::SUCCESS)
}

async fn restore_into(from: &Path, config: &Config) -> Result<Value, Failure> {
    let data = &config.server.data;
    let stop = CancellationToken::new();
    let bar = progress::bar();
    let (shown, stopped) = (bar.clone(), stop.clone());
    let go_on = Arc::new(move |done, total| {
        shown.set_length(total);
        shown.set_position(done);
        !stopped.is_cancelled()
    });
    let now = SystemClock.now();
    let work = backup::restore(from, data, open::store_options(config), now, go_on);
    let restored = until_cancelled(work, &stop).await;
    bar.finish_and_clear();
    let restored = restored?;
    let done = json!({
        "data": data.display().to_string(), "epoch": restored.epoch, "made_at": restored.made_at,
        "bytes": restored.bytes, "sessions_ended": restored.sessions_ended,
    });
    let path = data.join("keys.json");
    keys::save(&path, &KeyRing::generate(now).to_bytes())
        .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    restored.finish()?;
    Ok(done)
}

/// Waits for the end of `work`. SIGINT cancels `stop`, so that it ends soon and cleans up.
pub(crate) async fn until_cancelled<T>(
    work: impl Future<Output = T>,
    stop: &CancellationToken,
) -> T {
    tokio::pin!(work);
    tokio::select! {
        done = &mut work => return done,
        _ = tokio::signal::ctrl_c() => stop.cancel(),
    }
    work.await
}

/// Refuses what a restoring left that was cut short.
pub(crate) fn refuse_unfinished(data: &Path) -> Result<(), Failure> {
    if is_unfinished(data) {
        let name = data.display();
        return Err(format!(
            "a restoring to {name} was cut short: remove what is in it, and restore again"
        )
        .into());
    }
    Ok(())
}

/// When a backup is made, and of which version.
pub(crate) fn stamp() -> (&'static str, Micros) {
    (env!("CARGO_PKG_VERSION"), SystemClock.now())
}
