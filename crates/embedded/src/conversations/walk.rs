//! A walk over the journal of a data directory that changes nothing and names every damage.

use std::path::Path;

use bytes::Bytes;
use parlance_journal::{self as journal, Directory};
use parlance_types::Record;

use super::JOURNAL;
use super::line::{self, Line};

/// What a walk found.
#[derive(Debug, Default)]
pub struct Walk {
    /// Events that could be read.
    pub events: u64,
    /// Each names a file and a place in it.
    pub damages: Vec<String>,
}

/// Reads every event of the journal in order. Fails if the directory cannot be looked at or a server has it open.
pub fn walk_journal(
    directory: &Path,
    mut visit: impl FnMut(&Record),
    mut progress: impl FnMut(u64, u64),
) -> Result<Walk, String> {
    let path = directory.join(JOURNAL);
    let name = path.display().to_string();
    let files = Directory::read_only(&path).map_err(|error| format!("{name}: {error}"))?;
    let mut walk = Walk::default();
    let mut unreadable = Vec::new();
    let report = journal::verify(
        &files,
        &mut |position, content| match line::decode(Bytes::copy_from_slice(content)) {
            Ok(Line::Entry(entry)) => {
                walk.events += 1;
                visit(&entry.record);
            }
            Ok(Line::Mark(_)) => {}
            Err(error) => unreadable.push(format!("{name}: the record at {position:?}: {error}")),
        },
        &mut |done| progress(done.bytes_done, done.bytes_total),
    )
    .map_err(|error| format!("{name}: {error}"))?;
    walk.damages = report.damages.iter().map(|damage| format!("{name}/{damage}")).collect();
    walk.damages.append(&mut unreadable);
    Ok(walk)
}
