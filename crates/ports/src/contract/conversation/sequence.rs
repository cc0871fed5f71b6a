//! Any sequence of commits, with an opening again at any point, reads back as memory reads back.

use std::sync::Arc;

use bytes::Bytes;
use parlance_types::{ConversationId, Entry, Epoch, OverlayChange, Position, Record, Seq};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::sample::{self, Talk, account, seq};
use super::seen::{ACCOUNTS, Seen, see, without_deleted};
use super::{Conversations, Place};
use crate::conversation::{ConversationStore, Direction, RangeQuery, Snapshot};
use crate::memory::MemoryConversations;
use crate::sink::{EventSink, Group};

const TALKS: u8 = 4;
/// Talks in which messages are deleted.
const MAY_DELETE: std::ops::Range<u8> = 2..TALKS;

#[derive(Clone, Debug)]
enum Step {
    Commit {
        events: Vec<Event>,
        marks: Vec<Marked>,
    },
    /// A group of long ago, again.
    CommitAgain(prop::sample::Index),
    Save {
        talk: u8,
        up_to: prop::sample::Index,
    },
    Read(Query),
    OpenAgain {
        after_crash: bool,
    },
}

#[derive(Clone, Debug)]
struct Event {
    talk: u8,
    sender: u8,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    Text { bytes: usize, id_ahead_ms: i64 },
    Texts { count: u64 },
    Change { target: prop::sample::Index, change: OverlayChange },
    Add { joined: u8 },
}

#[derive(Clone, Debug)]
struct Marked {
    talk: u8,
    account: u8,
    delivered: prop::sample::Index,
    read: prop::sample::Index,
}

/// A range with random limits, and the names that it finds.
#[derive(Clone, Debug)]
struct Query {
    talk: u8,
    bounds: (prop::sample::Index, prop::sample::Index),
    descending: bool,
    events_max: usize,
    bytes_max: usize,
}

fn events() -> impl Strategy<Value = Event> {
    let change = (0..ACCOUNTS, 0..4_u8).prop_map(|(by, change)| match change {
        0 => OverlayChange::Edited,
        1 => OverlayChange::Deleted,
        2 => sample::no_thumb(account(by)),
        _ => sample::thumb(account(by)),
    });
    let ahead = prop::sample::select(vec![0, 299_000, -3_000, -7_200_000]);
    let what = prop_oneof![
        6 => (0..400_usize, ahead).prop_map(|(bytes, id_ahead_ms)| What::Text { bytes, id_ahead_ms }),
        1 => (1..150_u64).prop_map(|count| What::Texts { count }),
        3 => (any::<prop::sample::Index>(), change).prop_map(|(target, change)| What::Change { target, change }),
        2 => (0..ACCOUNTS).prop_map(|joined| What::Add { joined }),
    ];
    (0..TALKS, 0..ACCOUNTS, what).prop_map(|(talk, sender, what)| Event { talk, sender, what })
}

fn steps() -> impl Strategy<Value = Step> {
    use any as index;
    type Index = prop::sample::Index;
    let marked = (0..TALKS, 0..ACCOUNTS, index::<Index>(), index::<Index>())
        .prop_map(|(talk, account, delivered, read)| Marked { talk, account, delivered, read });
    let group = (prop::collection::vec(events(), 0..8), prop::collection::vec(marked, 0..3));
    let query =
        (0..TALKS, (index::<Index>(), index::<Index>()), any::<bool>(), 0..80_usize, 0..4000_usize)
            .prop_map(|(talk, bounds, descending, events_max, bytes_max)| {
                Step::Read(Query { talk, bounds, descending, events_max, bytes_max })
            });
    prop_oneof![
        8 => group.prop_map(|(events, marks)| Step::Commit { events, marks }),
        1 => index::<Index>().prop_map(Step::CommitAgain),
        1 => (0..TALKS, index::<Index>()).prop_map(|(talk, up_to)| Step::Save { talk, up_to }),
        5 => query,
        2 => any::<bool>().prop_map(|after_crash| Step::OpenAgain { after_crash }),
    ]
}

