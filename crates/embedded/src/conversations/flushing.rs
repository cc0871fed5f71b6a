//! What the flusher takes out of memory, and what it tells memory when the rows hold it.

use parlance_ports::{HeadRow, Snapshot};
use parlance_types::{AccountId, ConversationId, OverlayChange, Position, Seq};

use super::build::Built;
use super::head::Place;
use super::table::Table;

/// Everything that the rows lack of a conversation, at one moment.
pub(super) struct Copied {
    pub(super) id: ConversationId,
    pub(super) head: HeadRow,
    /// The last event that the rows hold.
    pub(super) flushed: u64,
    /// Encoded events from `first` to the head; some of them may be flushed already.
    pub(super) first: u64,
    pub(super) events: Vec<u8>,
    /// Target, event, change.
    pub(super) changes: Vec<(Seq, Seq, OverlayChange)>,
    pub(super) mentions: Vec<(AccountId, Seq)>,
    pub(super) places: Vec<CopiedPlace>,
    pub(super) snapshot: Option<Snapshot>,
    /// Everything up to here is in.
    up_to: Position,
    waiting: usize,
}

pub(super) struct CopiedPlace {
    pub(super) account: AccountId,
    pub(super) place: Place,
    /// The rows hold nothing more.
    pub(super) is_whole: bool,
}

/// What the rows hold now.
pub(super) struct Flushed {
    pub(super) id: ConversationId,
    pub(super) seq: u64,
    pub(super) snapshot: u64,
    pub(super) built: Built,
    up_to: Position,
    waiting: usize,
}

impl Copied {
    pub(super) fn flushed(&self, built: Built) -> Flushed {
        let Self { id, up_to, waiting, .. } = *self;
        let snapshot = self.snapshot.as_ref().map_or(0, |snapshot| snapshot.seq.get());
        Flushed { id, seq: self.head.seq.get(), snapshot, built, up_to, waiting }
    }
}

impl Table {
    /// `None`: there is nothing that the rows lack.
    pub(super) fn copy(&mut self, id: ConversationId) -> Option<Copied> {
        let up_to = self.applied;
        let slot = self.slot(id)?;
        let head = slot.head?;
        let tail = slot.tail.as_ref().filter(|tail| tail.is_dirty())?;
        let flushed = tail.flushed;
        let changes = tail.changes.iter().filter(|((_, by), _)| by.get() > flushed);
        let changes =
            changes.map(|((target, by), change)| (*target, *by, change.clone())).collect();
        let written = tail.places.iter().filter(|(_, kept)| kept.written.is_some());
        let places = written.map(|(account, kept)| CopiedPlace {
            account,
            place: kept.place.clone(),
            is_whole: kept.is_whole,
        });
        let copied = Copied {
            id,
            head,
            flushed,
            first: tail.first(),
            events: if head.seq.get() > flushed {
                tail.from(tail.first()).to_vec()
            } else {
                Vec::new()
            },
            changes,
            mentions: tail.mentions.clone(),
            places: places.collect(),
            snapshot: tail.snapshot.clone().filter(|_| tail.has_new_snapshot()),
            up_to,
            waiting: tail.waiting,
        };
        Some(copied)
    }

    /// Notes what the rows hold, and keeps of it what is likely to be asked for.
    pub(super) fn flushed(&mut self, done: Flushed, events_max: usize, bytes_max: usize) {
        let Flushed { id, seq, snapshot, built, up_to, waiting } = done;
        self.waiting = self.waiting.saturating_sub(waiting);
        let Some(tail) = self.slot(id).and_then(|slot| slot.tail.as_mut()) else { return };
        tail.places.flushed(up_to);
        for (account, place) in built.completed {
            tail.places.complete(account, place);
        }
        tail.flushed = seq;
        tail.waiting = tail.waiting.saturating_sub(waiting);
        tail.mentions.retain(|(_, at)| at.get() > seq);
        tail.snapshot_flushed = tail.snapshot_flushed.max(snapshot);
        if !tail.has_new_snapshot() {
            tail.snapshot = None;
        }
        tail.since = (tail.written > up_to).then(|| Position::new(up_to.get() + 1));
        tail.shorten(events_max, bytes_max);
        tail.erase(&built.gone);
        if tail.is_dirty() {
            self.dirty.push(id);
        }
    }
}
