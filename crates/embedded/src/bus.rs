//! The bus of a single process: a call straight through, on the thread of whoever publishes.
//!
//! Receivers are called without any lock, so that one may publish or subscribe in turn.

use std::sync::Arc;

use hashbrown::HashMap;
use parking_lot::RwLock;
use parlance_ports::{Bus, BusMessage, NodeId, Receive, Subscription};

/// Clones are one bus.
pub struct InProcessBus<P> {
    nodes: Arc<Nodes<P>>,
}

type Nodes<P> = RwLock<HashMap<NodeId, Arc<Receive<P>>>>;

impl<P> InProcessBus<P> {
    pub fn new() -> Self {
        Self { nodes: Arc::default() }
    }
}

impl<P> Default for InProcessBus<P> {
    fn default() -> Self {
        Self::new()
    }
}

impl<P> Clone for InProcessBus<P> {
    fn clone(&self) -> Self {
        Self { nodes: Arc::clone(&self.nodes) }
    }
}

impl<P: Send + Sync + 'static> Bus<P> for InProcessBus<P> {
    fn publish(&self, message: BusMessage<P>) {
        let receive = self.nodes.read().get(&message.node).cloned();
        if let Some(receive) = receive {
            receive(message);
        }
    }

    fn subscribe(&self, node: NodeId, receive: Receive<P>) -> Box<dyn Subscription> {
        let receive = Arc::new(receive);
        self.nodes.write().insert(node, Arc::clone(&receive));
        Box::new(Subscribed { nodes: Arc::clone(&self.nodes), node, receive })
    }
}

struct Subscribed<P> {
    nodes: Arc<Nodes<P>>,
    node: NodeId,
    receive: Arc<Receive<P>>,
}

impl<P: Send + Sync> Subscription for Subscribed<P> {}

impl<P> Drop for Subscribed<P> {
    fn drop(&mut self) {
        let mut nodes = self.nodes.write();
        // Another may have taken its place.
        if nodes.get(&self.node).is_some_and(|current| Arc::ptr_eq(current, &self.receive)) {
            nodes.remove(&self.node);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use parlance_ports::memory::{BusFault, FaultyBus};

    use super::*;

    parlance_ports::bus_contract!(InProcessBus::new());

    #[test]
    fn a_faulty_bus_drops_repeats_and_delays() {
        let bus = FaultyBus::new(Arc::new(InProcessBus::new()));
        let (sender, receiver) = channel();
        let receive =
            move |message: BusMessage<u8>| sender.send(message.payload).unwrap_or_default();
        let _subscription = bus.subscribe(NodeId(1), Box::new(receive));
        bus.inject([BusFault::Delay, BusFault::Drop, BusFault::Repeat, BusFault::None]);
        for payload in 1..=4 {
            bus.publish(BusMessage { node: NodeId(1), audience: Arc::new([]), payload });
        }
        bus.release();
        assert_eq!(receiver.try_iter().collect::<Vec<_>>(), [3, 3, 4, 1]);
    }

    #[test]
    fn a_receiver_may_publish() {
        let bus = InProcessBus::<u8>::new();
        let (sender, receiver) = channel();
        let again = bus.clone();
        let forward =
            move |message: BusMessage<u8>| again.publish(BusMessage { node: NodeId(2), ..message });
        let _one = bus.subscribe(NodeId(1), Box::new(forward));
        let receive =
            move |message: BusMessage<u8>| sender.send(message.payload).unwrap_or_default();
        let _two = bus.subscribe(NodeId(2), Box::new(receive));
        bus.publish(BusMessage { node: NodeId(1), audience: Arc::new([]), payload: 5 });
        assert_eq!(receiver.try_recv(), Ok(5));
    }
}
