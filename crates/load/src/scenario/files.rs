//! Room for many sockets: the soft limit of open files, which children inherit.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::LoadError;

/// Beside the sockets of the scenario.
const OTHERS: u64 = 256;

/// Makes room for `connections`, in this process and in the servers that it starts from now on.
pub(super) fn raise(connections: usize) -> Result<(), LoadError> {
    let wanted = connections as u64 + OTHERS;
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= wanted) {
        return Ok(());
    }
    if limit.maximum.is_some_and(|maximum| maximum < wanted) {
        return Err(LoadError::Usage("the limit of open files (ulimit -Hn) is too low for this"));
    }
    let raised = Rlimit { current: Some(wanted), maximum: limit.maximum };
    Ok(setrlimit(Resource::Nofile, raised).map_err(std::io::Error::from)?)
}
