//! Writes the generated tables of `docs/` anew, from the tables in `types`.

use std::io::{Error, ErrorKind};
use std::path::Path;

use parlance_protocol::docs;

fn main() -> std::io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    for name in docs::DOCUMENTS {
        let path = folder.join(name);
        let filled = docs::fill(&std::fs::read_to_string(&path)?).ok_or_else(|| {
            Error::new(ErrorKind::InvalidData, format!("{name}: a table has no end"))
        })?;
        std::fs::write(path, filled)?;
    }
    Ok(())
}
