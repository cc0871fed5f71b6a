//! Servers as child processes of this very executable: started, measured, killed. Owns their temporary directories and reaps every child.

use std::fs;
use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::LoadError;
use crate::cores::{self, Core};

/// How a server's first line on stdout begins; its URL follows.
pub(crate) const READY: &str = "parlance is ready at ";

/// Passwords are hashed as cheaply as can be, and a long drill signs in once: it measures messages.
const CONFIG: &str = "[accounts]\naccess_seconds = 86400\n[accounts.argon2]\nmemory_kib = 8\niterations = 1\nlanes = 1\n\
    [limits]\nsign_up_address.burst = 0\ncommands_account.burst = 0\ncommands_device.burst = 0\n";
/// A server has 30 s to stop.
const STOP_MAX: Duration = Duration::from_secs(40);
const READY_MAX: Duration = Duration::from_mins(1);
/// The data directory within the child's place.
const DATA: &str = "data";

/// What to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Server,
    Yardstick,
}

/// A running child.
#[derive(Debug)]
pub(crate) struct Process {
    what: What,
    executable: PathBuf,
    place: Place,
    /// What a server is configured with beside [`CONFIG`].
    config: &'static str,
    child: Child,
    /// Kept open, so that what the child prints later has somewhere to go.
    stdout: BufReader<ChildStdout>,
    address: SocketAddr,
}

/// Where the data lies.
#[derive(Debug)]
enum Place {
    Temporary(TempDir),
    Kept(PathBuf),
}

