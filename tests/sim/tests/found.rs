//! What the simulation found, each told directly.
#![expect(clippy::unwrap_used, reason = "tests say what they expect by failing")]

use std::sync::Arc;

use parlance_core::identity;
use parlance_engine::accounts::{Accounts, AccountsConfig, Argon2Cost, KeyRing};
use parlance_engine::clock::SystemClock;
use parlance_engine::outlet::{Outlet, Peer, Shared};
use parlance_engine::reply::{Outcome, Reply};
use parlance_engine::shard::ShardConfig;
use parlance_engine::{Engine, Stores};
use parlance_ports::ConversationStore;
use parlance_ports::memory::{CommitFault, MemoryAccounts, MemoryConversations};
use parlance_types::frame::{Fetch, FetchRange, PageEntry, ServerFrame};
use parlance_types::{
    AccountId, Action, Body, Command, ConnectionId, ConversationId, DeviceId, Epoch, MessageId,
    MessageText, Micros, Salt, Seq, SessionId, Settings, Stamp, Title, Verdict,
};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::Duration;

const ADA: AccountId = AccountId::from_bytes([1; 16]);
const BOB: AccountId = AccountId::from_bytes([2; 16]);
/// Longer than marks wait for a group.
const LINGER: Duration = Duration::from_millis(1_100);

struct Node {
    engine: Arc<Engine>,
    store: Arc<MemoryConversations>,
    _shards: JoinSet<()>,
}

/// One shard that keeps as few conversations as it can.
async fn node() -> Node {
    let store = Arc::new(MemoryConversations::new(Epoch::from_bytes([7; 16])));
    let stores = Stores { sink: store.clone(), conversations: store.clone() };
    let clock = Arc::new(SystemClock);
    let argon2 = Argon2Cost { memory_kib: 8, iterations: 1, lanes: 1 };
    let config = AccountsConfig { argon2, ..AccountsConfig::default() };
    let keys = KeyRing::generate(Micros::ZERO);
    let accounts = Arc::new(MemoryAccounts::default());
    let accounts = Accounts::open(accounts, keys, config, clock.clone()).await.unwrap();
    let config = ShardConfig { memory_bytes_max: 0, save_from: 1, ..ShardConfig::default() };
    let (engine, owners) = Engine::new(stores, Arc::new(accounts), clock, 1, config);
    let mut shards = JoinSet::new();
    for shard in owners {
        shards.spawn(shard.run());
    }
    Node { engine, store, _shards: shards }
}

/// The creation of Ada's group `key`, and then another title for it each time: marks do not follow from those.
fn command(key: &str, number: u64) -> Command {
    let conversation = identity::group(ADA, key);
    let (message_id, action) = if number == 0 {
        let settings = Settings::default();
        let create = Action::Create { title: None, members: vec![], settings };
        (identity::group_message_id(ADA, key), create)
    } else {
        let title = Title::new(&format!("title {number}")).unwrap();
        (MessageId::from_time(number, [1; 10]), Action::Rename { title })
    };
    Command { conversation, sender: ADA, device: None, message_id, action }
}

impl Node {
    /// The group `key` with two events.
    async fn group(&self, key: &str) -> ConversationId {
        for number in [0, 1] {
            let outcome = self.engine.perform(command(key, number)).await;
            assert!(matches!(outcome, Ok(Outcome::Decided(_))), "{outcome:?}");
        }
        identity::group(ADA, key)
    }

    /// Decides a command of which every named account exists.
    async fn decide(&self, command: Command) {
        let (sender, outcome) = oneshot::channel();
        let stamp = Stamp {
            time: self.engine.clock().now(),
            salt: Salt::from_bytes([1; 16]),
            verdict: Verdict::Allow,
            unknown_accounts: vec![],
        };
        self.engine.submit(command, stamp, Reply::Once(sender));
        let outcome = outcome.await.unwrap();
        assert!(matches!(outcome, Outcome::Decided(_)), "{outcome:?}");
    }

    fn mark(&self, group: ConversationId, seq: u64) {
        self.engine.mark(Arc::new(Deaf), group, None, Seq::new(seq)).unwrap();
    }

    async fn read_in_store(&self, group: ConversationId) -> Option<Seq> {
        let row = self.store.membership(ADA, group).await.unwrap().unwrap();
        row.marks.read.map(|mark| mark.seq)
    }
}

/// A command of Ada's in the group `key` that is none of [`command`]'s.
fn act(key: &str, number: u64, action: Action) -> Command {
    Command { action, ..command(key, number) }
}

