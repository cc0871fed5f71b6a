//! The configuration: one typed tree, one file. Defaults, then the file, then `PARLANCE__SECTION__KEY` from the environment.
//!
//! Unknown keys are errors, and every problem is reported at once, before anything is opened. Nobody else reads the environment.

mod limits;
mod log;
mod read;
mod sections;

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub(crate) use log::{Log, LogFormat};
pub(crate) use sections::Config;

/// What is wrong with a configuration, all of it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ConfigError {
    file: Option<PathBuf>,
    problems: Vec<String>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the configuration")?;
        if let Some(file) = &self.file {
            write!(f, " in {}", file.display())?;
        }
        write!(f, " is not valid: {}", self.problems.join("; "))
    }
}

impl std::error::Error for ConfigError {}

/// The effective configuration. Without a file: defaults and the environment.
pub(crate) fn load(file: Option<&Path>) -> Result<Config, ConfigError> {
    let refused = |problems| ConfigError { file: file.map(Path::to_owned), problems };
    let text = match file {
        Some(path) => std::fs::read_to_string(path)
            .map_err(|error| refused(vec![format!("the file cannot be read: {error}")]))?,
        None => String::new(),
    };
    from_text(&text, std::env::vars()).map_err(refused)
}

/// What a supervisor says of itself to a process that it starts (`sd_notify`): not configuration, but of the environment.
#[derive(Debug, Default)]
pub(crate) struct Supervision {
    /// The socket that it listens on.
    pub(crate) address: Option<OsString>,
    /// How long it waits for a sign of life.
    pub(crate) patience: Option<Duration>,
}

pub(crate) fn supervision() -> Supervision {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let number = |name| variable(name)?.to_str()?.parse::<u64>().ok();
    // Signs of life may be expected of another process that this one was started by.
    let is_meant = number("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(std::process::id()));
    let micros = number("WATCHDOG_USEC").filter(|micros| is_meant && *micros > 0);
    Supervision { address: variable("NOTIFY_SOCKET"), patience: micros.map(Duration::from_micros) }
}

/// The configuration in `text`, with overrides from `environment`, or everything that is wrong with it.
pub(crate) fn from_text(
    text: &str,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<Config, Vec<String>> {
    let mut table: toml::Table =
        text.parse().map_err(|error: toml::de::Error| vec![not_toml(text, &error)])?;
    read::overlay(&mut table, environment);
    let mut problems = Vec::new();
    let config = Config::read(&mut read::Section::new("", table, &mut problems));
    config.validate(&mut problems);
    if problems.is_empty() { Ok(config) } else { Err(problems) }
}

fn not_toml(text: &str, error: &toml::de::Error) -> String {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    format!("line {} is not TOML: {}", before.matches('\n').count() + 1, error.message())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> Vec<String> {
        from_text(text, []).expect_err("not valid")
    }

    #[test]
    fn an_empty_file_is_the_default() {
        assert_eq!(from_text("", []), Ok(Config::default()));
    }

    #[test]
    fn what_is_printed_is_what_counts() {
        let config = from_text("[store]\nreserve_mib = 7\n", []).expect("valid");
        let printed = toml::to_string(&config).expect("TOML");
        assert_eq!(from_text(&printed, []), Ok(config));
    }

    #[test]
    fn every_problem_is_reported_at_once() {
        let found = problems(
            "[server]\nlisten = 7\nlisen = \"x\"\n[accounts.argon2]\niterations = 0\n[what]\na = 1\n",
        );
        assert_eq!(found.len(), 4, "{found:?}");
        assert!(
            found.iter().any(|p| p.contains("server.lisen") && p.contains("listen")),
            "{found:?}"
        );
        assert!(found.iter().any(|p| p.contains("server.listen")), "{found:?}");
        assert!(found.iter().any(|p| p.contains("accounts.argon2.iterations")), "{found:?}");
        assert!(found.iter().any(|p| p.contains("what")), "{found:?}");
    }

    #[test]
    fn the_environment_wins_over_the_file() {
        let environment = [
            ("PARLANCE__SERVER__LISTEN", "127.0.0.1:1"),
            ("PARLANCE__ACCOUNTS__ARGON2__LANES", "2"),
        ];
        let environment = environment.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let config = from_text("[server]\nlisten = \"127.0.0.1:2\"\n", environment).expect("valid");
        assert_eq!(config.server.listen.port(), 1);
        assert_eq!(config.accounts.argon2.lanes, 2);
    }

    #[test]
    fn the_documentation_has_every_key_with_its_default() {
        let page = include_str!("../../../docs/configuration.md");
        let (_, example) = page.split_once("```toml\n").expect("an example");
        let (example, _) = example.split_once("```").expect("its end");
        assert_eq!(from_text(example, []), Ok(Config::default()));
        // A key that the page lacks would read as its default.
        let fields = format!("{:#?}", Config::default());
        for line in fields.lines().filter_map(|line| line.trim().split_once(": ")) {
            let (key, value) = line;
            let wanted =
                if value.ends_with('{') { format!("{key}]\n") } else { format!("\n{key} = ") };
            let page = example.replace("]            #", "]\n#");
            assert!(page.contains(&wanted), "{key} is not on the page");
        }
    }
}
