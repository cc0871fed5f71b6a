//! Who runs where: the server on one core, the generator on another, so that neither's figures contain the other's work.

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::LoadError;

/// A side of the measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Core {
    Server,
    Generator,
}

/// Binds the calling thread, and what it starts from now on, to a core. With a single core to use there is nothing to choose.
pub(crate) fn pin(core: Core) -> Result<(), LoadError> {
    // The first two of those that this process was started with, asked before anything was pinned.
    static ALLOWED: std::sync::OnceLock<Vec<usize>> = std::sync::OnceLock::new();
    let allowed = if let Some(allowed) = ALLOWED.get() {
        allowed
    } else {
        let set = sched_getaffinity(None).map_err(std::io::Error::from)?;
        ALLOWED
            .get_or_init(|| (0..CpuSet::MAX_CPU).filter(|cpu| set.is_set(*cpu)).take(2).collect())
    };
    if let [server, generator] = allowed[..] {
        let mut set = CpuSet::new();
        set.set(if core == Core::Server { server } else { generator });
        sched_setaffinity(None, &set).map_err(std::io::Error::from)?;
    }
    Ok(())
}

/// The calling thread takes only what others on its core leave.
pub(crate) fn stand_back() -> Result<(), LoadError> {
    rustix::process::nice(19).map_err(std::io::Error::from)?;
    Ok(())
}
