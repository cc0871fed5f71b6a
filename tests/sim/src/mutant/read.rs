//! The store of the adapter.

use async_trait::async_trait;
use parlance_core::{Member, State};
use parlance_ports::{
    ConversationStore, HeadRow, Loaded, MembershipRow, RangeQuery, Snapshot, StoreError,
};
use parlance_types::{AccountId, ConversationId, Epoch, Marks, MessageId, Overlay, Record, Seq};

use super::{Adapter, Mutation};

impl Adapter {
    fn row(&self, mut row: MembershipRow) -> MembershipRow {
        if self.is(Mutation::LoseMarks) {
            row.marks = Marks::default();
        }
        row
    }

    fn loaded(&self, id: ConversationId, mut loaded: Option<Loaded>) -> Option<Loaded> {
        loaded.iter_mut().for_each(set_aside);
        match self.mutation {
            Some(Mutation::LoseMarks) => loaded.iter_mut().for_each(|loaded| loaded.marks.clear()),
            Some(Mutation::LoadShort) => {
                if let Some(loaded) = &mut loaded {
                    loaded.records.pop();
                }
            }
            Some(Mutation::ForgetLastId) => {
                loaded
                    .iter_mut()
                    .filter_map(|loaded| loaded.snapshot.as_mut())
                    .for_each(forget_ids);
            }
            Some(Mutation::LoadOld) => {
                return self.state.lock().first_loads.entry(id).or_insert(loaded).clone();
            }
            _ => {}
        }
        loaded
    }
}

/// Turns the first half of the events into a state, as if an owner had handed it over then: shards keep no states of conversations as short
/// as those of a story, and whoever loads must be able to go on from one.
fn set_aside(loaded: &mut Loaded) {
    let half = loaded.records.len().div_ceil(2);
    let Some(last) = loaded.records[..half].last() else { return };
    let (seq, conversation) = (last.seq, last.conversation);
    let state = match &loaded.snapshot {
        Some(snapshot) => State::decode(&snapshot.state),
        None => Ok(State::empty(conversation)),
    };
    let Ok(mut state) = state else { return };
    // What cannot be read is told by the engine, which tries it as well.
    if loaded.records[..half].iter().all(|record| state.replay(record).is_ok()) {
        loaded.records.drain(..half);
        loaded.snapshot = Some(Snapshot { seq, state: state.encode() });
    }
}

/// The same state, with every member's greatest id replaced by none.
fn forget_ids(snapshot: &mut Snapshot) {
    let Ok(state) = State::decode(&snapshot.state) else { return };
    let mut bytes = snapshot.state.to_vec();
    for member in state.members() {
        let id = *member.last_id.as_bytes();
        if let Some(at) = bytes.windows(id.len()).position(|window| *window == id) {
            bytes[at..at + id.len()].copy_from_slice(Member::NO_ID.as_bytes());
        }
    }
    snapshot.state = bytes.into();
}

#[async_trait]
impl ConversationStore for Adapter {
    fn epoch(&self) -> Epoch {
        self.inner.epoch()
    }

    async fn load(&self, conversation: ConversationId) -> Result<Option<Loaded>, StoreError> {
        // A read takes its time: others get their turn.
        tokio::task::yield_now().await;
        let loaded = self.inner.load(conversation).await?;
        Ok(self.loaded(conversation, loaded))
    }

    fn save(&self, conversation: ConversationId, snapshot: Snapshot) {
        self.inner.save(conversation, snapshot);
    }

    async fn heads(
        &self,
        conversations: &[ConversationId],
    ) -> Result<Vec<Option<HeadRow>>, StoreError> {
        let mut heads = self.inner.heads(conversations).await?;
        if self.is(Mutation::StaleHeads) {
            let first = &mut self.state.lock().first_heads;
            for (id, head) in conversations.iter().zip(&mut heads) {
                *head = head.map(|now| *first.entry(*id).or_insert(now));
            }
        }
        Ok(heads)
    }

    async fn range(&self, query: RangeQuery) -> Result<Vec<Record>, StoreError> {
        self.inner.range(query).await
    }

    async fn original(
        &self,
        conversation: ConversationId,
        sender: AccountId,
        message_id: MessageId,
    ) -> Result<Option<Record>, StoreError> {
        tokio::task::yield_now().await;
        if self.is(Mutation::ForgetNames) {
            return Ok(None);
        }
        self.inner.original(conversation, sender, message_id).await
    }

    async fn overlays(
        &self,
        conversation: ConversationId,
        from: Seq,
        up_to: Seq,
    ) -> Result<Vec<(Seq, Overlay)>, StoreError> {
        if self.is(Mutation::LoseOverlays) {
            return Ok(Vec::new());
        }
        self.inner.overlays(conversation, from, up_to).await
    }

    async fn changes(
        &self,
        conversation: ConversationId,
        after: u64,
        up_to: Seq,
        max: usize,
    ) -> Result<Vec<Seq>, StoreError> {
        self.inner.changes(conversation, after, up_to, max).await
    }

    async fn membership(
        &self,
        account: AccountId,
        conversation: ConversationId,
    ) -> Result<Option<MembershipRow>, StoreError> {
        let row = self.inner.membership(account, conversation).await?;
        Ok(row.map(|row| self.row(row)))
    }

    async fn memberships(
        &self,
        account: AccountId,
    ) -> Result<Vec<(ConversationId, MembershipRow)>, StoreError> {
        let mut rows = self.inner.memberships(account).await?;
        if self.is(Mutation::HideConversation) {
            rows.pop();
        }
        Ok(rows.into_iter().map(|(id, row)| (id, self.row(row))).collect())
    }
}
