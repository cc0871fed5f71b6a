//! Reading a password without showing it.

use std::io::{self, BufRead, IsTerminal, Read, Write};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use crate::cli::Failure;

/// More than a password may have; the server says how many.
const BYTES_MAX: u64 = 4 * 1024;
/// What Ctrl-C is to a terminal that does not make a signal of it.
const INTERRUPT: char = '\u{3}';

/// The first line of standard input; from a terminal it is asked for twice.
pub(super) fn read() -> Result<String, Failure> {
    if !io::stdin().is_terminal() {
        return read_line();
    }
    let quiet = Quiet::new()?;
    let first = ask("Password: ")?;
    let second = ask("Again: ")?;
    drop(quiet);
    if first == second { Ok(first) } else { Err("the two are not the same".into()) }
}

fn ask(prompt: &str) -> Result<String, Failure> {
    let mut err = io::stderr().lock();
    write!(err, "{prompt}")?;
    err.flush()?;
    let line = read_line();
    writeln!(err)?;
    line
}

fn read_line() -> Result<String, Failure> {
    let mut line = String::new();
    io::stdin().lock().take(BYTES_MAX).read_line(&mut line)?;
    let password = line.trim_end_matches(['\r', '\n']);
    if password.contains(INTERRUPT) {
        return Err("cancelled".into());
    }
    if password.is_empty() {
        return Err("there is no password on standard input".into());
    }
    Ok(password.to_owned())
}

/// A terminal that shows nothing of what is typed, until this is dropped. It makes no signals meanwhile: one would leave it like that.
struct Quiet {
    before: Termios,
}

impl Quiet {
    fn new() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut quiet = before.clone();
        quiet.local_modes.remove(LocalModes::ECHO | LocalModes::ISIG);
        tcsetattr(io::stdin(), OptionalActions::Flush, &quiet)?;
        Ok(Self { before })
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        if let Err(error) = tcsetattr(io::stdin(), OptionalActions::Now, &self.before) {
            tracing::warn!(%error, "could not make the terminal show what is typed again: `stty sane` does");
        }
    }
}
