//! Plays many stories and tells those that the judge objects to, one a line with its first objection:
//! `nice cargo run -p parlance-sim --example hunt -- 1000 5000` plays the seeds from 1000 up to 5000 in both shapes.

use std::io::{self, Write as _};
use std::process::ExitCode;

use parlance_sim::{Shape, play};

fn main() -> io::Result<ExitCode> {
    let bounds: Vec<u64> =
        std::env::args().skip(1).filter_map(|bound| bound.parse().ok()).collect();
    let mut out = io::stdout().lock();
    let [from, to] = bounds[..] else {
        writeln!(out, "two numbers are needed: the first seed and the one behind the last")?;
        return Ok(ExitCode::from(2));
    };
    let mut found = 0u64;
    for seed in from..to {
        for (shape, name) in [(Shape::Embedded, "embedded"), (Shape::TwoOwners, "owners")] {
            if let Some(first) = play(seed, shape, None).violations.first() {
                found += 1;
                writeln!(out, "{name} {seed} # {first}")?;
            }
        }
    }
    writeln!(out, "{} stories, {found} with a fault", (to - from) * 2)?;
    Ok(ExitCode::from(u8::from(found > 0)))
}