/// The store under test beside the model.
struct Pair {
    store: Arc<dyn Conversations>,
    model: MemoryConversations,
    talks: Vec<Talk>,
    groups: Vec<Group>,
    /// Where each group ends: in the store, in the model.
    ends: Vec<(Position, Position)>,
}

impl Pair {
    fn group(&mut self, events: &[Event], marks: &[Marked]) -> Group {
        let mut entries: Vec<Entry> = Vec::new();
        for Event { talk: number, sender, what } in events {
            let (talk, sender) = (&mut self.talks[usize::from(*number)], account(*sender));
            match what {
                What::Text { bytes, id_ahead_ms } => {
                    entries.push(talk.text(sender, &vec![b'x'; *bytes], *id_ahead_ms));
                }
                What::Texts { count } => entries.extend(talk.texts(*count)),
                What::Change { .. } if talk.length() == 0 => {}
                // What is deleted has no bytes any more, sooner or later: half of the talks keep what ranges are cut by.
                What::Change { change: OverlayChange::Deleted, .. }
                    if !MAY_DELETE.contains(number) => {}
                What::Change { target, change } => {
                    let target = 1 + target.index(talk.length() as usize) as u64;
                    entries.push(talk.change(sender, seq(target), change.clone()));
                }
                What::Add { joined } => entries.push(talk.add(sender, &[account(*joined)])),
            }
        }
        let mut rows = Vec::new();
        for Marked { talk, account: of, delivered, read } in marks {
            let talk = &self.talks[usize::from(*talk)];
            let up_to =
                |index: &prop::sample::Index| index.index(talk.length() as usize + 1) as u64;
            if talk.length() > 0 {
                rows.push(sample::mark(account(*of), talk.id, up_to(delivered), up_to(read)));
            }
        }
        Group { marks: rows, ..sample::group(entries) }
    }

    async fn commit(&mut self, group: Group) -> Result<(), TestCaseError> {
        let is_empty = group.entries.is_empty() && group.marks.is_empty();
        let made = self.store.commit(group.clone()).await;
        let expected = self.model.commit(group.clone()).await;
        let (Ok(made), Ok(expected)) = (made.clone(), expected) else {
            return Err(TestCaseError::fail(format!("a group was refused: {made:?}")));
        };
        prop_assert!(self.store.durable() >= made.end);
        if !is_empty {
            prop_assert!(self.ends.last().is_none_or(|(last, _)| *last < made.end));
            self.ends.push((made.end, expected.end));
            self.groups.push(group);
        }
        Ok(())
    }

    async fn compare(&self) -> Result<(), TestCaseError> {
        let ids: Vec<ConversationId> = self.talks.iter().map(|talk| talk.id).collect();
        let found =
            ranked(see(&*self.store, &ids).await, |at| self.ends.partition_point(|end| end.0 < at));
        let expected =
            ranked(see(&self.model, &ids).await, |at| self.ends.partition_point(|end| end.1 < at));
        prop_assert_eq!(&found.heads, &expected.heads);
        prop_assert_eq!(&found.memberships, &expected.memberships);
        for (found, expected) in found.talks.iter().zip(&expected.talks) {
            prop_assert_eq!(&found.marks, &expected.marks);
            prop_assert_eq!(&found.changes, &expected.changes);
            prop_assert_eq!(&found.overlays, &expected.overlays);
            prop_assert_eq!(&found.records, &expected.records);
        }
        Ok(())
    }

