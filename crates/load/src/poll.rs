//! Readiness of many sockets on one thread: a thin, safe face of epoll (the drill pins to cores and reads `/proc`, so it is at home on
//! Linux only). Owns the interest in each socket; knows nothing of what is read.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};

/// What a socket is ready for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ready {
    pub(crate) token: u64,
    pub(crate) readable: bool,
    pub(crate) writable: bool,
}

/// Sockets and the tokens by which they are told apart.
#[derive(Debug)]
pub(crate) struct Poller {
    epoll: OwnedFd,
}

/// Room for what one wait reports.
pub(crate) type Events = [MaybeUninit<epoll::Event>; 1024];

impl Poller {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self { epoll: epoll::create(CreateFlags::CLOEXEC)? })
    }

    pub(crate) fn add(&self, source: impl AsFd, token: u64, write: bool) -> io::Result<()> {
        Ok(epoll::add(&self.epoll, source, EventData::new_u64(token), flags(true, write))?)
    }

    pub(crate) fn set(
        &self,
        source: impl AsFd,
        token: u64,
        read: bool,
        write: bool,
    ) -> io::Result<()> {
        Ok(epoll::modify(&self.epoll, source, EventData::new_u64(token), flags(read, write))?)
    }

    /// What is ready now, or as soon as something is; nothing after `timeout` (`None`: wait for ever).
    pub(crate) fn wait<'e>(
        &self,
        events: &'e mut Events,
        timeout: Option<Duration>,
    ) -> io::Result<impl Iterator<Item = Ready> + 'e> {
        let timeout = timeout.map(|t| Timespec {
            tv_sec: i64::try_from(t.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(t.subsec_nanos()),
        });
        let ready: &mut [epoll::Event] =
            match epoll::wait(&self.epoll, events.as_mut_slice(), timeout.as_ref()) {
                Ok((ready, _)) => ready,
                Err(rustix::io::Errno::INTR) => &mut [],
                Err(error) => return Err(error.into()),
            };
        Ok(ready.iter().map(|event| {
            // Copied out: the kernel's struct is packed.
            let (flags, data) = (event.flags, event.data);
            let ended = flags.intersects(EventFlags::HUP | EventFlags::ERR);
            Ready {
                token: data.u64(),
                readable: ended || flags.contains(EventFlags::IN),
                writable: ended || flags.contains(EventFlags::OUT),
            }
        }))
    }
}

fn flags(read: bool, write: bool) -> EventFlags {
    let mut flags = EventFlags::empty();
    flags.set(EventFlags::IN, read);
    flags.set(EventFlags::OUT, write);
    flags
}
