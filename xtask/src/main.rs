//! `cargo xtask`: the chores of the workspace, as one program in place of a forest of scripts.
//!
//! It reads the workspace as text and starts cargo; it refuses to know what any crate does, and depends on none of them.

mod ci;
mod tidy;
mod tree;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The chores of the Parlance workspace.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Check what the compiler cannot: who depends on whom, sizes, names, words, manifests, crypto providers.
    #[command(after_help = "Example:\n  cargo xtask tidy")]
    Tidy,
    /// Run what every change must pass, cheapest first, and stop at the first failure.
    #[command(
        after_help = "Examples:\n  cargo xtask ci           all of it; cold, plan half an hour on two cores\n  \
                            cargo xtask ci --quick   before a commit: no slow tests, no docs, no deny"
    )]
    Ci {
        /// Only formatting, tidy, clippy and the tests of the inner crates.
        #[arg(long)]
        quick: bool,
    },
}

fn main() -> ExitCode {
    match perform(&Arguments::parse().chore) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            // A closed stderr leaves nobody to tell.
            let _ = writeln!(io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn perform(chore: &Chore) -> io::Result<bool> {
    let root = tree::root()?;
    let mut out = io::stdout();
    match chore {
        Chore::Tidy => tidy::run(&root, &mut out),
        Chore::Ci { quick } => ci::run(&root, *quick, &mut out),
    }
}
