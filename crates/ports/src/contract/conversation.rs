//! What every [`EventSink`] that is a [`ConversationStore`] must do, whatever it is made of.
//!
//! [`conversation_contract!`](crate::conversation_contract) stamps the suite out over a [`Place`].
#![expect(clippy::unwrap_used, reason = "a contract is a test")]

mod erasing;
mod reads;
pub mod sample;
pub mod seen;
mod sequence;
mod writes;

use std::sync::Arc;

use async_trait::async_trait;

use crate::conversation::ConversationStore;
use crate::sink::EventSink;

pub use erasing::*;
pub use reads::*;
pub use sequence::any_sequence_agrees_with_memory;
pub use writes::*;

/// A sink with the store that answers for it.
pub trait Conversations: EventSink + ConversationStore {}

impl<T: EventSink + ConversationStore> Conversations for T {}

/// Where conversations are kept.
#[async_trait]
pub trait Place: Send {
    /// Opens the store, closing the one that was opened before; the first time it is empty.
    async fn open(&mut self) -> Arc<dyn Conversations>;

    /// Opens the store after the one that was opened before stopped without closing.
    async fn crash(&mut self) -> Arc<dyn Conversations>;
}

/// Stamps out the contract of sink and store as tests over the place that `$place` makes.
#[macro_export]
macro_rules! conversation_contract {
    ($place:expr) => {
        $crate::conversation_contract! { $place =>
            what_was_never_committed_is_absent
            a_committed_group_answers_every_read
            a_submission_is_made_by_the_call
            positions_only_grow
            committing_again_changes_nothing
            what_does_not_continue_the_log_is_refused
            marks_are_maxima
            a_range_is_cut_at_its_end
            an_event_is_found_by_its_name
            overlays_fold_what_happened
            changes_name_each_target_once
            memberships_come_in_order
            a_snapshot_never_goes_back
            everything_is_there_after_opening_again
            what_is_deleted_loses_its_content
            committing_again_what_is_erased_changes_nothing
        }
    };
    ($place:expr => $($test:ident)*) => {
        $(#[tokio::test]
        async fn $test() {
            $crate::contract::conversation::$test(&mut $place).await;
        })*
    };
}
