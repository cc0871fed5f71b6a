use std::sync::Arc;

use async_trait::async_trait;

use super::{AccountFault, FaultyAccounts, MemoryAccounts};
use crate::account::{AccountError, AccountStore};
use crate::contract::account::{self, Place, sample};

/// Opening it again finds the same memory.
#[derive(Default)]
struct Memory(Arc<MemoryAccounts>);

#[async_trait]
impl Place for Memory {
    async fn open(&mut self) -> Arc<dyn AccountStore> {
        self.0.clone()
    }
}

crate::account_contract!(Memory::default());

#[tokio::test]
async fn a_lost_answer_wrote_and_a_refusal_did_not() {
    let store = FaultyAccounts::new(Arc::new(MemoryAccounts::default()));
    let (one, two) = (sample::account(1, "ada"), sample::account(2, "grace"));
    store.inject([AccountFault::LoseAnswer, AccountFault::Refuse(AccountError::Full)]);
    let lost = sample::create(&store, &one).await;
    assert!(matches!(lost, Err(AccountError::Unknown(_))), "{lost:?}");
    assert_eq!(sample::create(&store, &two).await, Err(AccountError::Full));
    let found = store.accounts(&[one.id, two.id]).await;
    assert_eq!((found, store.calls()), (Ok(vec![one]), 3));
}

#[test]
fn any_sequence_agrees() {
    account::any_sequence_agrees_with_memory(16, Memory::default);
}
