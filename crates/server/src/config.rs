//! The configuration: one typed tree, one file. Defaults, then the file, then `PARLANCE__SECTION__KEY` from the environment.
//!
//! Unknown keys are errors, and every problem is reported at once, before anything is opened. Nobody else reads the environment.

mod read;
mod sections;

use std::fmt;
use std::path::Path;

pub(crate) use sections::Config;

/// What is wrong with a configuration, all of it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ConfigError {
    pub(crate) problems: Vec<String>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the configuration is not valid: {}", self.problems.join("; "))
    }
}

impl std::error::Error for ConfigError {}

/// The effective configuration. Without a file: defaults and the environment.
pub(crate) fn load(file: Option<&Path>) -> Result<Config, ConfigError> {
    let text = match file {
        Some(path) => std::fs::read_to_string(path).map_err(|error| ConfigError {
            problems: vec![format!("cannot read {}: {error}", path.display())],
        })?,
        None => String::new(),
    };
    from_text(&text, std::env::vars())
}

/// The configuration in `text`, with overrides from `environment`.
pub(crate) fn from_text(
    text: &str,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<Config, ConfigError> {
    let mut table: toml::Table = text
        .parse()
        .map_err(|error| ConfigError { problems: vec![format!("not TOML: {error}")] })?;
    read::overlay(&mut table, environment);
    let mut problems = Vec::new();
    let config = Config::read(&mut read::Section::new("", table, &mut problems));
    config.validate(&mut problems);
    if problems.is_empty() { Ok(config) } else { Err(ConfigError { problems }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> Vec<String> {
        from_text(text, []).expect_err("not valid").problems
    }

    #[test]
    fn an_empty_file_is_the_default() {
        assert_eq!(from_text("", []), Ok(Config::default()));
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
}
