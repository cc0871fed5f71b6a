//! A bus that drops, repeats and delays when it is told to.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::bus::{Bus, BusMessage, NodeId, Receive, Subscription};

/// What happens to a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BusFault {
    /// It passes.
    None,
    /// It is lost.
    Drop,
    /// It is received twice, which the contract forbids: receivers are to bear it anyway.
    Repeat,
    /// It is kept until [`FaultyBus::release`], and so overtaken.
    Delay,
}

/// Passes messages on to another bus, but for the faults in its queue.
pub struct FaultyBus<P> {
    inner: Arc<dyn Bus<P>>,
    faults: Mutex<VecDeque<BusFault>>,
    delayed: Mutex<Vec<BusMessage<P>>>,
}

impl<P: 'static> FaultyBus<P> {
    pub fn new(inner: Arc<dyn Bus<P>>) -> Self {
        Self { inner, faults: Mutex::default(), delayed: Mutex::default() }
    }

    /// The next messages meet these, one each, in order.
    pub fn inject(&self, faults: impl IntoIterator<Item = BusFault>) {
        self.faults.lock().extend(faults);
    }

    /// Sends what was delayed.
    pub fn release(&self) {
        let delayed = std::mem::take(&mut *self.delayed.lock());
        for message in delayed {
            self.inner.publish(message);
        }
    }
}

impl<P: Clone + Send + Sync + 'static> Bus<P> for FaultyBus<P> {
    fn publish(&self, message: BusMessage<P>) {
        let fault = self.faults.lock().pop_front().unwrap_or(BusFault::None);
        match fault {
            BusFault::None => self.inner.publish(message),
            BusFault::Drop => {}
            BusFault::Repeat => {
                self.inner.publish(message.clone());
                self.inner.publish(message);
            }
            BusFault::Delay => self.delayed.lock().push(message),
        }
    }

    fn subscribe(&self, node: NodeId, receive: Receive<P>) -> Box<dyn Subscription> {
        self.inner.subscribe(node, receive)
    }
}

impl<P> std::fmt::Debug for FaultyBus<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FaultyBus").field("faults", &self.faults).finish_non_exhaustive()
    }
}
