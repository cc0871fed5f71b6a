//! What a cursor claims: everything up to it that the account may see was enqueued to the connection, or listed, or known before.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use parlance_ports::{ConversationStore, Direction, RangeQuery};
use parlance_types::{AccountId, ConversationId, Interval, Position, Record};

use super::Judge;
use crate::wire::Known;

/// Memory answers at once.
fn now<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => Some(answer),
        Poll::Pending => None,
    }
}

impl Judge {
    /// A cursor leaves for a connection that knows this.
    pub(crate) fn cursor(&self, account: AccountId, position: Position, known: &Known) {
        let store = self.store.lock().clone();
        let Some(Ok(memberships)) = now(store.memberships(account)) else { return };
        for (id, row) in memberships {
            let Some(Ok(heads)) = now(store.heads(&[id])) else { return };
            let Some(head) = heads.into_iter().next().flatten() else { continue };
            let left = row.membership.intervals.last().and_then(|stay| stay.left);
            let (at, last) = match left {
                Some(left) => (row.position, left),
                None => (head.position, head.seq),
            };
            if at > position {
                continue;
            }
            let seen = last_seen(&*store, id, &row.membership.intervals, last.get());
            let known = known.get(&id).copied().unwrap_or_default();
            if known < seen {
                self.violation(format!(
                    "a cursor of {account} covers {seen} of {id}, of which it knows {known}"
                ));
            }
        }
    }
}

/// The last event up to `last` that whoever has these stays may see.
fn last_seen(
    store: &impl ConversationStore,
    conversation: ConversationId,
    stays: &[Interval],
    last: u64,
) -> u64 {
    let query = RangeQuery {
        conversation,
        after: 0,
        up_to: parlance_types::Seq::new(last),
        direction: Direction::Descending,
        events_max: 20,
        bytes_max: usize::MAX,
    };
    let Some(Ok(records)) = now(store.range(query)) else { return 0 };
    let sees =
        |seq| stays.iter().any(|stay| stay.from <= seq && stay.left.is_none_or(|left| seq <= left));
    let shows = |record: &&Record| sees(record.seq) && record.target.is_none_or(sees);
    records.iter().rfind(shows).map_or(0, |record| record.seq.get())
}
