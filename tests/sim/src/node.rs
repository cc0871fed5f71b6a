//! A node as clients see it, in the two shapes of the owner loop: [`embedded`] and [`owner`].

pub(crate) mod embedded;
pub(crate) mod log;
pub(crate) mod owner;

use std::sync::Arc;

use async_trait::async_trait;
use parlance_core::Refusal;
use parlance_engine::reply::Reply;
use parlance_engine::{Hub, Watermark};
use parlance_types::frame::{Cursor, Fetch, Head, MarkRequest, Page};
use parlance_types::{AccountId, Command, Epoch, Position, Stamp};

use crate::wire::Wire;

/// Everything that changed for an account, and what a cursor covers once it was sent.
pub(crate) struct Listed {
    pub(crate) heads: Vec<Head>,
    pub(crate) position: Position,
    /// It continues from the cursor that was given.
    pub(crate) resumed: bool,
}

/// What clients ask a node for.
#[async_trait]
pub(crate) trait Node: Send + Sync {
    fn hub(&self) -> &Hub;

    fn epoch(&self) -> Epoch;

    /// `None`: this node gives no cursors.
    fn watermark(&self) -> Option<Arc<Watermark>>;

    fn submit(&self, command: Command, stamp: Stamp, reply: Reply);

    fn mark(&self, from: &Arc<Wire>, mark: MarkRequest);

    async fn list(&self, account: AccountId, since: Option<Cursor>) -> Result<Listed, Refusal>;

    async fn fetch(&self, account: AccountId, asked: Fetch) -> Result<Page, Refusal>;

    /// Takes no more commands and lets its tasks end.
    fn close(&self);
}
