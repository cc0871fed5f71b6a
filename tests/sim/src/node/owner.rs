//! The shape of a cluster: owners that all read the same command log and all write to the same store.
//!
//! An owner decides from what it has read itself: its view of the store (a store of its own, since it replays the log from the
//! first command) never runs ahead of its place in the log. What it commits goes to the common store first, which takes equal
//! events again and again and refuses others.

use std::sync::Arc;

use async_trait::async_trait;
use parlance_core::Refusal;
use parlance_engine::clock::Clock;
use parlance_engine::reply::{Reply, Tickets};
use parlance_engine::shard::{Request, Shard, ShardConfig, Shared};
use parlance_engine::{Hub, Metrics, Watermark};
use parlance_ports::memory::MemoryConversations;
use parlance_ports::{CommitFuture, ConversationStore, EventSink, Group};
use parlance_types::frame::{Cursor, Fetch, MarkRequest, Page};
use parlance_types::{AccountId, Code, Command, Epoch, Position, Stamp};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use super::log::{Log, LogSource, Origin};
use super::{Listed, Node};
use crate::cast::SimClock;
use crate::mutant::{Adapter, Mutation};
use crate::wire::Wire;

const REQUESTS_MAX: usize = 1_024;

pub(crate) struct Owner {
    log: Arc<Log>,
    origin: Origin,
    shared: Shared,
    requests: mpsc::Sender<Request>,
    store: Arc<dyn ConversationStore>,
}

/// What an owner is made of.
pub(crate) struct Parts {
    pub(crate) log: Arc<Log>,
    pub(crate) origin: Origin,
    pub(crate) seed: u64,
    pub(crate) store: Arc<Adapter>,
    pub(crate) clock: SimClock,
    pub(crate) config: ShardConfig,
    pub(crate) mutation: Option<Mutation>,
}

impl Owner {
    pub(crate) fn start(parts: Parts, tasks: &mut JoinSet<()>) -> Self {
        let Parts { log, origin, seed, store, clock, config, mutation } = parts;
        let view = Arc::new(MemoryConversations::new(store.epoch()));
        let sink: Arc<dyn EventSink> =
            Arc::new(OwnerSink { common: store.clone(), view: view.clone() });
        let shared = Shared {
            hub: Arc::new(Hub::new(Arc::new(clock))),
            tickets: Arc::new(Tickets::default()),
            watermark: Arc::new(Watermark::new(sink.clone(), 1)),
            metrics: Arc::new(Metrics::new(1)),
            lookups: Arc::default(),
            clock: Arc::new(clock) as Arc<dyn Clock>,
        };
        let source = LogSource::new(log.clone(), origin, seed, mutation);
        let (requests, receiver) = mpsc::channel(REQUESTS_MAX);
        let owner = Shard::new(0, source, receiver, sink, view, shared.clone(), config);
        tasks.spawn(owner.run());
        Self { log, origin, shared, requests, store }
    }
}

#[async_trait]
impl Node for Owner {
    fn hub(&self) -> &Hub {
        &self.shared.hub
    }

    fn epoch(&self) -> Epoch {
        self.store.epoch()
    }

    fn watermark(&self) -> Option<Arc<Watermark>> {
        None
    }

    fn submit(&self, command: Command, stamp: Stamp, reply: Reply) {
        let ticket = self.shared.tickets.issue(reply);
        self.log.append(command, stamp, self.origin, ticket);
    }

    fn mark(&self, _from: &Arc<Wire>, _mark: MarkRequest) {
        // Marks are not in the log: how owners share them is not this shape's question.
    }

    async fn list(&self, account: AccountId, _since: Option<Cursor>) -> Result<Listed, Refusal> {
        let unavailable = |_| Refusal::new(Code::Unavailable);
        let memberships = self.store.memberships(account).await.map_err(unavailable)?;
        let mut heads = Vec::new();
        for (conversation, _) in memberships {
            let (reply, answer) = oneshot::channel();
            let request = Request::Head { conversation, viewer: account, reply };
            self.requests.send(request).await.map_err(|_| Refusal::new(Code::Unavailable))?;
            // The other owner may be ahead: this one will push the conversation when it comes to it.
            heads.extend(answer.await.ok().flatten().map(|answer| answer.head));
        }
        Ok(Listed { heads, position: Position::ZERO, resumed: false })
    }

    async fn fetch(&self, account: AccountId, asked: Fetch) -> Result<Page, Refusal> {
        parlance_engine::fetch(&self.store, account, asked).await
    }

    fn close(&self) {}
}

/// Commits for everybody, then for the owner's own view.
struct OwnerSink {
    common: Arc<Adapter>,
    view: Arc<MemoryConversations>,
}

impl EventSink for OwnerSink {
    fn commit(&self, group: Group) -> CommitFuture {
        let commit = self.common.commit(group.clone());
        let view = self.view.clone();
        Box::pin(async move {
            commit.await?;
            view.commit(group).await
        })
    }

    fn durable(&self) -> Position {
        self.view.durable()
    }
}
