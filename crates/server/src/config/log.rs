//! `[log]`: what is said on standard error, and how.

use serde::{Deserialize, Serialize};
use tracing_subscriber::EnvFilter;

use super::read::Section;

/// `[log]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Log {
    /// `error`, `warn`, `info`, `debug`, `trace`, or as `RUST_LOG`, which comes first.
    pub(crate) level: String,
    pub(crate) format: LogFormat,
}

/// How a line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// An object for each line.
    Json,
}

impl Default for Log {
    fn default() -> Self {
        Self { level: "info".to_owned(), format: LogFormat::Text }
    }
}

impl Log {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        let default = Self::default();
        Self {
            level: section.value("level", default.level),
            format: section.value("format", default.format),
        }
    }

    pub(super) fn validate(&self, problems: &mut Vec<String>) {
        if let Err(error) = EnvFilter::try_new(&self.level) {
            problems.push(format!("log.level: {:?} is no level: {error}", self.level));
        }
    }
}
