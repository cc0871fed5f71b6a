//! `parlance verify`.
use crate::cli::{Failure, Format};
use std::path::Path;
use std::process::ExitCode;
pub(crate) fn run(_data: &Path, _format: Format) -> Result<ExitCode, Failure> {
    Err("not yet".into())
}
