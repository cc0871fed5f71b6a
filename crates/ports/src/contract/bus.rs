//! What every [`Bus`] must do, whatever it is made of.
//!
//! [`bus_contract!`](crate::bus_contract) stamps the suite out. A bus may be slow: whoever waits for a message waits with a deadline.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use parlance_types::AccountId;

use crate::bus::{Bus, BusMessage, NodeId, Subscription};

/// Stamps out the contract of the bus as tests over the one that `$bus` makes.
#[macro_export]
macro_rules! bus_contract {
    ($bus:expr) => {
        $crate::bus_contract! { $bus =>
            a_message_reaches_the_node_that_it_is_for
            messages_come_in_order
            whoever_subscribes_last_receives
            nothing_is_received_after_the_end
        }
    };
    ($bus:expr => $($test:ident)*) => {
        $(#[test]
        fn $test() {
            $crate::contract::bus::$test(&$bus);
        })*
    };
}

const PATIENCE: Duration = Duration::from_secs(10);

fn message(node: u32, payload: u64) -> BusMessage<u64> {
    let audience = Arc::new([AccountId::from_bytes([1; 16]), AccountId::from_bytes([2; 16])]);
    BusMessage { node: NodeId(node), audience, payload }
}

fn subscribe(bus: &impl Bus<u64>, node: u32) -> (Receiver<BusMessage<u64>>, Box<dyn Subscription>) {
    let (sender, receiver) = channel();
    // Whoever tests for silence has gone.
    let receive = Box::new(move |message| sender.send(message).unwrap_or_default());
    (receiver, bus.subscribe(NodeId(node), receive))
}

/// The next message.
fn next(receiver: &Receiver<BusMessage<u64>>) -> BusMessage<u64> {
    receiver.recv_timeout(PATIENCE).expect("a message comes in time")
}

pub fn a_message_reaches_the_node_that_it_is_for(bus: &impl Bus<u64>) {
    bus.publish(message(1, 7));
    let (one, _first) = subscribe(bus, 1);
    let (two, _second) = subscribe(bus, 2);
    bus.publish(message(2, 8));
    bus.publish(message(1, 9));
    assert_eq!(next(&one), message(1, 9), "what nobody waited for is lost");
    assert_eq!(next(&two), message(2, 8));
}

pub fn messages_come_in_order(bus: &impl Bus<u64>) {
    let (receiver, _subscription) = subscribe(bus, 1);
    std::thread::scope(|scope| {
        for publisher in 0..4 {
            scope.spawn(move || {
                (0..250).for_each(|number| bus.publish(message(1, publisher << 32 | number)));
            });
        }
    });
    let mut lasts = [None; 4];
    for _ in 0..1000 {
        let payload = next(&receiver).payload;
        let last = &mut lasts[(payload >> 32) as usize];
        assert!(*last < Some(payload), "{payload} comes late or again");
        *last = Some(payload);
    }
}

pub fn whoever_subscribes_last_receives(bus: &impl Bus<u64>) {
    let (first, earlier) = subscribe(bus, 1);
    let (second, _later) = subscribe(bus, 1);
    // The end of a subscription that was replaced ends nothing.
    drop(earlier);
    bus.publish(message(1, 1));
    assert_eq!(next(&second), message(1, 1));
    assert!(first.try_recv().is_err());
}

pub fn nothing_is_received_after_the_end(bus: &impl Bus<u64>) {
    let (first, subscription) = subscribe(bus, 1);
    drop(subscription);
    bus.publish(message(1, 1));
    let (second, _subscription) = subscribe(bus, 1);
    bus.publish(message(1, 2));
    assert_eq!(next(&second), message(1, 2));
    assert!(first.try_recv().is_err());
}
