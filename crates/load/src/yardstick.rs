//! The yardstick: a bare relay. WebSocket in, one fsync per batch, out; it decides nothing, remembers nothing and checks nothing. What a
//! chat server costs beyond it is the price of being a chat server.
//!
//! Sketch, per message of 260 bytes with 100 senders of window 4: a quarter of a read, half a write (one to the sender with four
//! answers, one to the receiver with four messages), a share of one `pwrite` and one `fdatasync` per batch of some 100; no allocation
//! in the steady state. One thread does the sockets, another the file.
//!
//! Its protocol is what the generator needs of `docs/protocol.md`: `hello` (whose token names the one room that the connection is in),
//! `send`, `ping`, `mark`. A `send` reaches the others of its room as it came; its sender gets `{"ok":{"id":…}}`.

mod file;
mod relay;

use std::io::{self, Write as _};
use std::net::TcpListener;
use std::path::PathBuf;

use crate::LoadError;

/// The arguments of the hidden subcommand `yardstick`.
#[derive(Clone, Debug, clap::Args)]
pub struct Yardstick {
    /// The file that each batch is written to and synced.
    #[arg(long)]
    pub file: PathBuf,
}

/// Listens on a free port, says so on stdout as the server does, and relays until it is killed.
pub fn run(yardstick: &Yardstick) -> Result<(), LoadError> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    announce(&listener)?;
    relay::run(&listener, &yardstick.file)?;
    Ok(())
}

fn announce(listener: &TcpListener) -> io::Result<()> {
    let mut stdout = io::stdout();
    writeln!(stdout, "{}http://{}", crate::process::READY, listener.local_addr()?)?;
    stdout.flush()
}

#[cfg(test)]
mod tests;
