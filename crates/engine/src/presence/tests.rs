use parlance_types::frame::ServerFrame;
use parlance_types::{DeviceId, SessionId, Title};

use super::*;
use crate::clock::ManualClock;

/// A connection that remembers what it was told.
struct Ear {
    peer: Peer,
    heard: Mutex<Vec<PresenceFrame>>,
}

impl Ear {
    fn new(account: u8, connection: u8) -> Arc<Self> {
        let peer = Peer {
            connection: ConnectionId::from_bytes([connection; 16]),
            session: SessionId::from_bytes([connection; 16]),
            account: AccountId::from_bytes([account; 16]),
            device: DeviceId::from_bytes([connection; 16]),
        };
        Arc::new(Self { peer, heard: Mutex::default() })
    }

    fn states(&self) -> Vec<PresenceState> {
        self.heard.lock().drain(..).map(|frame| frame.state).collect()
    }
}

impl Outlet for Ear {
    fn peer(&self) -> Peer {
        self.peer
    }

    fn push(&self, frame: &Shared<'_>) -> bool {
        if let Push::Presence(presence) = frame.push() {
            self.heard.lock().push(presence.clone());
        }
        false
    }

    fn reply(&self, _: &ServerFrame) -> bool {
        false
    }

    fn flush(&self) {}

    fn revoke(&self) {}
}

/// Ada (1) watches Bob (2), who has one connection.
struct Room {
    clock: Arc<ManualClock>,
    hub: Hub,
    ada: Arc<Ear>,
    bob: Arc<Ear>,
}

impl Room {
    fn new(watch_ms: u64) -> Self {
        let clock = Arc::new(ManualClock::new(Micros::from_ms(1_000_000)));
        let hub = Hub::new(clock.clone());
        let (ada, bob) = (Ear::new(1, 10), Ear::new(2, 20));
        hub.register(ada.clone());
        hub.register(bob.clone());
        let until = Micros::from_ms(1_000_000 + watch_ms);
        let bob_to_watch = Watched { account: bob.peer.account, allowed: true, last_seen: None };
        let outlet: Arc<dyn Outlet> = ada.clone();
        hub.presence().watch(&hub, &outlet, &[bob_to_watch], until);
        assert_eq!(ada.states(), [PresenceState::Online]);
        Self { clock, hub, ada, bob }
    }

    fn say(&self, state: PresenceState) {
        let text = (state != PresenceState::Online).then(|| Title::new("hm").expect("a line"));
        let said = PresenceRequest { state, text, until: None };
        self.hub.presence().say(&self.hub, self.bob.peer, &said);
    }

    /// Tells what changed every tenth of a second for so long.
    async fn pass(&self, ms: u64) {
        for _ in 0..ms / 100 {
            self.clock.advance_ms(100);
            self.hub.presence().publish(&self.hub).await;
        }
    }

    fn leave(&self, ear: &Ear) {
        self.hub.unregister(ear.peer.account, ear.peer.connection);
    }

    fn known(&self) -> usize {
        let slices = &self.hub.presence().slices;
        slices.iter().map(|slice| slice.lock().accounts.len()).sum()
    }
}

#[tokio::test]
async fn watchers_are_told_at_most_once_a_second_and_then_the_last() {
    let room = Room::new(60_000);
    for state in [PresenceState::Busy, PresenceState::Online, PresenceState::Busy] {
        room.say(state);
        room.pass(200).await;
    }
    assert_eq!(room.ada.states(), [PresenceState::Busy], "the first at once");
    room.say(PresenceState::Away);
    room.pass(200).await;
    room.say(PresenceState::Invisible);
    room.pass(2_000).await;
    assert_eq!(room.ada.states(), [PresenceState::Offline], "and then how it is");
}

#[tokio::test]
async fn who_reconnects_in_time_was_never_gone() {
    let room = Room::new(600_000);
    room.leave(&room.bob);
    room.pass(limits::PRESENCE_GRACE_MS - 100).await;
    room.hub.register(room.bob.clone());
    room.pass(20_000).await;
    assert_eq!(room.ada.states(), []);

    room.leave(&room.bob);
    let left = room.clock.now();
    room.pass(limits::PRESENCE_GRACE_MS).await;
    let heard: Vec<PresenceFrame> = room.ada.heard.lock().drain(..).collect();
    assert_eq!(heard.len(), 1, "{heard:?}");
    assert_eq!((heard[0].state, heard[0].last_seen), (PresenceState::Offline, Some(left)));
}

#[tokio::test]
async fn a_watch_ends_and_leaves_nothing_behind() {
    let room = Room::new(5_000);
    room.pass(5_000).await;
    room.say(PresenceState::Busy);
    room.pass(2_000).await;
    assert_eq!(room.ada.states(), [], "it was over");
    room.say(PresenceState::Online);
    room.pass(2_000).await;
    assert_eq!(room.known(), 0);

    let other = Room::new(60_000);
    assert_eq!(other.known(), 1);
    other.leave(&other.ada);
    assert_eq!(other.known(), 0);
}

#[tokio::test]
async fn whoever_changes_the_mind_all_the_time_takes_no_more_memory() {
    let room = Room::new(60_000);
    for _ in 0..100 {
        room.clock.advance_ms(1);
        room.say(PresenceState::Busy);
        room.say(PresenceState::Invisible);
    }
    let slices = &room.hub.presence().slices;
    let ends: usize = slices.iter().map(|slice| slice.lock().ends.len()).sum();
    assert_eq!(ends, 1, "one end of one choice");
    room.say(PresenceState::Online);
    let ends: usize = slices.iter().map(|slice| slice.lock().ends.len()).sum();
    assert_eq!(ends, 0);
}

#[tokio::test]
async fn a_choice_ends_by_itself_and_own_devices_are_told() {
    let room = Room::new(2 * limits::PRESENCE_MS);
    room.say(PresenceState::Busy);
    room.pass(1_000).await;
    assert_eq!(room.bob.states(), [PresenceState::Busy]);
    room.clock.advance_ms(limits::PRESENCE_MS);
    room.pass(1_000).await;
    assert_eq!(room.bob.states(), [PresenceState::Online]);
    assert_eq!(room.ada.states(), [PresenceState::Busy, PresenceState::Online]);
}
