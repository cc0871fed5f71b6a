//! The bus: hints from one node to the connections of another.
//!
//! What it carries may be lost, because a device knows by arithmetic on `seq` what it lacks. It refuses to know what the payload is,
//! who is online and what lasts.

use std::sync::Arc;

use parlance_types::AccountId;

/// A process that holds connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub u32);

/// Something for the connections of these accounts at one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BusMessage<P> {
    pub node: NodeId,
    pub audience: Arc<[AccountId]>,
    pub payload: P,
}

/// What a node does with a message: quick and without waiting, for the publisher may be the one who calls it.
pub type Receive<P> = Box<dyn Fn(BusMessage<P>) + Send + Sync>;

/// Ends with the value that it gives back: nothing is received after it was dropped, but for what is being received.
pub trait Subscription: Send + Sync {}

/// Delivery to nodes.
///
/// - At most once: a message is received by the subscriber of its node, or lost. Without a subscriber it is lost.
/// - In order: of the messages of one publishing thread to one node, none is received after a later one.
/// - Publishing never waits and never fails: what cannot be sent is lost, and counted by the adapter.
pub trait Bus<P>: Send + Sync + 'static {
    fn publish(&self, message: BusMessage<P>);

    /// Receives what is for `node` from now on, instead of whoever did before.
    fn subscribe(&self, node: NodeId, receive: Receive<P>) -> Box<dyn Subscription>;
}
