//! The embedded source of commands: a shard's mailbox. The whole content is swapped out at once, so that a busy shard is woken
//! rarely and decides many commands for each fsync.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use parking_lot::Mutex;
use parlance_ports::{CommandSource, SourceClosed, Stamped};
use tokio::sync::Notify;

/// Commands that wait in one mailbox before senders are told to come back.
pub const MAILBOX_MAX: usize = 65_536;

/// The mailbox does not take the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailboxError {
    Full,
    Closed,
}

#[derive(Debug, Default)]
struct Inner {
    commands: Mutex<Vec<Stamped>>,
    closed: AtomicBool,
    ready: Notify,
}

/// The sending end.
#[derive(Clone, Debug, Default)]
pub struct Mailbox {
    inner: Arc<Inner>,
}

impl Mailbox {
    pub fn push(&self, stamped: Stamped) -> Result<(), MailboxError> {
        let mut commands = self.inner.commands.lock();
        if self.inner.closed.load(Ordering::Acquire) {
            return Err(MailboxError::Closed);
        }
        if commands.len() >= MAILBOX_MAX {
            return Err(MailboxError::Full);
        }
        commands.push(stamped);
        if commands.len() == 1 {
            // Whoever fills an empty mailbox wakes the shard; the others find it awake.
            self.inner.ready.notify_one();
        }
        Ok(())
    }

    /// Takes nothing more; what is inside is still drained.
    pub fn close(&self) {
        let _commands = self.inner.commands.lock();
        self.inner.closed.store(true, Ordering::Release);
        self.inner.ready.notify_one();
    }

    pub fn len(&self) -> usize {
        self.inner.commands.lock().len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The receiving end; there is one.
    pub fn source(&self) -> MailboxSource {
        MailboxSource { inner: self.inner.clone() }
    }
}

/// The receiving end.
#[derive(Debug)]
pub struct MailboxSource {
    inner: Arc<Inner>,
}

#[async_trait]
impl CommandSource for MailboxSource {
    async fn drain(&mut self, into: &mut Vec<Stamped>) -> Result<(), SourceClosed> {
        loop {
            {
                let mut commands = self.inner.commands.lock();
                if !commands.is_empty() {
                    if into.is_empty() {
                        std::mem::swap(&mut *commands, into);
                    } else {
                        into.append(&mut commands);
                    }
                    return Ok(());
                }
                if self.inner.closed.load(Ordering::Acquire) {
                    return Err(SourceClosed);
                }
            }
            self.inner.ready.notified().await;
        }
    }
}
