//! The personal settings of an account, folded from its log.
//!
//! Invariant: what is kept is bounded, and a device that knows less than what was decided is never taken for one that knows all: settings
//! that were given back are remembered with their event, and when there are too many of those, the oldest are forgotten together with
//! everything older ([`Shelf::get`]).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use parlance_types::{ConversationId, Personal, PersonalAt, Seq, limits};

/// Settings that were given back, of which the event is still remembered.
const GIVEN_BACK_MAX: usize = 1_000;

/// What an account keeps of its conversations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shelf {
    kept: BTreeMap<ConversationId, Arc<PersonalAt>>,
    /// Those of `kept` in which nothing is wished, oldest first.
    given_back: BTreeSet<(Seq, ConversationId)>,
    /// The newest of what was given back and forgotten.
    forgotten: Option<Seq>,
    drafts: usize,
    draft_bytes: usize,
}

impl Shelf {
    /// What is kept of a conversation. `None`: nothing ever was. What was forgotten counts as given back when the newest of it was, so
    /// that whoever knows something older is told.
    pub fn get(&self, conversation: ConversationId) -> Option<Arc<PersonalAt>> {
        let kept = self.kept.get(&conversation).cloned();
        kept.or_else(|| {
            let personal = Personal::default();
            self.forgotten.map(|seq| Arc::new(PersonalAt { seq, personal }))
        })
    }

    /// Everything that is kept, in order of the conversations.
    pub fn iter(&self) -> impl Iterator<Item = (ConversationId, &Arc<PersonalAt>)> {
        self.kept.iter().map(|(conversation, kept)| (*conversation, kept))
    }

    /// The newest of what was given back and forgotten.
    pub(super) fn forgotten(&self) -> Option<Seq> {
        self.forgotten
    }

    /// Conversations of which something is wished, and how many of them have a draft.
    pub(crate) fn held(&self) -> (usize, usize) {
        (self.kept.len() - self.given_back.len(), self.drafts)
    }

    /// Folds what event `seq` made of a conversation.
    pub(super) fn put(&mut self, conversation: ConversationId, seq: Seq, personal: Personal) {
        self.take(conversation);
        if personal.is_default() {
            self.given_back.insert((seq, conversation));
        }
        if let Some(draft) = &personal.draft {
            self.drafts += 1;
            self.draft_bytes += draft.len();
        }
        self.kept.insert(conversation, Arc::new(PersonalAt { seq, personal }));
        if self.given_back.len() > GIVEN_BACK_MAX
            && let Some((seq, oldest)) = self.given_back.first().copied()
        {
            self.take(oldest);
            self.forgotten = self.forgotten.max(Some(seq));
        }
    }

    /// A shelf from which older things than these were forgotten.
    pub(super) fn forgetful(forgotten: Option<Seq>) -> Self {
        Self { forgotten, ..Self::default() }
    }

    /// Rough memory, in constant time.
    pub(super) fn bytes(&self) -> usize {
        /// A key, a pointer and what it points to, in trees that are two thirds full.
        const ONE: usize = 192;
        self.kept.len() * ONE + self.draft_bytes
    }

    fn take(&mut self, conversation: ConversationId) {
        let Some(known) = self.kept.remove(&conversation) else { return };
        self.given_back.remove(&(known.seq, conversation));
        if let Some(draft) = &known.personal.draft {
            self.drafts -= 1;
            self.draft_bytes -= draft.len();
        }
    }
}

/// Whether one more conversation, or one more draft, can be kept beside the others.
pub(crate) fn has_room(shelf: &Shelf, conversation: ConversationId, wish: &Personal) -> bool {
    let known = shelf.kept.get(&conversation).map(|known| &known.personal);
    let (held, drafts) = shelf.held();
    let adds = !wish.is_default() && known.is_none_or(Personal::is_default);
    let adds_draft = wish.draft.is_some() && known.is_none_or(|known| known.draft.is_none());
    (!adds || held < limits::PERSONAL_MAX) && (!adds_draft || drafts < limits::DRAFTS_MAX)
}
