//! The embedded shape: mailboxes before the shards of one engine, as `parlance serve` wires it.

use std::sync::Arc;

use async_trait::async_trait;
use parlance_core::Refusal;
use parlance_engine::accounts::Accounts;
use parlance_engine::reply::Reply;
use parlance_engine::shard::ShardConfig;
use parlance_engine::{Engine, Hub, Stores, Watermark};
use parlance_types::frame::{Cursor, Fetch, MarkRequest, Page};
use parlance_types::{AccountId, Command, Epoch, Stamp};
use tokio::task::JoinSet;

use super::{Listed, Node};
use crate::cast::SimClock;
use crate::wire::Wire;

const SHARDS: usize = 2;
/// Heads in a page of a listing: few, so that most listings have several.
const HEADS: usize = 3;

pub(crate) struct Embedded {
    engine: Arc<Engine>,
}

impl Embedded {
    pub(crate) fn start(
        stores: Stores,
        accounts: Arc<Accounts>,
        clock: SimClock,
        config: ShardConfig,
        tasks: &mut JoinSet<()>,
    ) -> Self {
        let (engine, shards) = Engine::new(stores, accounts, Arc::new(clock), SHARDS, config);
        for shard in shards {
            tasks.spawn(shard.run());
        }
        Self { engine }
    }
}

#[async_trait]
impl Node for Embedded {
    fn hub(&self) -> &Hub {
        self.engine.hub()
    }

    fn epoch(&self) -> Epoch {
        self.engine.epoch()
    }

    fn watermark(&self) -> Option<Arc<Watermark>> {
        Some(self.engine.watermark().clone())
    }

    fn submit(&self, command: Command, stamp: Stamp, reply: Reply) {
        self.engine.submit(command, stamp, reply);
    }

    fn mark(&self, from: &Arc<Wire>, mark: MarkRequest) {
        let MarkRequest { conversation, delivered, read } = mark;
        // A shard that is too busy for marks loses them; the client says them again when it sees a head.
        let _ = self.engine.mark(from.clone(), conversation, delivered, read);
    }

    async fn list(&self, account: AccountId, since: Option<Cursor>) -> Result<Listed, Refusal> {
        let since =
            since.filter(|cursor| self.engine.covers(*cursor)).map(|cursor| cursor.position);
        let mut listing = self.engine.list(account, since).await?;
        let mut heads = Vec::new();
        loop {
            let page = self.engine.next_page(&mut listing, HEADS).await?;
            heads.extend(page.heads);
            if page.more.is_none() {
                break;
            }
            tokio::task::yield_now().await;
        }
        Ok(Listed { heads, position: listing.position(), resumed: since.is_some() })
    }

    async fn fetch(&self, account: AccountId, asked: Fetch) -> Result<Page, Refusal> {
        self.engine.fetch(account, asked).await
    }

    fn close(&self) {
        self.engine.close();
    }
}
