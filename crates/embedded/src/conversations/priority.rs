//! The priority of threads whose work can wait a moment: they step back behind those that serve people and write the journal.

/// How much nicer such a thread is. A weight of a third on Linux: less than its share where everything is busy, but not nothing.
#[cfg(target_os = "linux")]
const NICER: i32 = 5;

/// Lets this thread, and those that it starts from now on, step back. Linux counts this by thread; elsewhere it is the process's, and
/// nothing is done.
pub(crate) fn step_back() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(NICER) {
        tracing::debug!(%error, "could not lower the priority of a thread");
    }
}
