//! Marks that were shown: they never go back, except by the last second before a crash or a failed group.

use std::collections::BTreeMap;

use parlance_types::frame::{AccountMarks, MarkFrame};
use parlance_types::{AccountId, ConversationId, Seq};

use super::Judge;

/// How long a mark may stay off the disk: the second that it lingers, and the longest that the simulation holds a commit.
const LINGER_MS: u64 = 1_000 + 2 * crate::faults::HOLD_MS_MAX;

#[derive(Clone, Copy, Debug)]
struct Shown {
    at_ms: u64,
    delivered: Option<Seq>,
    read: Option<Seq>,
}

/// What was shown of each account in each conversation, oldest first.
#[derive(Debug, Default)]
pub(super) struct MarkBook {
    shown: BTreeMap<(ConversationId, AccountId), Vec<Shown>>,
}

impl MarkBook {
    /// `marks` leave for a client that asked at `asked_ms`; says what is wrong with them.
    pub(super) fn shown(
        &mut self,
        conversation: ConversationId,
        marks: &AccountMarks,
        asked_ms: u64,
        now_ms: u64,
    ) -> Option<String> {
        let AccountMarks { account, delivered, read } = *marks;
        let all = self.shown.entry((conversation, account)).or_default();
        let before = all.iter().filter(|shown| shown.at_ms < asked_ms);
        let (mut known_delivered, mut known_read) = (None, None);
        for shown in before {
            known_delivered = shown.delivered.max(known_delivered);
            known_read = shown.read.max(known_read);
        }
        let goes_back = read < known_read || (delivered.is_some() && delivered < known_delivered);
        all.push(Shown { at_ms: now_ms, delivered, read });
        goes_back.then(|| {
            format!(
                "marks of {account} in {conversation} went back to {delivered:?} {read:?} from {known_delivered:?} {known_read:?}"
            )
        })
    }

    fn lose_last(&mut self, now_ms: u64) {
        for all in self.shown.values_mut() {
            all.retain(|shown| shown.at_ms + LINGER_MS < now_ms);
        }
    }
}

impl Judge {
    /// A mark frame is pushed.
    pub(crate) fn marked(&self, frame: &MarkFrame) {
        let now = self.clock.ms();
        let book = &mut *self.book.lock();
        for marks in &frame.marks {
            let stale = book.marks.shown(frame.conversation, marks, now, now);
            book.blame(stale);
        }
    }

    /// A crash, or a group that failed: the last second of marks may be gone.
    pub(crate) fn lost_marks(&self) {
        let now = self.clock.ms();
        self.book.lock().marks.lose_last(now);
    }
}
