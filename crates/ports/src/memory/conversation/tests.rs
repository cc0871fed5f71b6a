use std::sync::Arc;

use async_trait::async_trait;
use parlance_types::Epoch;

use super::{CommitFault, MemoryConversations};
use crate::contract::conversation::sample::{Talk, all, group};
use crate::contract::conversation::{self, Conversations, Place};
use crate::conversation::ConversationStore;
use crate::sink::{CommitError, EventSink};

/// Closing and crashing are the same to memory.
struct Memory(MemoryConversations);

fn memory() -> Memory {
    Memory(MemoryConversations::new(Epoch::from_bytes([7; 16])))
}

#[async_trait]
impl Place for Memory {
    async fn open(&mut self) -> Arc<dyn Conversations> {
        self.crash().await
    }

    async fn crash(&mut self) -> Arc<dyn Conversations> {
        Arc::new(self.0.reopen(0))
    }
}

crate::conversation_contract!(memory());

#[test]
fn any_sequence_agrees() {
    conversation::any_sequence_agrees_with_memory(16, memory);
}

async fn length(store: &MemoryConversations, talk: &Talk) -> u64 {
    let heads = store.heads(&[talk.id]).await.unwrap();
    heads[0].map_or(0, |head| head.seq.get())
}

#[tokio::test]
async fn a_full_store_refuses_what_was_built_on_the_refused_group() {
    let store = memory().0;
    let mut talk = Talk::new(1);
    store.faults().inject([CommitFault::None, CommitFault::Full]);
    store.faults().hold();
    let first = store.commit(group(talk.texts(2)));
    let durable = talk.clone();
    let (second, third) = (store.commit(group(talk.texts(2))), store.commit(group(talk.texts(2))));
    store.faults().release_all();
    let late = store.commit(group(talk.texts(1)));
    assert!(first.await.is_ok());
    for refused in [second, third, late] {
        assert_eq!(refused.await, Err(CommitError::Full));
    }
    talk.back_to(&durable);
    store.commit(group(talk.texts(1))).await.unwrap();
    assert_eq!(length(&store, &talk).await, 3);
}

#[tokio::test]
async fn an_unknown_outcome_shows_after_a_restart() {
    for survives in [true, false] {
        let store = memory().0;
        let mut talk = Talk::new(1);
        store.commit(group(talk.texts(1))).await.unwrap();
        store.faults().inject([CommitFault::Unknown { survives }]);
        let unknown = store.commit(group(talk.texts(2))).await;
        assert!(matches!(unknown, Err(CommitError::Unknown(_))));
        let later = store.commit(group(talk.texts(1))).await;
        assert!(matches!(later, Err(CommitError::Broken(_))));
        assert_eq!(length(&store, &talk).await, 1);
        let again = store.reopen(0);
        assert_eq!(length(&again, &talk).await, if survives { 3 } else { 1 });
        assert!(store.range(all(talk.id)).await.is_err(), "the handle of before is dead");
        assert!(store.commit(group(talk.texts(1))).await.is_err());
    }
}

#[tokio::test]
async fn a_crash_loses_some_of_what_was_not_answered() {
    let store = memory().0;
    let mut talk = Talk::new(1);
    store.faults().hold();
    let commits: Vec<_> = (0..4).map(|_| store.commit(group(talk.texts(1)))).collect();
    store.faults().release(1);
    assert_eq!((store.faults().unanswered(), length(&store, &talk).await), (3, 1));
    let store = store.reopen(1);
    assert_eq!(length(&store, &talk).await, 2);
    let outcomes = futures(commits).await;
    assert!(outcomes[0] && outcomes[1] && !outcomes[2] && !outcomes[3]);
    let mut rest = Talk::new(1);
    rest.texts(2);
    store.commit(group(rest.texts(1))).await.unwrap();
}

async fn futures(commits: Vec<crate::CommitFuture>) -> Vec<bool> {
    let mut outcomes = Vec::new();
    for commit in commits {
        outcomes.push(commit.await.is_ok());
    }
    outcomes
}

#[tokio::test]
async fn a_lying_disk_loses_what_it_acknowledged() {
    let store = memory().0;
    let mut talk = Talk::new(1);
    store.commit(group(talk.texts(1))).await.unwrap();
    store.faults().lie(true);
    store.commit(group(talk.texts(1))).await.unwrap();
    store.faults().lie(false);
    store.commit(group(talk.texts(1))).await.unwrap();
    assert_eq!(length(&store, &talk).await, 3);
    assert_eq!(length(&store.reopen(0), &talk).await, 1);
}
