//! The relay under the generator's own load, in one process.

use std::time::Duration;

use super::*;
use crate::cli::Pace;
use crate::fleet::Fleet;
use crate::flood::{Dialect, Flood, Room};
use crate::history::Judge;
use crate::progress::Progress;
use crate::window::Side;
use parlance_types::ConversationId;

fn side(rooms: usize, size: usize) -> Side {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("yardstick");
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    // It relays until the test process ends.
    std::thread::spawn(move || relay::run(&listener, &file));
    let rooms: Vec<Room> = (0..rooms)
        .map(|room| Room {
            conversation: ConversationId::from_bytes([room as u8; 16]),
            after: 0,
            tokens: vec![room.to_string(); size],
        })
        .collect();
    let mut relay = Side {
        process: None,
        fleet: Fleet::new(address, 1).unwrap(),
        flood: Flood::new(Dialect::Relay, &rooms, Judge::default()),
    };
    relay.connect().unwrap();
    // The directory goes after the relay has opened its file.
    drop(directory);
    relay
}

#[test]
fn everything_that_is_sent_reaches_the_others_of_its_room_in_order() {
    let mut side = side(3, 4);
    let pace = Pace { window: 2, rate: None };
    let progress = Progress::new("test");
    let window = side.window(pace, Duration::from_millis(200), &progress).unwrap();
    assert!(window.tally.sent > 0);
    assert!(side.flood.is_quiet(), "three receivers have what each sender was acknowledged");
    assert_eq!(side.flood.broken(), None);
}

#[test]
fn a_fixed_rate_is_kept() {
    let mut side = side(2, 2);
    let pace = Pace { window: 1, rate: Some(500.0) };
    let progress = Progress::new("test");
    let window = side.window(pace, Duration::from_millis(400), &progress).unwrap();
    assert!((100..=205).contains(&window.tally.sent), "{}", window.tally.sent);
}
