//! The scenarios: each sets its scene, runs, and reports. They share the means of this crate and nothing with each other.

mod backup;
mod cold;
mod crash;
mod doors;
mod files;
mod flood;
mod history;
mod idle;
mod replay;
mod scatter;
mod slow;
mod stored;
mod storm;

pub(crate) use backup::{Plan as BackupPlan, backup};
pub(crate) use cold::{Storm as ColdStorm, cold};
pub(crate) use crash::crash;
pub(crate) use doors::doors;
pub(crate) use flood::{group, pairs};
pub(crate) use history::history;
pub(crate) use idle::idle;
pub(crate) use replay::replay;
pub(crate) use scatter::scatter;
pub(crate) use slow::slow;
pub(crate) use stored::{Store, stored};
pub(crate) use storm::storm;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::cli::Options;
use crate::process::{Process, What, resolve};
use crate::world::World;
use crate::{LoadError, cores};

/// What every scenario starts from.
#[derive(Debug)]
pub(crate) struct Stage<'o> {
    pub(crate) options: &'o Options,
    executable: PathBuf,
}

/// The server under test, started by us or not.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) process: Option<Process>,
    pub(crate) address: SocketAddr,
}

impl<'o> Stage<'o> {
    pub(crate) fn new(options: &'o Options) -> Result<Self, LoadError> {
        let executable = match &options.executable {
            Some(path) => path.clone(),
            None => std::env::current_exe()?,
        };
        if options.address.is_none() {
            cores::pin(cores::Core::Generator)?;
        }
        Ok(Self { options, executable })
    }

    pub(crate) fn server(&self) -> Result<Server, LoadError> {
        if let Some(url) = &self.options.address {
            return Ok(Server { process: None, address: resolve(url)? });
        }
        let data = self.options.data.as_deref();
        let process = Process::start(What::Server, &self.executable, data)?;
        Ok(Server { address: process.address(), process: Some(process) })
    }

    /// A server that the scenario will measure or kill: it has to be our own child.
    pub(crate) fn own_server(&self, why: &'static str) -> Result<Process, LoadError> {
        self.server()?.process.ok_or(LoadError::Usage(why))
    }

    /// A server of our own beside the first, with nothing in it.
    pub(crate) fn another_server(&self) -> Result<Process, LoadError> {
        Process::start(What::Server, &self.executable, None)
    }

    pub(crate) fn yardstick(&self) -> Result<Process, LoadError> {
        Process::start(What::Yardstick, &self.executable, None)
    }

    pub(crate) fn length(&self) -> Duration {
        Duration::from_secs_f64(self.options.seconds.clamp(0.1, 86_400.0))
    }

    pub(crate) fn windows(&self) -> usize {
        self.options.windows.unwrap_or(if self.options.yardstick { 3 } else { 1 }).max(1)
    }
}

impl Server {
    pub(crate) fn world(&self) -> Result<World, LoadError> {
        World::new(self.address)
    }
}