    async fn read(&self, query: &Query) -> Result<(), TestCaseError> {
        let talk = &self.talks[usize::from(query.talk)];
        let may_delete = MAY_DELETE.contains(&query.talk);
        let bound = |index: &prop::sample::Index| index.index(talk.length() as usize + 2) as u64;
        let query = RangeQuery {
            conversation: talk.id,
            after: bound(&query.bounds.0),
            up_to: Seq::new(bound(&query.bounds.1)),
            direction: if query.descending { Direction::Descending } else { Direction::Ascending },
            events_max: query.events_max,
            bytes_max: if may_delete { usize::MAX } else { query.bytes_max },
        };
        let overlays = self.model.overlays(talk.id, Seq::FIRST, seq(Seq::MAX)).await;
        let overlays = overlays.unwrap_or_default();
        let without = |records| without_deleted(records, &overlays);
        let (found, expected) = (self.store.range(query).await, self.model.range(query).await);
        let (found, expected) = (found.map(without), expected.map(without));
        prop_assert_eq!(&found, &expected, "{:?}", query);
        for record in expected.into_iter().flatten() {
            let named = self.store.original(talk.id, record.sender, record.message_id).await;
            let first = self.model.original(talk.id, record.sender, record.message_id).await;
            let without = |found: Option<Record>| without(found.into_iter().collect());
            prop_assert_eq!(named.map(without), first.map(without), "{:?}", record);
        }
        let (after, up_to) = (query.after, query.up_to.unwrap_or(Seq::FIRST));
        let from = seq(after + 1);
        let found = self.store.overlays(talk.id, from, up_to).await;
        prop_assert_eq!(found, self.model.overlays(talk.id, from, up_to).await);
        let found = self.store.changes(talk.id, after, up_to, query.events_max).await;
        prop_assert_eq!(found, self.model.changes(talk.id, after, up_to, query.events_max).await);
        Ok(())
    }
}

/// Positions of two stores differ; which group they are of does not.
fn ranked(mut seen: Seen, rank: impl Fn(Position) -> usize) -> Seen {
    let rank = |at: &mut Position| {
        if *at != Position::ZERO {
            *at = Position::new(1 + rank(*at) as u64);
        }
    };
    for head in seen.heads.iter_mut().flatten() {
        rank(&mut head.position);
        rank(&mut head.marked);
    }
    for (_, row) in seen.memberships.iter_mut().flatten() {
        rank(&mut row.position);
        rank(&mut row.marks.position);
    }
    for (_, marks) in seen.talks.iter_mut().flat_map(|talk| &mut talk.marks) {
        rank(&mut marks.position);
    }
    seen
}

async fn run(place: &mut impl Place, steps: &[Step]) -> Result<(), TestCaseError> {
    let mut pair = Pair {
        store: place.open().await,
        model: MemoryConversations::new(Epoch::default()),
        talks: (0..TALKS).map(Talk::new).collect(),
        groups: Vec::new(),
        ends: Vec::new(),
    };
    for step in steps {
        match step {
            Step::Commit { events, marks } => {
                let group = pair.group(events, marks);
                pair.commit(group).await?;
            }
            Step::CommitAgain(which) => {
                if let Some(group) = pair.groups.get(which.index(pair.groups.len().max(1))) {
                    let again = Group { entries: group.entries.clone(), marks: Vec::new() };
                    let again = pair.store.commit(again).await;
                    prop_assert!(again.is_ok(), "committed again: {:?}", again);
                }
            }
            Step::Save { talk, up_to } => {
                let talk = &pair.talks[usize::from(*talk)];
                let at = up_to.index(talk.length() as usize + 1) as u64;
                if let Some(seq) = Seq::new(at) {
                    pair.store.save(talk.id, Snapshot { seq, state: Bytes::from(vec![1; 50]) });
                }
            }
            Step::Read(query) => pair.read(query).await?,
            Step::OpenAgain { after_crash } => {
                let closed: Arc<dyn Conversations> =
                    Arc::new(MemoryConversations::new(Epoch::default()));
                drop(std::mem::replace(&mut pair.store, closed));
                pair.store = if *after_crash { place.crash().await } else { place.open().await };
                pair.compare().await?;
            }
        }
    }
    pair.compare().await
}

/// Runs `cases` sequences, each over a new place.
pub fn any_sequence_agrees_with_memory<P: Place>(cases: u32, new: impl Fn() -> P) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime of one thread can be built");
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let found = TestRunner::new(config).run(&prop::collection::vec(steps(), 1..40), |steps| {
        runtime.block_on(run(&mut new(), &steps))
    });
    if let Err(error) = found {
        panic!("a store of conversations differs from memory: {error}");
    }
}
