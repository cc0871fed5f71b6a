//! Writes what of `docs/` is generated anew: tables from those in `types`, and the schema.

use std::io::{Error, ErrorKind};
use std::path::Path;

use parlance_protocol::{docs, protobuf};

fn main() -> std::io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    for name in docs::DOCUMENTS {
        let path = folder.join(name);
        let filled = docs::fill(&std::fs::read_to_string(&path)?).ok_or_else(|| {
            Error::new(ErrorKind::InvalidData, format!("{name}: a table has no end"))
        })?;
        std::fs::write(path, filled)?;
    }
    std::fs::write(folder.join("parlance.proto"), protobuf::document())
}