fn text(text: &str) -> MessageText {
    MessageText::new(text).unwrap()
}

struct Deaf;

impl Outlet for Deaf {
    fn peer(&self) -> Peer {
        Peer {
            connection: ConnectionId::from_bytes([1; 16]),
            session: SessionId::from_bytes([1; 16]),
            account: ADA,
            device: DeviceId::from_bytes([1; 16]),
        }
    }

    fn push(&self, _frame: &Shared<'_>) -> bool {
        false
    }

    fn reply(&self, _frame: &ServerFrame) -> bool {
        false
    }

    fn flush(&self) {}

    fn revoke(&self) {}
}

#[tokio::test(start_paused = true)]
async fn a_listing_is_not_whole_without_the_head_of_a_failed_group() {
    let node = node().await;
    node.group("family").await;
    node.store.faults().inject([CommitFault::Full]);
    node.store.faults().hold();
    let sending = node.engine.perform(command("family", 2));
    let listing = async {
        let mut listing = node.engine.list(ADA, None).await.unwrap();
        let page = node.engine.next_page(&mut listing, 10).await;
        assert!(page.is_err(), "{page:?}");
        let page = node.engine.next_page(&mut listing, 10).await.unwrap();
        assert_eq!(page.heads.len(), 1);
        assert!(page.cursor.is_some());
    };
    let release = async {
        tokio::time::sleep(LINGER).await;
        node.store.faults().release_all();
    };
    let (sent, (), ()) = tokio::join!(sending, listing, release);
    assert!(matches!(sent, Ok(Outcome::Refused(_))), "{sent:?}");
}

#[tokio::test(start_paused = true)]
async fn marks_that_found_no_room_are_written_when_there_is() {
    let node = node().await;
    let group = node.group("family").await;
    node.mark(group, 1);
    node.store.faults().inject([CommitFault::Full]);
    tokio::time::sleep(LINGER).await;
    assert_eq!(node.read_in_store(group).await, None);
    tokio::time::sleep(LINGER).await;
    assert_eq!(node.read_in_store(group).await, Seq::new(1));
}

#[tokio::test(start_paused = true)]
async fn marks_on_their_way_keep_a_conversation_loaded() {
    let node = node().await;
    let group = node.group("family").await;
    node.mark(group, 1);
    node.store.faults().hold();
    tokio::time::sleep(LINGER).await;
    assert_eq!(node.store.faults().unanswered(), 1);
    // Others come by, and the shard keeps as little as it can.
    let others = async {
        for number in 0..3 {
            drop(node.engine.perform(command("work", number)).await);
        }
    };
    let heads = async {
        tokio::time::sleep(LINGER).await;
        let head = node.engine.head(ADA, group).await.unwrap().unwrap();
        node.store.faults().release_all();
        head
    };
    let ((), head) = tokio::join!(others, heads);
    assert_eq!(head.marks[0].read, Seq::new(1));
}

#[tokio::test(start_paused = true)]
async fn an_edit_made_while_somebody_was_away_is_not_shown_to_them() {
    let node = node().await;
    let group = node.group("family").await;
    let send = Action::Send {
        to: None,
        text: text("before"),
        entities: vec![],
        reply_to: None,
        seen: None,
        silent: false,
    };
    let target = Seq::new(4).unwrap();
    let edit = Action::Edit { target, text: text("between"), entities: vec![] };
    let acts = [
        Action::Add { accounts: vec![BOB] },
        send,
        Action::Remove { account: BOB },
        edit,
        Action::Add { accounts: vec![BOB] },
    ];
    for (number, action) in (2..).zip(acts) {
        node.decide(act("family", number, action)).await;
    }

    let around = FetchRange::Before { before: target.next().into() };
    let asked = Fetch { id: 1, conversation: group, range: around, limit: 1 };
    let page = node.engine.fetch(BOB, asked).await.unwrap();
    let PageEntry::Event { event, now } = &page.events[0] else { panic!("{page:?}") };
    assert_eq!(event.content.body, Body::Text { text: text("before"), entities: vec![] });
    assert!(now.as_ref().is_none_or(|now| now.body.is_none() && !now.edited), "{now:?}");
    let head = node.engine.head(BOB, group).await.unwrap().unwrap();
    assert_eq!(head.last.unwrap().text.as_deref(), Some("before"));
    let head = node.engine.head(ADA, group).await.unwrap().unwrap();
    assert_eq!(head.last.unwrap().text.as_deref(), Some("between"));
}
