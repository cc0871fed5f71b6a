//! What the process says: log lines on stderr, results on stdout.

use std::io::{IsTerminal, Write};

use tracing_subscriber::EnvFilter;

use crate::config::{Log, LogFormat};

/// Starts logging to stderr, in words. `RUST_LOG` chooses what, `level` if it is not set.
pub(crate) fn start(level: &str) {
    start_as(&Log { level: level.to_owned(), format: LogFormat::Text });
}

/// As [`start`], in the way that was configured.
pub(crate) fn start_as(log: &Log) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(&log.level));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match log.format {
        LogFormat::Text => builder.with_ansi(std::io::stderr().is_terminal()).init(),
        LogFormat::Json => builder.json().flatten_event(true).with_span_list(false).init(),
    }
}

/// Prints a result. A reader that went away ends it quietly.
pub(crate) fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    if writeln!(out, "{text}").and_then(|()| out.flush()).is_err() {
        // Nobody reads; there is nobody to tell.
    }
}

/// Prints why the process ends, in one line.
pub(crate) fn fatal(error: &dyn std::error::Error) {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    let mut err = std::io::stderr().lock();
    if writeln!(err, "parlance: {}", text.replace('\n', " ")).is_err() {
        // Nobody reads; the exit code says it.
    }
}