impl Process {
    /// Starts a child on the server's core. `data`: a directory to use and to keep.
    pub(crate) fn start(
        what: What,
        executable: &Path,
        data: Option<&Path>,
    ) -> Result<Self, LoadError> {
        let place = match data {
            Some(path) => {
                fs::create_dir_all(path)?;
                Place::Kept(path.to_owned())
            }
            None => Place::Temporary(TempDir::with_prefix("parlance-drill-")?),
        };
        let (child, stdout, address) = spawn(what, executable, place.path(), "")?;
        let executable = executable.to_owned();
        Ok(Self { what, executable, place, config: "", child, stdout, address })
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) -> Result<(), LoadError> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// SIGTERM, and waits for the end.
    pub(crate) fn stop(&mut self) -> Result<(), LoadError> {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, rustix::process::Signal::TERM)
            .map_err(std::io::Error::from)?;
        let deadline = Instant::now() + STOP_MAX;
        let status = loop {
            match self.child.try_wait()? {
                Some(status) => break status,
                None if Instant::now() > deadline => return Err(LoadError::Timeout("the end")),
                None => std::thread::sleep(Duration::from_millis(5)),
            }
        };
        if status.success() {
            return Ok(());
        }
        Err(LoadError::Broken(format!("server did not stop cleanly: {status}")))
    }

    /// What a server is configured with from its next start on, beside what every drill needs.
    pub(crate) const fn configure(&mut self, config: &'static str) {
        self.config = config;
    }

    /// Starts again, and tells how long that took until `/ready` said so.
    pub(crate) fn restart_timed(&mut self) -> Result<Duration, LoadError> {
        let start = Instant::now();
        self.restart()?;
        while !is_ready(self.address)? {
            std::thread::sleep(Duration::from_millis(1));
            if start.elapsed() > READY_MAX {
                return Err(LoadError::Timeout("/ready"));
            }
        }
        Ok(start.elapsed())
    }

    /// Where the server keeps its data.
    pub(crate) fn data(&self) -> PathBuf {
        self.place.path().join(DATA)
    }

    /// The same data, a new process, another port.
    pub(crate) fn restart(&mut self) -> Result<(), LoadError> {
        let (child, stdout, address) =
            spawn(self.what, &self.executable, self.place.path(), self.config)?;
        self.child = child;
        self.stdout = stdout;
        self.address = address;
        Ok(())
    }

    /// Processor time used so far, by all threads, in the kernel and out of it.
    pub(crate) fn cpu(&self) -> Result<Duration, LoadError> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // The name in parentheses may contain anything; numbers follow the last one.
        let fields: Vec<&str> =
            stat.rsplit(')').next().unwrap_or_default().split_ascii_whitespace().collect();
        let ticks = |index: usize| fields.get(index)?.parse::<u64>().ok();
        let (user, system) = ticks(11).zip(ticks(12)).ok_or(LoadError::Proc("stat"))?;
        let per_second = rustix::param::clock_ticks_per_second();
        Ok(Duration::from_nanos((user + system) * 1_000_000_000 / per_second))
    }

    /// Resident user-space memory.
    pub(crate) fn memory_bytes(&self) -> Result<u64, LoadError> {
        let rollup = fs::read_to_string(format!("/proc/{}/smaps_rollup", self.child.id()))?;
        let line = rollup.lines().find_map(|line| line.strip_prefix("Rss:"));
        let kib = line.and_then(|rest| rest.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
        Ok(kib.ok_or(LoadError::Proc("smaps_rollup"))? * 1024)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may be dead already, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Place {
    fn path(&self) -> &Path {
        match self {
            Self::Temporary(directory) => directory.path(),
            Self::Kept(path) => path,
        }
    }
}

fn spawn(
    what: What,
    executable: &Path,
    directory: &Path,
    config: &str,
) -> Result<(Child, BufReader<ChildStdout>, SocketAddr), LoadError> {
    let log = directory.join("server.log");
    let mut command = Command::new(executable);
    match what {
        What::Server => {
            let file = directory.join("parlance.toml");
            fs::write(&file, [CONFIG, config].concat())?;
            command.args(["serve", "--listen", "127.0.0.1:0", "--data"]);
            command.arg(directory.join(DATA)).arg("--config").arg(file);
        }
        What::Yardstick => {
            command.args(["yardstick", "--file"]).arg(directory.join("yardstick"));
        }
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    command.stderr(fs::File::options().create(true).append(true).open(&log)?);
    // A child inherits the cores of the thread that starts it; its own threads inherit them in turn.
    cores::pin(Core::Server)?;
    let child = command.spawn();
    cores::pin(Core::Generator)?;
    let mut child = child?;
    let stdout = child.stdout.take().expect("stdout is piped");
    let mut stdout = BufReader::new(stdout);
    let address = match read_address(&mut stdout) {
        Ok(Some(address)) => address,
        outcome => {
            let _ = child.kill();
            child.wait()?;
            outcome?;
            let log = fs::read_to_string(&log).unwrap_or_default();
            let last = log.trim_end().lines().next_back().unwrap_or("it said nothing");
            return Err(LoadError::NotReady(last.to_owned()));
        }
    };
    Ok((child, stdout, address))
}

/// Whether the server says that it should get traffic.
fn is_ready(address: SocketAddr) -> Result<bool, LoadError> {
    let mut stream = TcpStream::connect(address)?;
    write!(stream, "GET /ready HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer.starts_with("HTTP/1.1 200"))
}

fn read_address(stdout: &mut impl BufRead) -> Result<Option<SocketAddr>, LoadError> {
    let mut line = String::new();
    while stdout.read_line(&mut line)? > 0 {
        if let Some(url) = line.trim_end().strip_prefix(READY) {
            return resolve(url).map(Some);
        }
        line.clear();
    }
    Ok(None)
}

/// The address of a plain `http://` URL.
pub(crate) fn resolve(url: &str) -> Result<SocketAddr, LoadError> {
    let unusable = || LoadError::Address(url.to_owned());
    let authority = url.strip_prefix("http://").ok_or_else(unusable)?.trim_end_matches('/');
    let with_port =
        if authority.contains(':') { authority.to_owned() } else { format!("{authority}:80") };
    with_port.to_socket_addrs().ok().and_then(|mut found| found.next()).ok_or_else(unusable)
}
